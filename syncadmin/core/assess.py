"""Which way of keeping a field in step is the least risky that fits: a pure judgement of answers and counts.

The order is that of `Strategy`: what need not be synced is not; what one side edits goes one way, by table,
by row or by column; only what is left is shared. `Advice.risk` counts along that order, and one further: a
merge that discards an edit comes after review, since there a rule, and no person, throws work away.

The more an edit is worth, the less risky the advice, never more: cost only decides whether a merge may
discard, and whether a few edits on the wrong side are put back or shown to a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from .check import FITTING
from .fieldtype import Kind
from .policy import Drift, Merge, RowOwner
from .side import SIDES, Side

ENOUGH = 20  # observed edits from which a share says something
FEW = 0.05  # the share of edits on the other side up to which one side may own a field all the same


class Who(StrEnum):
    """The sides whose people edit something, or need it."""

    NOBODY = "nobody"
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"

    @classmethod
    def of(cls, sides: Iterable[Side]) -> Who:
        """The answer that means these sides."""
        found = set(sides)
        if len(found) == 1:
            return cls(found.pop().value)
        return cls.BOTH if found else cls.NOBODY

    @property
    def sides(self) -> frozenset[Side]:
        """The sides that are meant."""
        return frozenset(side for side in SIDES if self in (side.value, Who.BOTH))


class Cost(StrEnum):
    """What it costs if one edit is lost."""

    NOTHING = "nothing"  # nobody minds
    LITTLE = "little"  # somebody types it again
    SERIOUS = "serious"  # it costs money, or a customer notices
    SEVERE = "severe"  # law, safety or trust

    @property
    def rank(self) -> int:
        """Higher is dearer."""
        return list(Cost).index(self)


class Strategy(StrEnum):
    """Ways to keep something in step, the least risky first."""

    NO_SYNC = "no sync"
    TABLE = "table"
    ROWS = "rows"
    COLUMN = "column"
    MERGE = "merge"
    REVIEW = "review"

    @property
    def one_owner(self) -> bool:
        """Whether one side's value counts, so that no edit can be lost by meeting another."""
        return self in (Strategy.NO_SYNC, Strategy.TABLE, Strategy.ROWS, Strategy.COLUMN)


class Reason(StrEnum):
    """Why a strategy is recommended."""

    NOBODY_NEEDS = "nobody needs"
    EDITORS_NEED = "only its editors need it"
    ONE_EDITS_ALL = "one side edits all"
    ROWS_TELL = "rows tell"
    ONE_EDITS = "one side edits"
    NOBODY_EDITS = "nobody edits"
    MOSTLY_ONE = "mostly one side"
    BOTH_COUNT = "both changes count"  # a merge that keeps what both did
    RULE = "by rule"  # a merge that finds the right value from both
    CHEAP = "cheap enough"  # a merge that discards, and nobody minds much
    DEAR = "too dear to discard"
    UNDECIDED = "no rule fits"


# merges that throw one of two edits away, though both may be right
DISCARDING = frozenset({Merge.NEWEST, Merge.PREFER_LEFT, Merge.PREFER_RIGHT, Merge.NON_EMPTY})
KEEPING = frozenset({Merge.COUNTER, Merge.SET, Merge.TEXT})


@dataclass(frozen=True, slots=True)
class Answer:
    """What people say of a field. `both`: what is right when both sides change it, None if nobody said."""

    edits: Who = Who.BOTH
    needs: Who = Who.BOTH
    cost: Cost = Cost.SERIOUS
    both: Merge | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """A field to be judged. `key`: the mapping itself needs it. `seen`: edits observed, by side."""

    name: str
    kind: Kind
    answer: Answer
    group: str = ""
    key: bool = False
    seen: Mapping[Side, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """What is said of all records. `rows` tell by a record's content who edits it, `every`: they cover all.

    `timed`: both systems tell when a record was changed.
    """

    rows: Sequence[RowOwner] = ()
    every: bool = False
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """What is recommended for one field. `against`: edits seen on the side that shall not own it."""

    strategy: Strategy
    reason: Reason
    owner: Side | None = None
    merge: Merge | None = None
    drift: Drift = Drift.ENFORCE
    against: int = 0

    @property
    def risk(self) -> int:
        """Higher is riskier: the place in the order of strategies, discarding merges last."""
        strategies = list(Strategy)
        return len(strategies) if self.merge in DISCARDING else strategies.index(self.strategy)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What is recommended for a mapping. `rows`: whether its row rules shall count; `against_rows` are fields
    that one side edits in all rows, for which they can't.
    """

    strategy: Strategy
    reason: Reason
    fields: Mapping[str, Advice]
    owner: Side | None = None
    rows: bool = False
    against_rows: tuple[str, ...] = ()
    fields_owned: int = 0
    edits_owned: int = 0
    edits: int = 0

    @property
    def share_of_fields(self) -> float:
        """The share of fields that have a single owner, 0 to 1."""
        return self.fields_owned / len(self.fields) if self.fields else 1.0

    @property
    def share_of_edits(self) -> float | None:
        """The share of observed edits in such fields, None if none were observed."""
        return self.edits_owned / self.edits if self.edits else None


def recommend(subjects: Sequence[Subject], table: Table) -> Recommendation:
    """The least risky strategy that fits, for each field and for the mapping. Total."""
    prefer = _prefer(subjects)
    for keys in (False, True):  # only a mapping that is needed needs its keys
        units = list(_units(subjects, keys=keys))
        advice = {unit.name: _alone(unit, kinds, table.timed, prefer) for unit, kinds, _ in units}
        if _nothing(advice):
            break
    owner = _one_owner(advice)
    single = tuple(
        name
        for unit, _, names in units
        if len(unit.answer.edits.sides) == 1 and advice[unit.name].strategy is not Strategy.NO_SYNC
        for name in names
    )
    rows = bool(table.rows) and owner is None and not single and not _nothing(advice)
    found: dict[str, Advice] = {}
    for unit, _, names in units:
        made = advice[unit.name]
        if made.strategy is not Strategy.NO_SYNC:
            if owner is not None:
                made = replace(_owned(unit, owner, made.reason), strategy=Strategy.TABLE)
            elif rows and table.every:
                made = Advice(Strategy.ROWS, Reason.ROWS_TELL)
        found |= dict.fromkeys(names, made)
    return _summed(subjects, found, owner, rows, () if rows or owner is not None else single, table)


def _units(
    subjects: Iterable[Subject], *, keys: bool
) -> Iterable[tuple[Subject, frozenset[Kind], tuple[str, ...]]]:
    """What is decided together: one subject for a group, with its types and the names of its fields.

    With `keys`, what the mapping itself needs is needed on both sides.
    """
    grouped: dict[tuple[str, str], list[Subject]] = {}
    for one in subjects:
        grouped.setdefault((one.group, "" if one.group else one.name), []).append(one)
    for members in grouped.values():
        answers = [one.answer for one in members]
        merges = {one.both for one in answers}
        answer = Answer(
            edits=Who.of(side for one in answers for side in one.edits.sides),
            needs=Who.BOTH
            if keys and any(one.key for one in members)
            else Who.of(side for one in answers for side in one.needs.sides),
            cost=max((one.cost for one in answers), key=lambda cost: cost.rank),
            both=merges.pop() if len(merges) == 1 else None,
        )
        seen = {side: sum(one.seen.get(side, 0) for one in members) for side in SIDES}
        kinds = frozenset(one.kind for one in members)
        yield replace(members[0], answer=answer, seen=seen), kinds, tuple(one.name for one in members)


def _prefer(subjects: Iterable[Subject]) -> Side:
    """The side that owns what nobody edits: the busier one."""
    listed = list(subjects)
    edits = {side: sum(one.seen.get(side, 0) for one in listed) for side in SIDES}
    return max(SIDES, key=lambda side: edits[side])


def _alone(unit: Subject, kinds: frozenset[Kind], timed: bool, prefer: Side) -> Advice:
    """The advice for what is decided together, regardless of other fields."""
    answer = unit.answer
    edits, needs = answer.edits.sides, answer.needs.sides
    if not needs:
        return Advice(Strategy.NO_SYNC, Reason.NOBODY_NEEDS)
    if not edits:
        owner = next(iter(needs)).other if len(needs) == 1 else prefer
        return _owned(unit, owner, Reason.NOBODY_EDITS)
    if len(edits) == 1:
        if needs == edits:
            return Advice(Strategy.NO_SYNC, Reason.EDITORS_NEED)
        return _owned(unit, next(iter(edits)), Reason.ONE_EDITS)
    total = sum(unit.seen.values())
    busier = max(SIDES, key=lambda side: unit.seen.get(side, 0))
    if total >= ENOUGH and unit.seen.get(busier.other, 0) <= FEW * total:
        return _owned(unit, busier, Reason.MOSTLY_ONE)
    return _shared(answer, kinds, timed)


def _owned(unit: Subject, owner: Side, reason: Reason) -> Advice:
    """What the other side changes all the same is put back. It is shown to a person where that could be dear,
    or where so much of it was seen that the answer may be wrong.
    """
    against, total = unit.seen.get(owner.other, 0), sum(unit.seen.values())
    dear = against > 0 and unit.answer.cost.rank >= Cost.SERIOUS.rank
    doubtful = total >= ENOUGH and against > FEW * total
    drift = Drift.REVIEW if dear or doubtful else Drift.ENFORCE
    return Advice(Strategy.COLUMN, reason, owner=owner, drift=drift, against=against)


def _shared(answer: Answer, kinds: frozenset[Kind], timed: bool) -> Advice:
    """Both sides edit it: merge where that is right, else ask a person."""
    cheap = answer.cost.rank <= Cost.LITTLE.rank
    merge = answer.both
    if merge is None:
        merge = Merge.SET if kinds == {Kind.SET} else Merge.NEWEST if cheap else Merge.REVIEW
    fits = kinds <= FITTING.get(merge, frozenset(Kind)) and (timed or merge is not Merge.NEWEST)
    if merge is Merge.REVIEW or not fits:
        return Advice(Strategy.REVIEW, Reason.UNDECIDED, merge=Merge.REVIEW)
    if merge in DISCARDING:
        if cheap:
            return Advice(Strategy.MERGE, Reason.CHEAP, merge=merge)
        return Advice(Strategy.REVIEW, Reason.DEAR, merge=Merge.REVIEW)
    return Advice(Strategy.MERGE, Reason.BOTH_COUNT if merge in KEEPING else Reason.RULE, merge=merge)


def _nothing(advice: Mapping[str, Advice]) -> bool:
    return all(one.strategy is Strategy.NO_SYNC for one in advice.values())


def _one_owner(advice: Mapping[str, Advice]) -> Side | None:
    """The side that can own all that is synced, if one can. What nobody edits follows."""
    synced = [one for one in advice.values() if one.strategy is not Strategy.NO_SYNC]
    if not synced or any(one.strategy is not Strategy.COLUMN for one in synced):
        return None
    owners = {one.owner for one in synced if one.reason is not Reason.NOBODY_EDITS}
    owners = owners or {one.owner for one in synced}
    return owners.pop() if len(owners) == 1 else None


def _summed(
    subjects: Sequence[Subject],
    found: Mapping[str, Advice],
    owner: Side | None,
    rows: bool,
    against: tuple[str, ...],
    table: Table,
) -> Recommendation:
    """The mapping as a whole is as risky as its riskiest field."""
    worst = max(
        found.values(), key=lambda one: one.risk, default=Advice(Strategy.NO_SYNC, Reason.NOBODY_NEEDS)
    )
    owned = {name for name, one in found.items() if one.strategy.one_owner}
    seen = {one.name: sum(one.seen.values()) for one in subjects}
    return Recommendation(
        strategy=worst.strategy,
        reason=Reason.ONE_EDITS_ALL if owner is not None else worst.reason,
        fields=dict(found),
        owner=owner,
        rows=rows,
        against_rows=against if table.rows else (),
        fields_owned=len(owned),
        edits_owned=sum(seen[name] for name in owned),
        edits=sum(seen.values()),
    )
