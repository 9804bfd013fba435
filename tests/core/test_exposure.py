"""Where a mapping can lose an edit: shared fields on a side that refuses no stale write, and nowhere else."""

from __future__ import annotations

import pytest

from syncadmin.core.exposure import Need, Promise, exposure, places
from syncadmin.core.fieldtype import FieldType, Kind
from syncadmin.core.policy import Deletes, FieldPolicy, Policy
from syncadmin.core.side import Side

L, R = Side.LEFT, Side.RIGHT
ATOMIC, CHECKED, BLIND = (Promise(g, g) for g in ("atomic", "checked", "blind"))


def field(name, owner=None, group=""):
    return FieldPolicy(name, FieldType(Kind.TEXT), owner, group=group)


SHARED, MIXED, OWNED = (
    (field("a"), field("b")),
    (field("a", L), field("b")),
    (field("a", L), field("b", R)),
)


@pytest.mark.parametrize(
    ("fields", "options", "left", "right", "need", "sides", "names"),
    [
        (SHARED, {}, ATOMIC, ATOMIC, Need.ATOMIC, {}, ("a", "b")),
        (SHARED, {}, CHECKED, ATOMIC, Need.SIGN, {L: "checked"}, ("a", "b")),
        (SHARED, {}, CHECKED, BLIND, Need.SIGN, {L: "checked", R: "blind"}, ("a", "b")),
        (MIXED, {}, ATOMIC, CHECKED, Need.SIGN, {R: "checked"}, ("b",)),
        (OWNED, {}, BLIND, BLIND, Need.OWNED, {}, ()),
        (SHARED, {"owner": R}, BLIND, CHECKED, Need.OWNED, {}, ()),
        (SHARED, {}, Promise("atomic", "checked"), ATOMIC, Need.SIGN, {L: "checked"}, ("a", "b")),
        (
            SHARED,
            {"deletes": Deletes.IGNORE},
            Promise("atomic", "checked"),
            ATOMIC,
            Need.ATOMIC,
            {},
            ("a", "b"),
        ),
    ],
)
def test_only_shared_fields_below_atomic_are_exposed(fields, options, left, right, need, sides, names):
    found = exposure(Policy(fields, **options), {L: left, R: right})
    assert (found.need, dict(found.sides), found.fields) == (need, sides, names)


def test_before_anybody_asked_the_systems_nothing_is_known():
    assert exposure(Policy(SHARED), {}).need is Need.UNKNOWN
    assert exposure(Policy(OWNED), {}).need is Need.OWNED


@pytest.mark.parametrize(
    ("accepted", "weaker"),
    [
        ({"left": "checked"}, None),
        ({"left": "blind"}, None),
        ({"left": "atomic"}, L),
        ({}, L),
        ({"right": "checked"}, L),
    ],
)
def test_a_side_that_promises_less_than_was_accepted_is_named(accepted, weaker):
    assert exposure(Policy(SHARED), {L: CHECKED, R: ATOMIC}).weaker_than(accepted) is weaker


def test_fields_of_a_group_are_one_place():
    assert places(
        Policy((field("street", group="address"), field("zip", group="address"), field("o", L)))
    ) == {
        "street": "address",
        "zip": "address",
    }
