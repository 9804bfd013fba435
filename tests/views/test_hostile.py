"""Values of other systems are strangers' texts: on no page are they markup, turn letters round or fill it."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group, Permission
from django.utils import timezone

from conflicts.models import BulkRun, Comment
from conflicts.services import bulk
from syncadmin.models import System
from syncadmin.permissions import make_groups
from tests.builders import a_conflict, a_guard_stop, a_mapping, a_user, an_ambiguous_match, journal

SCRIPT = "<script>window.taken = 1</script>"
VALUES = {
    "script": SCRIPT,
    "attribute": '"\' autofocus onfocus="window.taken = 1',
    "image": '<img src="x" onerror="window.taken = 1">',
    "address": "javascript:window.taken=1",
    "template": "{{ settings.SECRET_KEY }}{% debug %}",
    "entity": "&lt;b&gt;&#60;script&#62;",
    "turned": "abc\u202edcba\u2066x\u200f\u061c",
    "unseen": "a\u200bb\u00a0c\u00ad\ufeff\x07",
    "formula": '=HYPERLINK("http://x.example","free")',
    "letters": "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f" * 40,
}
BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
MEGABYTE = 1_000_000
BOUND = 500_000  # characters that a page may have, however long the values are

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]


class Markup(HTMLParser):
    """What a browser would run, and the texts that it would show in their own order of letters."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.shown: list[str] = []
        self.apart = 0  # in how many elements that keep the order of letters to themselves
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        held = {name: text or "" for name, text in attributes}
        self.apart += tag in ("bdi", "textarea")
        own = held.get("src", "").startswith(("/static/", "/admin/jsi18n/"))
        if tag == "script" and not own and held.get("type") != "application/json":
            self.runs.append(f"script {held}")
        self.runs += [f"{tag} {name}" for name in held if name.startswith("on")]
        links = [name for name in ("href", "src", "action") if held.get(name, "").startswith("javascript:")]
        self.runs += [f"{tag} {name}" for name in links]

    def handle_endtag(self, tag):
        self.apart -= tag in ("bdi", "textarea")

    def handle_data(self, data):
        if not self.apart:
            self.shown.append(data)


def a_world(value: str) -> list[str]:
    """Records, people's words and names that are all `value`; answers the addresses of the pages on them."""
    short = value[:100]
    named = (
        "Customers" if set(short) & set(BIDI) else short
    )  # named by the integrator, who may name them badly
    mapping = a_mapping(label=named)
    System.objects.update(label=named)
    conflict = a_conflict(
        mapping,
        label=value[:200],
        fields={
            "name": (value, "before", value + "!"),
            "tags": ([value], [], []),
            "extra": ({"k": value}, {}, None),
        },
        reason="both sides changed it",
        snapshot={side: {"name": value, "phone": value} for side in ("left", "right")},
    )
    refused = a_conflict(
        mapping,
        "rejected",
        said=value,
        fields={"phone": (value, "+49 30 1")},
        snapshot={"refused": {"side": "right", "op": "update", "values": {"phone": value}}},
    )
    match = an_ambiguous_match(
        mapping,
        key=short,
        candidates=[short + "1", "R-2"],
        snapshot={
            "left": {"name": value},
            "candidates": {short + "1": {"name": value}, "R-2": {"name": "b"}},
        },
    )
    person = a_user(name="ann")
    person.first_name = named
    person.save()
    Comment.objects.create(
        conflict=conflict, author=person, text=value[:2000], at=timezone.now(), token=uuid4()
    )
    held = a_conflict(mapping, hold_reason=value[:200], held_by=person)
    held.claimed_by, held.claimed_until = person, timezone.now() + timedelta(minutes=5)
    held.save()
    place = {"side": "left", "key": short, "link_id": conflict.link_id}
    journal(
        mapping,
        {**place, "field": "name", "old": value, "new": value + "!", "actor": short},
        {**place, "new": {"name": value}},
        {**place, "kind": "note", "rule": f"conflict #1: {value[:200]}"},
    )
    example = {"label": short, "from": short, "to": short}
    change = {"from": {"phone": short}, "to": {"phone": short}}
    evidence = {
        "known": 10,
        "counts": {"right": {"deletes": 1, "changes": 1, "blanks": 0}},
        "fields": {"right update phone": 1},
        "losses": [{"side": "right", "field": "phone", "how": "shrink", "count": 1, "examples": [example]}],
        "sample": [{**example, "side": "right", "op": "update", "key": short, **change}],
    }
    stop = a_guard_stop(mapping, evidence=evidence)
    cards = [f"/conflicts/{one.pk}/" for one in (conflict, refused, match, held)]
    return [
        *cards,
        "/",
        "/conflicts/",
        f"/conflicts/?search={short[:20]}",
        "/conflicts/?view=groups",
        "/conflicts/team/",
        "/conflicts/bulk/new/",
        "/history/",
        f"/history/{mapping.name}/{conflict.link_id}/",
        f"/guard-stops/{stop.pk}/",
        "/notifications/",
        "/admin/syncadmin/mapping/",
        f"/admin/syncadmin/mapping/{mapping.pk}/change/",
        f"/admin/syncadmin/mapping/{mapping.pk}/history/",
        "/admin/syncadmin/system/",
    ]


@pytest.fixture
def chief(client):
    make_groups(Group, Permission)
    user = a_user(name="clara")
    user.is_superuser = True
    user.save()
    client.force_login(user)
    client.user = user
    return client


def pages(client, value):
    for address in a_world(value):
        answer = client.get(address.split("?")[0], dict(p.split("=", 1) for p in address.split("?")[1:]))
        assert answer.status_code == 200, address
        yield address, answer.content.decode()
    run = preview(client)
    for address in (f"/conflicts/bulk/{run.pk}/", f"/conflicts/bulk/{run.pk}/items/"):
        yield address, client.get(address).content.decode()


def preview(client) -> BulkRun:
    """A bulk run over everything that is open, ready to be confirmed."""
    client.post("/conflicts/bulk/new/", {"rule": "left"})
    run = BulkRun.objects.get()
    while bulk.step(run.pk).more:
        pass
    return run


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_no_value_becomes_markup_or_turns_what_stands_beside_it(chief, value):
    found = {}
    for address, html in pages(chief, value):
        markup = Markup(html)
        turned = [text for text in markup.shown if any(letter in text for letter in BIDI)]
        if markup.runs or turned:
            found[address] = markup.runs + turned

    assert found == {}


@pytest.mark.parametrize(
    "text", ["x" * MEGABYTE, "word " * (MEGABYTE // 5), "<" * MEGABYTE], ids=["long", "words", "markup"]
)
def test_a_page_stays_small_however_long_a_value_is(chief, text):
    ours = [(address, html) for address, html in pages(chief, text) if not address.startswith("/admin/")]
    too_large = {address: len(html) for address, html in ours if len(html) > BOUND}

    assert too_large == {}


def test_no_cell_of_an_export_is_a_formula(chief):
    a_world(VALUES["formula"])
    run = preview(chief)
    for address in ("/history/export.csv", f"/conflicts/bulk/{run.pk}/items.csv"):
        answer = chief.get(address)
        text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]

        assert any("HYPERLINK" in cell for cell in cells), address
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t"))] == [], address
