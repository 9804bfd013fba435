"""All that people read can be said in their language: on every page, and in every template.

Here each translatable text comes out in brackets, so whatever letters are left outside of brackets are
either data or were forgotten.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.template.base import Lexer, TokenType
from django.utils.translation.trans_real import DjangoTranslation

from syncadmin.core import fieldtype, plan, policy, side
from syncadmin.models import EntryKind, LinkStatus, PassState
from syncadmin.permissions import make_groups
from syncadmin.survey.forms import FORMATS
from syncadmin.words import ALL
from tests.browser.card_states import STATES, a_rich_mapping
from tests.builders import a_conflict, a_guard_stop, a_pass, a_user
from tests.survey.built import a_survey

pytestmark = pytest.mark.runs_once

OPEN, SHUT = "\u27e6", "\u27e7"
READ = ("aria-label", "title", "placeholder", "alt", "data-words")
MUTE = {"script", "style", "code", "kbd", "svg", "bdi", "time"}
VOID = {"input", "img", "meta", "link", "br", "hr", "area", "base", "col", "embed", "source", "track", "wbr"}


def bracketed(message: str) -> str:
    return OPEN + message.rpartition("\x04")[2] + SHUT


class Reader(HTMLParser):
    """Collects what is read of a page, or heard."""

    def __init__(self) -> None:
        super().__init__()
        self.path: list[tuple[str, bool]] = []
        self.found: list[str] = []

    def handle_starttag(self, tag, attributes):
        held = dict(attributes)
        self.found += [held[name] for name in READ if held.get(name)]
        if tag == "input" and held.get("type") in ("submit", "button"):
            self.found.append(held.get("value") or "")
        if tag not in VOID:
            icon = "material-symbols" in (held.get("class") or "")
            self.path.append((tag, tag in MUTE or icon))

    def handle_endtag(self, tag):
        while self.path and self.path.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not any(mute for _, mute in self.path):
            self.found.append(data)


def outside_brackets(html: str) -> list[str]:
    """The texts of a page that hold letters outside of brackets."""
    reader = Reader()
    reader.feed(html)
    left, depth = [], 0  # a sentence may go on behind a tag
    for text in reader.found:
        kept = []
        for letter in text:
            depth += letter == OPEN
            if not depth:
                kept.append(letter)
            depth -= letter == SHUT
        if re.search(r"[^\W\d_]{2}", rest := " ".join("".join(kept).split())):
            left.append(rest)
    return left


TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: "/".join(path.parts[-2:]))
def test_a_template_says_nothing_that_cannot_be_translated(path):
    parts, translated = [], False
    for token in Lexer(path.read_text()).tokenize():
        if token.token_type is TokenType.BLOCK and token.contents.startswith(("blocktrans", "comment")):
            translated = True
        elif token.token_type is TokenType.BLOCK and token.contents.startswith(
            ("endblocktrans", "endcomment")
        ):
            translated = False
        elif not translated:
            parts.append(token.contents if token.token_type is TokenType.TEXT else "0")

    assert [text for text in outside_brackets("".join(parts)) if not is_data(text)] == []


# names, keys and values of the sample records, the languages' own names, the product's
DATA = re.compile(
    r"""SyncAdmin|English|en|Deutsch|de|clara|crm|CRM|Web|shop|rest|sql|UTC|GmbH|open|shut|vip|export|old|new
    |k3x9q0aavv2lb7d|customers(_[lr])?|Customers|Ada|Lovelace|Grace|Hopper|Emmy|Noether|Lise|Meitner|Bob|Cid
    |Auditor|Integrator|Operator|Reviewer|md5|ms|mailtos|user|password|[0-9a-f]{6}\*+|anna|example|com|size|colour|red|P\w+
    |(?i:name|phone|tags|credit|visits|active|born|seen|status|extra|city|email)""",
    re.VERBOSE,
)


def is_data(text: str) -> bool:
    """Whether nothing but data is in a text: words of at least two letters that are not known are none."""
    words = re.findall(r"\w+\**", text)
    return all(DATA.fullmatch(word) for word in words if re.search(r"[^\W\d_]{2}", word))


@pytest.fixture
def brackets(monkeypatch):
    """German of which every sentence is its English one in brackets."""
    monkeypatch.setattr(DjangoTranslation, "gettext", lambda self, message: bracketed(message))
    monkeypatch.setattr(
        DjangoTranslation, "ngettext", lambda self, one, many, number: bracketed(one if number == 1 else many)
    )


@pytest.fixture
def mapping(db):
    return a_rich_mapping()


@pytest.fixture
def read(client, mapping, brackets):
    """`read(address)` answers what is on a page that is neither translatable nor data."""
    make_groups(Group, Permission)
    user = a_user(name="clara")
    user.is_superuser = True
    user.save()
    client.force_login(user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "de"

    def read_(address: str, **headers: str) -> list[str]:
        answer = client.get(address, headers=headers)
        assert answer.status_code == 200
        html = answer.content.decode()
        assert OPEN in html
        return [text for text in outside_brackets(html) if not is_data(text)]

    return read_


@pytest.mark.parametrize("state", [name for name in STATES if name != "long"])
def test_a_card_can_be_translated(read, mapping, state):
    conflict = STATES[state](mapping)

    found = read(f"/conflicts/{conflict.pk}/", **{"HX-Request": "true"})

    assert found == []


def test_our_other_pages_can_be_translated(read, mapping):
    conflict = a_conflict(mapping)
    STATES["simple"](mapping)
    stop = a_guard_stop(mapping, reason="")
    mapping.state.message = ""
    mapping.state.stopped = "guard"
    mapping.state.save()
    passes = [a_pass(mapping, state.value) for state in PassState]
    addresses = [
        "/",
        "/conflicts/",
        "/conflicts/?view=groups",
        "/passes/",
        *(f"/passes/{one.pk}/" for one in passes),
        f"/guard-stops/{stop.pk}/",
        "/history/",
        f"/history/{mapping.name}/{conflict.link_id}/",
        "/notifications/",
        "/conflicts/bulk/",
        "/conflicts/bulk/new/",
        "/conflicts/team/",
        "/conflicts/views/",
        "/conflicts/rules/",
        f"/mappings/{mapping.name}/risk/",
    ]

    assert {address: found for address in addresses if (found := read(address))} == {}


def test_surveys_can_be_translated(read, mapping):
    ends = mapping.left, mapping.right
    running = a_survey(*ends, state="running", result=None, side="left", read=7, total=20)
    ended = a_survey(*ends, state="interrupted", result=None, side="left", message="")
    done = a_survey(*ends)
    fields = {field["name"] for side in ("left", "right") for field in done.result[side]["fields"]}
    addresses = ["/surveys/", *(f"/surveys/{one.pk}/" for one in (running, ended, done))]

    found = {address: set(read(address)) - fields - {"ines", "ines ·"} for address in addresses}
    assert {address: texts for address, texts in found.items() if texts} == {}


def test_the_admin_can_be_translated(read, mapping):
    system, rest = mapping.left.system, mapping.right.system
    addresses = [
        "/admin/",
        "/admin/syncadmin/system/",
        f"/admin/syncadmin/system/{system.pk}/history/",
        "/admin/syncadmin/mapping/",
        f"/admin/syncadmin/mapping/{mapping.pk}/change/",
        f"/admin/syncadmin/mapping/{mapping.pk}/history/",
        "/admin/auth/user/",
    ]

    assert {address: found for address in addresses if (found := read(address))} == {}
    for one in (system, rest):
        found = read(f"/admin/syncadmin/system/{one.pk}/change/")
        assert [text for text in found if "/" not in text and "${" not in text] == []


def test_every_code_that_is_shown_is_a_known_word():
    codes = (
        policy.Drift, policy.Merge, policy.FirstContact, policy.Create, policy.Deletes, policy.EditVsDelete,
        policy.LeftScope, fieldtype.Kind, side.Side, plan.ConflictKind, plan.PickKind, plan.RecordPickKind,
        plan.Disposition, plan.Op, EntryKind, LinkStatus, PassState,
    )  # fmt: skip

    assert {str(code.value) for kind in codes for code in kind} - set(ALL) == set()
    assert {code.value.replace("_", " ") for code in fieldtype.Normalize} - set(ALL) == set()
    assert set(FORMATS) - set(ALL) == set()
