"""A policy that contradicts itself is told so, before it is used."""

from __future__ import annotations

import pytest

from syncadmin.core.check import problems
from syncadmin.core.policy import Merge, PolicyError, RowOwner
from syncadmin.core.side import Side
from syncadmin.core.values import Kind

from .builders import a_field, a_policy


def test_a_sound_policy_has_no_problems():
    rule = RowOwner("left_record.phone == '1'", Side.LEFT)
    policy = a_policy(
        a_field("phone", merge=Merge.RULE, rule="left"),
        a_field("stock", Kind.INTEGER, merge=Merge.COUNTER),
        match=("phone",),
        row_owners=(rule,),
        filters={Side.LEFT: "record.stock > 0", Side.RIGHT: ""},
    )
    assert problems(policy) == []


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (a_policy(a_field("f", merge=Merge.COUNTER)), "fits decimal, integer"),
        (a_policy(a_field("f", merge=Merge.RULE)), "has none"),
        (a_policy(a_field("f", merge=Merge.RULE, rule="left +")), "line 1"),
        (a_policy(row_owners=(RowOwner("left", Side.LEFT),)), "unknown name left"),
        (a_policy(filters={Side.LEFT: "left_record"}), "the left row filter"),
        (a_policy(match=("nowhere",)), "match key nowhere"),
        (a_policy(a_field("f"), a_field("f")), "mapped twice"),
        (a_policy(a_field("f", group="g", owner=Side.LEFT), a_field("h", group="g")), "the same owner"),
    ],
)
def test_a_problem_is_named(policy, said):
    (problem,) = problems(policy)
    assert said in problem


def test_a_group_of_two_owners_cannot_be_decided():
    fields = (a_field("f", group="g", owner=Side.LEFT), a_field("h", group="g", owner=Side.RIGHT))
    with pytest.raises(PolicyError, match="f, h"):
        _ = a_policy(*fields).units
