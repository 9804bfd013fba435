"""The past decided again: what another policy makes of changes that were captured."""

from __future__ import annotations

from syncadmin.core.policy import Create, Deletes, FieldPolicy, LeftScope, Merge, Policy
from syncadmin.core.replay import Outcome, Past, appeared
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import FieldType, Kind

TEXT = FieldType(Kind.TEXT)


def policy(**how: object) -> Policy:
    names = ("name", "phone", "city")
    owners = how.pop("owners", {})
    merges = how.pop("merges", {})
    fields = tuple(
        FieldPolicy(n, TEXT, owner=owners.get(n), merge=merges.get(n, Merge.REVIEW)) for n in names
    )
    return Policy(fields, match=("name",), **how)


def a_past(**values: str) -> Past:
    known = {"name": "Ann", "phone": "1", "city": "Kiel", **values}
    return Past({s: dict(known) for s in SIDES}, {s: dict(known) for s in SIDES})


def test_both_changed_it_a_person_was_asked_and_an_owner_would_have_decided() -> None:
    past = a_past()
    past.change(Side.LEFT, "phone", "2", None)
    past.change(Side.RIGHT, "phone", "3", None)
    assert past.outcomes(policy(), {}) == {"phone": Outcome("ask")}
    owned = policy(owners={"phone": Side.LEFT})
    assert past.outcomes(owned, {}) == {"phone": Outcome("right", "2")}


def test_what_really_happened_goes_on_after_a_decision() -> None:
    past = a_past()
    past.change(Side.LEFT, "phone", "2", None)
    past.changed.clear()
    past.write(Side.RIGHT, "phone", "2")
    past.change(Side.RIGHT, "phone", "4", None)
    assert past.outcomes(policy(), {}) == {"phone": Outcome("left", "4")}


def test_a_field_that_the_new_policy_does_not_have_is_not_synced_and_a_renamed_one_is() -> None:
    past = a_past()
    past.change(Side.LEFT, "phone", "2", None)
    without = Policy(tuple(f for f in policy().fields if f.name != "phone"))
    assert past.outcomes(without, {}) == {"phone": Outcome("not synced")}
    other = Policy((*without.fields, FieldPolicy("telephone", TEXT)))
    assert past.outcomes(other, {"phone": "telephone"}) == {"phone": Outcome("right", "2")}


def test_a_delete_and_a_new_record_are_decided_again() -> None:
    past = a_past()
    past.change(Side.LEFT, "", None, None)
    assert past.outcomes(policy(), {}) == {"": Outcome("ask")}
    assert past.outcomes(policy(deletes=Deletes.PROPAGATE), {}) == {"": Outcome("delete right")}
    assert appeared(Side.LEFT, {"name": "Bob"}, policy()) == Outcome("create right")
    assert appeared(Side.LEFT, {"name": "Bob"}, policy(create=Create.NONE)) == Outcome("nothing")


def test_a_record_that_a_filter_shuts_out_is_let_go_and_its_delete_is_nobodys_business() -> None:
    shut = policy(
        filters={Side.LEFT: "record.city != 'Kiel'"}, left_scope=LeftScope.DELETE, deletes=Deletes.PROPAGATE
    )
    past = a_past()
    past.change(Side.LEFT, "phone", "2", None)
    assert past.outcomes(shut, {}) == {"phone": Outcome("nothing")}
    past.change(Side.LEFT, "", None, None)
    assert past.outcomes(shut, {})[""] == Outcome("nothing")
    moved = a_past(city="Bonn")
    moved.change(Side.LEFT, "city", "Kiel", None)  # by its own edit it leaves
    assert moved.outcomes(shut, {}) == {"city": Outcome("nothing")}
