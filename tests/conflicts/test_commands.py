"""The inbox on the command line: what is listed, what is decided, and the exit codes."""

import json

import pytest
from django.core.management import CommandError, call_command

from syncadmin.models import Entry
from tests.builders import a_conflict, a_mapping, a_user, an_ambiguous_match

pytestmark = pytest.mark.django_db


def run(capsys, *arguments: str) -> str:
    call_command(*arguments)
    return capsys.readouterr().out


def refused(*arguments: str) -> CommandError:
    with pytest.raises(CommandError) as error:
        call_command(*arguments)
    return error.value


def test_conflicts_lists_what_waits(capsys):
    conflict = a_conflict(a_mapping())

    out = run(capsys, "conflicts")

    assert f"#{conflict.pk}  customers  field  Ada Lovelace" in out
    assert "phone: left +49 30 1234 / right +49 30 9999" in out


def test_conflicts_as_json_is_one_document(capsys):
    mapping = a_mapping()
    a_conflict(mapping)
    match = an_ambiguous_match(mapping)

    document = json.loads(run(capsys, "conflicts", "--json", "--kind", "ambiguous match"))

    assert [item["id"] for item in document["conflicts"]] == [match.pk]
    assert document["conflicts"][0]["candidates"] == ["R-1", "R-2"]
    assert document["next"] is None


def test_conflicts_goes_on_where_it_ended(capsys):
    mapping = a_mapping()
    first, second = a_conflict(mapping), a_conflict(mapping)

    assert f"--after {first.pk}" in run(capsys, "conflicts", "--limit", "1")
    assert f"#{second.pk}" in run(capsys, "conflicts", "--limit", "1", "--after", str(first.pk))


def test_an_empty_inbox_says_so(capsys):
    assert "Nothing waits" in run(capsys, "conflicts")


@pytest.mark.parametrize(
    ("choice", "kind", "value"),
    [
        ("left", "left", None),
        ("right", "right", None),
        ("base", "base", None),
        ("leave", "leave", None),
        ("=+49 30 7", "value", "+49 30 7"),
        ("=a=b", "value", "a=b"),
    ],
)
def test_resolve_stores_a_choice_for_a_field(capsys, choice, kind, value):
    conflict = a_conflict(a_mapping())

    run(capsys, "resolve", str(conflict.pk), "--field", f"phone={choice}")

    pick = conflict.fields.get().pick
    assert (pick["kind"], pick["value"]) == (kind, value)


def test_resolve_stores_a_choice_for_the_record(capsys):
    conflict = an_ambiguous_match(a_mapping())

    document = json.loads(run(capsys, "resolve", str(conflict.pk), "--record", "link:R-2", "--json"))

    assert document["ok"] is True
    assert document["conflict"]["decision"]["key"] == "R-2"


def test_the_journal_says_in_whose_name(capsys):
    mapping = a_mapping()
    a_user(name="rita")

    run(capsys, "resolve", str(a_conflict(mapping).pk), "--field", "phone=left", "--user", "rita")
    run(capsys, "resolve", str(a_conflict(mapping).pk), "--field", "phone=left")

    actors = list(Entry.objects.filter(kind="decision").order_by("pk").values_list("actor", flat=True))
    assert actors[0] == "rita"
    assert actors[1].startswith("command line (")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--field", "phone=both"], 2, "choices: left, right, base, value, leave"),
        (["--field", "phone"], 2, "write phone=left"),
        (["--field", "phone=value"], 2, "write phone==VALUE"),
        (["--record", "explode"], 2, "choices: link:KEY, create, distinct:KEY"),
        (["--field", "phone=left", "--user", "nobody"], 2, "no user"),
        (["--field", "credit=left"], 1, "nothing to decide on field"),
        (["--record", "create"], 1, "no choice for this kind"),
        (["--field", "phone=left", "--revision", "7"], 1, "has moved"),
        ([], 1, "Nothing is picked"),
    ],
)
def test_resolve_says_why_it_refuses(arguments, code, message):
    conflict = a_conflict(a_mapping())

    error = refused("resolve", str(conflict.pk), *arguments)

    assert message in str(error)
    assert error.returncode == code


def test_resolving_what_is_not_there_fails(capsys):
    error = refused("resolve", "4711", "--field", "phone=left", "--json")

    assert error.returncode == 1
    assert json.loads(capsys.readouterr().out) == {"ok": False, "message": "There is no conflict #4711."}
