"""A typed value is held against what both systems take, before it is stored."""

import pytest

from conflicts import limits
from conflicts.services import FieldChoice, Invalid, resolve
from conflicts.typed import Unreadable
from syncadmin.core.plan import PickKind
from syncadmin.core.side import SIDES, Side
from syncadmin.models import FieldMapping, MappingState
from tests.builders import a_conflict, a_mapping, a_user

pytestmark = pytest.mark.django_db
NAMES = {Side.LEFT: "CRM", Side.RIGHT: "Web shop"}


def refused(kind: str, value, **told) -> str:
    """Why the right system does not take a value, '' if it does."""
    choices = {"open": "1", "shut": "2"} if kind == "choice" else {}
    field = FieldMapping(name="x", left="x", right="x", type=kind, choices=choices, scale=2)
    try:
        limits.check(field, value, {Side.LEFT: {}, Side.RIGHT: told}, NAMES)
    except Unreadable as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("kind", "value", "told", "words"),
    [
        ("text", "x" * 20, {"max_length": 20}, ""),
        ("text", "x" * 21, {"max_length": 20}, "Web shop takes at most 20 characters; these are 21."),
        ("integer", 40_000, {"low": -(2**15), "high": 2**15 - 1}, "Web shop takes no number above 32767."),
        ("integer", -1, {"low": 0}, "Web shop takes no number below 0."),
        ("decimal", "12345.00", {"precision": 6, "scale": 2}, "at most 4 digits before the point"),
        ("decimal", "1234.00", {"precision": 6, "scale": 2}, ""),
        ("text", None, {"required": True}, "Web shop needs a value here."),
        ("choice", "open", {"choices": ["1", "2"]}, ""),
        ("text", "green", {"choices": ["red", "blue"]}, "does not take “green”. It takes: red, blue."),
        ("set", ["a", "z"], {"choices": ["a", "b"]}, "does not take “z”"),
        ("boolean", True, {"low": 5}, ""),
        ("date", "2026-01-01", {"max_length": 3}, ""),
    ],
)
def test_a_value_that_a_system_does_not_take_is_refused_in_words(kind, value, told, words):
    assert words in refused(kind, value, **told)
    assert bool(words) == bool(refused(kind, value, **told))


def test_a_decision_that_a_system_would_not_take_is_not_stored():
    mapping = a_mapping()
    limit = {"right": {"phone": {"max_length": 5}}}
    MappingState.objects.filter(mapping=mapping).update(limits=limit)
    conflict = a_conflict(mapping)

    with pytest.raises(Invalid, match="Web shop takes at most 5 characters"):
        resolve(conflict.pk, 1, {"phone": FieldChoice(PickKind.VALUE, "123456")}, None, a_user())


def test_limits_are_said_once_where_both_systems_share_them():
    field = FieldMapping(name="x", left="x", right="x", type="text")
    same = {side: {"max_length": 20} for side in SIDES}
    assert limits.said(field, same, NAMES) == ["at most 20 characters"]
    assert limits.said(field, {**same, Side.LEFT: {}}, NAMES) == ["Web shop: at most 20 characters"]
