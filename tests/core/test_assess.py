"""Which strategy is recommended for which answers, and that more risk never makes the advice riskier."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.core.assess import (
    DISCARDING,
    Answer,
    Cost,
    Reason,
    Strategy,
    Subject,
    Table,
    Who,
    recommend,
)
from syncadmin.core.check import FITTING
from syncadmin.core.fieldtype import Kind
from syncadmin.core.policy import Drift, Merge, RowOwner
from syncadmin.core.side import Side
from tests.core.builders import SHORT

ROWS = (RowOwner("left_record.country == 'DE'", Side.LEFT),)
OTHER = Subject("other", Kind.TEXT, Answer())  # both edit it, so that no table has one owner


def field(kind=Kind.TEXT, *, seen=(0, 0), name="phone", group="", key=False, **answer):
    seen = dict(zip(Side, seen, strict=True))
    return Subject(name, kind, Answer(**answer), group, key, seen)


def advice(subject, *others, table=None):
    return recommend([subject, *(others or (OTHER,))], table or Table(timed=True)).fields[subject.name]


@pytest.mark.parametrize(
    ("subject", "strategy", "reason", "owner", "merge"),
    [
        (field(needs=Who.NOBODY), Strategy.NO_SYNC, Reason.NOBODY_NEEDS, None, None),
        (field(edits=Who.LEFT, needs=Who.LEFT), Strategy.NO_SYNC, Reason.EDITORS_NEED, None, None),
        (field(edits=Who.LEFT), Strategy.COLUMN, Reason.ONE_EDITS, Side.LEFT, None),
        (field(edits=Who.RIGHT, needs=Who.LEFT), Strategy.COLUMN, Reason.ONE_EDITS, Side.RIGHT, None),
        (field(edits=Who.NOBODY), Strategy.COLUMN, Reason.NOBODY_EDITS, Side.LEFT, None),
        (field(edits=Who.NOBODY, needs=Who.LEFT), Strategy.COLUMN, Reason.NOBODY_EDITS, Side.RIGHT, None),
        (field(seen=(1, 99)), Strategy.COLUMN, Reason.MOSTLY_ONE, Side.RIGHT, None),
        (field(seen=(0, 9)), Strategy.REVIEW, Reason.UNDECIDED, None, Merge.REVIEW),
        (field(seen=(40, 60)), Strategy.REVIEW, Reason.UNDECIDED, None, Merge.REVIEW),
        (field(Kind.SET), Strategy.MERGE, Reason.BOTH_COUNT, None, Merge.SET),
        (field(Kind.INTEGER, both=Merge.COUNTER), Strategy.MERGE, Reason.BOTH_COUNT, None, Merge.COUNTER),
        (field(Kind.DATE, both=Merge.MAX), Strategy.MERGE, Reason.RULE, None, Merge.MAX),
        (field(both=Merge.COUNTER), Strategy.REVIEW, Reason.UNDECIDED, None, Merge.REVIEW),
        (field(cost=Cost.LITTLE), Strategy.MERGE, Reason.CHEAP, None, Merge.NEWEST),
        (field(both=Merge.NEWEST, cost=Cost.LITTLE), Strategy.MERGE, Reason.CHEAP, None, Merge.NEWEST),
        (field(both=Merge.NEWEST), Strategy.REVIEW, Reason.DEAR, None, Merge.REVIEW),
        (field(both=Merge.REVIEW, cost=Cost.NOTHING), Strategy.REVIEW, Reason.UNDECIDED, None, Merge.REVIEW),
    ],
)
def test_a_field_gets_the_first_strategy_that_fits(subject, strategy, reason, owner, merge):
    found = advice(subject)
    assert (found.strategy, found.reason, found.owner, found.merge) == (strategy, reason, owner, merge)


def test_the_later_one_counts_only_where_both_systems_tell_when():
    assert advice(field(cost=Cost.LITTLE), table=Table()).strategy is Strategy.REVIEW


def test_one_side_that_edits_all_owns_the_table():
    found = recommend([field(edits=Who.RIGHT), field(edits=Who.NOBODY, name="id")], Table())
    assert (found.strategy, found.owner, found.reason) == (Strategy.TABLE, Side.RIGHT, Reason.ONE_EDITS_ALL)
    assert {one.strategy for one in found.fields.values()} == {Strategy.TABLE}
    assert found.share_of_fields == 1.0


def test_two_owners_make_it_by_column():
    found = recommend([field(edits=Who.RIGHT), field(edits=Who.LEFT, name="id")], Table())
    assert (found.strategy, found.owner) == (Strategy.COLUMN, None)


def test_rows_that_tell_who_edits_them_need_no_sharing():
    found = recommend([field(), field(name="city")], Table(ROWS, every=True))
    assert (found.strategy, found.rows) == (Strategy.ROWS, True)


def test_rows_that_cover_some_records_leave_the_others_as_they_are():
    found = recommend([field(), field(name="city")], Table(ROWS))
    assert (found.strategy, found.rows) == (Strategy.REVIEW, True)


def test_a_field_that_one_side_edits_in_all_rows_speaks_against_row_rules():
    found = recommend([field(edits=Who.RIGHT), OTHER], Table(ROWS, every=True))
    assert (found.rows, found.against_rows) == (False, ("phone",))
    assert found.fields["phone"].owner is Side.RIGHT


def test_a_match_key_is_never_left_out_of_a_mapping_that_is_needed():
    key = field(key=True, edits=Who.LEFT, needs=Who.NOBODY)
    assert advice(key).strategy is Strategy.COLUMN
    assert recommend([key], Table()).strategy is Strategy.NO_SYNC


def test_what_is_decided_together_has_one_advice():
    street = field(name="street", group="address", edits=Who.LEFT)
    city = field(name="city", group="address", edits=Who.RIGHT, cost=Cost.SEVERE)
    found = recommend([street, city], Table()).fields
    assert found["street"] == found["city"]
    assert found["street"].strategy is Strategy.REVIEW


@pytest.mark.parametrize(("cost", "drift"), [(Cost.LITTLE, Drift.ENFORCE), (Cost.SERIOUS, Drift.REVIEW)])
def test_an_edit_on_the_wrong_side_is_shown_to_a_person_where_it_could_be_dear(cost, drift):
    found = advice(field(seen=(90, 4), cost=cost))
    assert (found.owner, found.against, found.drift) == (Side.LEFT, 4, drift)


def test_an_answer_that_what_was_seen_speaks_against_throws_nothing_away():
    found = advice(field(edits=Who.LEFT, seen=(1, 55), cost=Cost.NOTHING))
    assert (found.owner, found.against, found.drift) == (Side.LEFT, 55, Drift.REVIEW)


def test_shares_count_fields_and_observed_edits_with_one_owner():
    found = recommend([field(edits=Who.LEFT, seen=(30, 0)), replace(OTHER, seen={Side.LEFT: 10})], Table())
    assert (found.share_of_fields, found.share_of_edits) == (0.5, 0.75)
    assert recommend([OTHER], Table()).share_of_edits is None


SUBJECTS = st.lists(
    st.builds(
        Subject,
        st.sampled_from(["a", "b", "c", "d", "e"]),
        st.sampled_from(list(Kind)),
        st.builds(
            Answer,
            st.sampled_from(list(Who)),
            st.sampled_from(list(Who)),
            st.sampled_from(list(Cost)),
            st.none() | st.sampled_from(list(Merge)),
        ),
        st.sampled_from(["", "", "g"]),
        st.booleans(),
        st.fixed_dictionaries({side: st.integers(0, 40) for side in Side}),
    ),
    max_size=5,
    unique_by=lambda one: one.name,
)
TABLES = st.builds(Table, st.sampled_from([(), ROWS]), st.booleans(), st.booleans())


@SHORT
@given(SUBJECTS, TABLES)
def test_there_is_an_advice_for_whatever_is_answered(subjects, table):
    found = recommend(subjects, table)
    assert found.fields.keys() == {one.name for one in subjects}
    assert 0 <= found.share_of_fields <= 1
    kinds = {one.name: one.kind for one in subjects}
    for name, one in found.fields.items():
        assert (one.owner is None) == (one.strategy not in (Strategy.TABLE, Strategy.COLUMN))
        assert (one.merge is None) == one.strategy.one_owner
        if one.merge is not None:
            assert kinds[name] in FITTING.get(one.merge, frozenset(Kind))


@SHORT
@given(SUBJECTS, TABLES, st.data())
def test_a_dearer_edit_never_makes_the_advice_riskier(subjects, table, data):
    if not subjects:
        return
    at = data.draw(st.integers(0, len(subjects) - 1))
    old = subjects[at]
    dearer = data.draw(st.sampled_from([cost for cost in Cost if cost.rank >= old.answer.cost.rank]))
    more = [*subjects[:at], replace(old, answer=replace(old.answer, cost=dearer)), *subjects[at + 1 :]]
    before, after = recommend(subjects, table).fields, recommend(more, table).fields
    assert all(after[name].risk <= before[name].risk for name in before)
    assert not any(
        after[name].merge in DISCARDING and before[name].merge not in DISCARDING for name in before
    )
    assert all(after[name].drift is Drift.REVIEW for name, one in before.items() if one.drift is Drift.REVIEW)


@SHORT
@given(SUBJECTS, st.booleans(), st.data())
def test_fewer_who_edit_never_make_the_advice_riskier(subjects, timed, data):
    if not subjects:
        return
    at = data.draw(st.integers(0, len(subjects) - 1))
    old = subjects[at]
    fewer = data.draw(st.sampled_from([who for who in Who if who.sides <= old.answer.edits.sides]))
    less = [*subjects[:at], replace(old, answer=replace(old.answer, edits=fewer)), *subjects[at + 1 :]]
    table = Table(timed=timed)
    before, after = recommend(subjects, table).fields[old.name], recommend(less, table).fields[old.name]
    # the table may be split by it, which is no riskier for the field: it has one owner as before
    assert after.risk <= max(before.risk, list(Strategy).index(Strategy.COLUMN))
