"""What is wrong with systems and mappings is said in the reader's language, also if stored in English."""

import ast
import re
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils.translation import override

import connectors
from connectors.base import FieldInfo, Misconfigured, ResourceInfo, Retry
from syncadmin.config.load import Known, load
from syncadmin.config.problems import BadConfig
from syncadmin.config.verify import misfits
from syncadmin.core.side import Side
from syncadmin.engine.binding import ensure_fits
from syncadmin.models import MappingState
from syncadmin.troubles import ENDS, told
from tests.builders import a_mapping, a_pass
from tests.views.test_reasons import said

pytestmark = pytest.mark.runs_once

# what is called with what is wrong, and where that stands
SAYS = {
    **dict.fromkeys(("Misconfigured", "Retry", "Unreadable", "ValueError", "misconfigured"), slice(1)),
    "CheckItem": slice(2, 4),
}
NO_WORDS = re.compile(r"`[^`]*`|GRANT \w+ ON|\bX\b")
WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")

SPOKEN = {
    "shop customers: /v1/customers answered with status 401: the credentials are missing or wrong: "
    "check `auth` (it said: no, thanks)": "shop customers: /v1/customers hat mit Status 401 geantwortet: "
    "die Zugangsdaten fehlen oder sind falsch: prüfen Sie `auth` (Antwort: no, thanks)",
    "crm: cannot reach db:5432 while reading changes (it said: refused)": "crm: db:5432 ist nicht erreichbar "
    "(Lesen von Änderungen) (Antwort: refused)",
    "http://shop:1 cannot be reached": "http://shop:1 ist nicht erreichbar",
    "the hub's database failed: no space; full": "die Datenbank des Hubs hat versagt: no space; full",
    "is not a database address; expected sqlite:///file": "ist keine Adresse einer Datenbank; erwartet wird "
    "sqlite:///file",
    "quite another thing; and more. Or less": "quite another thing; and more. Or less",
    "text: left": "text: left",
    "": "",
}


@pytest.mark.parametrize("text", SPOKEN)
def test_what_a_connector_said_is_said_in_german(text):
    with override("de"):
        assert told(text) == SPOKEN[text]
    assert told(text) == text


def sentences():
    """All that connectors say is wrong, with X for what is put in."""
    for path in Path(connectors.__file__).parent.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in [] if "testing" in path.parts else calls:
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            for node in call.args[SAYS[name]] if name in SAYS else ():
                if text := said(node):
                    yield pytest.param(text, id=f"{path.stem} {call.lineno}")


@pytest.mark.parametrize("text", list(sentences()))
def test_all_that_connectors_say_is_said_in_german(text):
    with override("de"):
        german = told(text)
    left = [part for part in ENDS.split(text) if part in german and WORDS.search(NO_WORDS.sub("", part))]
    assert left == [], german


@pytest.mark.parametrize("ends", ["; ", ": ", ". ", "? ", "failed ", " (it said: "])
def test_a_hostile_message_is_no_work(ends):
    with override("de"):
        assert told(ends * 400).replace("Antwort", "it said")
        assert told("x" * 1_000_000) == "x" * 1_000_000


@pytest.fixture
def misfit(db):
    """A mapping, and its left resource as a system describes it in which nothing fits."""
    mapping = a_mapping()
    mapping.fields.filter(type="set").update(separators={})
    rows = {row.type: row for row in mapping.fields.all()}
    fields = [
        FieldInfo(rows["set"].left, "text"),
        FieldInfo(rows["integer"].left, "date", writable=False),
        FieldInfo(rows["text"].left + "s", "text"),
    ]
    mapping.fields.exclude(type__in=["set", "integer", "text"]).delete()
    return mapping, {Side.LEFT: ResourceInfo("things", "", tuple(fields), True)}


def test_what_a_pass_stored_of_a_misfit_reads_as_it_does_where_it_is_found(misfit):
    mapping, described = misfit
    with pytest.raises(Misconfigured) as stored:
        ensure_fits(mapping, described, [])

    with override("de"):
        found = misfits(mapping, described)[:5]
        assert told(str(stored.value)) == "; ".join(f"{p.place}: {p.text}" for p in found)
    assert len(found) == 5
    assert "Types that fit" in str(stored.value)


@pytest.mark.django_db
def test_the_dashboard_says_in_german_what_stopped_a_mapping(client):
    mapping = a_mapping()
    message = str(Retry("http://shop cannot be reached", system="shop", said="<b>no route</b>"))
    a_pass(mapping, "failed", message=message)
    MappingState.objects.update(message=message)
    client.force_login(get_user_model().objects.create_superuser("sys", password="x"))

    for name, args in (("dashboard", []), ("passes", [])):
        page = client.get(reverse(f"syncadmin:{name}", args=args), headers={"accept-language": "de"})
        assert "shop: http://shop ist nicht erreichbar (Antwort: &lt;b&gt;no route" in page.content.decode()


def test_a_file_is_refused_in_german():
    text = "version: 1\nsystems:\n  shop: {connector: rst}\nmappings:\n  m: {left: 3, owner: up}\n"
    with override("de"), pytest.raises(BadConfig) as refused:
        load(text, Known(), "sync.yaml")

    assert (
        refused.value.lines()[0] == "sync.yaml:3: systems.shop.connector: unbekannter Konnektor "
        '"rst"; meinten Sie "rest"? Erlaubt: rest, sql'
    )
    assert "sync.yaml:5: mappings.m.fields: fehlt: Feldzuordnungen nach Namen." in refused.value.lines()
