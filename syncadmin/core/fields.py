"""The fields of a linked pair: who changed what, and what follows (DESIGN section 3, first table).

Each field is looked at against both shadows, each unit (a field, or a group of fields that are decided
together) gets one verdict, and the verdicts are folded into writes, shadows, changes and conflicts. Fields of
one record are independent, unless the policy asks for whole-record conflicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from .asked import TAKEN_BACK
from .merge import Merged, Question, Take, Undecided, choose_side, merge
from .plan import Change, Disposition, FieldConflict, LinkState, Pick, PickKind, Record, Undo
from .policy import Drift, FieldPolicy, Merge, Policy, Unit
from .side import SIDES, Side, at, pair
from .values import Kind, Value, empty, same

_MISSING = object()


class State(Enum):
    """Where a field stands that is not simply unchanged."""

    OPEN = auto()  # the sides differ, and at least one changed it or they never agreed
    EQUAL = auto()  # the sides hold the same
    ALONE = auto()  # a person chose to leave exactly these values different
    WAITING = auto()  # its reference has no link yet


@dataclass(frozen=True, slots=True)
class Cell:
    """One field of the pair. Pairs are (left, right); `base` is None at first contact.

    `pick` is a person's choice that was made for exactly these values; `moved` says that there is one which
    was made for others. `changed` says which sides have a change to account for, `reopened` that a person
    took back what had been decided.
    """

    field: FieldPolicy
    state: State
    values: tuple[Value, Value]
    base: tuple[Value, Value] | None
    changed: tuple[bool, bool]
    pick: Pick | Undo | None = None
    moved: bool = False
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Both sides keep what they have, and that is the new ancestor."""

    rule: str


@dataclass(frozen=True, slots=True)
class Picked:
    """A person has chosen, for each field of the unit."""


Verdict = Take | Merged | Keep | Picked | Undecided


@dataclass(slots=True)
class FieldPlan:
    """What follows for the fields: `writes` and `expected` by side, the rest as in `Plan`."""

    writes: tuple[dict[str, Value], dict[str, Value]] = field(default_factory=lambda: ({}, {}))
    expected: tuple[dict[str, Value], dict[str, Value]] = field(default_factory=lambda: ({}, {}))
    settled: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    conflicts: list[FieldConflict] = field(default_factory=list)
    alone: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    waits: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    reopened: set[str] = field(default_factory=set)
    restored: dict[str, tuple[Value, Value] | None] = field(default_factory=dict)


def decide_fields(
    link: LinkState, records: tuple[Record, Record], policy: Policy, owner: Side | Undecided | None
) -> FieldPlan:
    """The plan for the fields of a pair. `owner` owns the whole record, if anyone does."""
    plan = FieldPlan(alone=dict(link.alone), reopened=set(link.reopened))
    restless = _restless(link, records, policy)
    if not restless:
        return plan
    rulings: list[tuple[Unit, list[Cell], Verdict]] = []
    for unit in policy.units:
        cells = [
            cell for f in unit.fields if f.name in restless and (cell := _look(f, link, records)) is not None
        ]
        if not cells:
            continue
        opened = _opened(cells)
        waiting = [cell.field.name for cell in cells if cell.state is State.WAITING]
        plan.waits += waiting
        for cell in cells:
            if cell.state is State.EQUAL:
                _agree(plan, cell)
                plan.reopened.discard(cell.field.name)
            if cell.state in (State.EQUAL, State.OPEN):
                plan.alone.pop(cell.field.name, None)
        if opened and waiting:
            plan.waits += [cell.field.name for cell in opened]
        elif opened:
            rulings.append((unit, opened, _judge(unit, opened, records, policy, owner)))
    if policy.whole_record and any(isinstance(verdict, Undecided) for _, _, verdict in rulings):
        rulings = [(unit, cells, _hold(cells, verdict)) for unit, cells, verdict in rulings]
    for unit, cells, verdict in rulings:
        _fold(plan, unit, cells, verdict, records)
    return plan


# ---------------------------------------------------------------- looking


def _restless(link: LinkState, records: tuple[Record, Record], policy: Policy) -> set[str]:
    """The names of fields that need a closer look: a quick sieve, since most fields of most records rest."""
    left, right = records
    (values_left, values_right) = (left.values, right.values)
    (shadow_left, shadow_right) = (link.shadows[side] for side in SIDES)
    return {
        name
        for name, field_type in policy.types.items()
        if name not in values_left
        or name not in shadow_left
        or values_left[name] != shadow_left[name]
        or name not in values_right
        or name not in shadow_right
        or values_right[name] != shadow_right[name]
        or field_type.kind is Kind.JSON  # where == takes true for 1
    }.union(link.picks, link.alone, link.reopened)


def _opened(cells: Sequence[Cell]) -> list[Cell]:
    """What there is to judge of one unit. A decision is taken back for all of it, or not at all."""
    opened = [cell for cell in cells if cell.state is State.OPEN]
    if all(cell.pick is not None for cell in opened):
        return opened
    return [cell for cell in opened if not isinstance(cell.pick, Undo) or cell.changed != (False, False)]


def _look(f: FieldPolicy, link: LinkState, records: tuple[Record, Record]) -> Cell | None:
    """The field's cell, or None if there is nothing to say about it."""
    name = f.name
    left, right = (record.values.get(name, _MISSING) for record in records)
    waiting = name in records[0].waiting or name in records[1].waiting
    if left is _MISSING or right is _MISSING:
        return Cell(f, State.WAITING, (None, None), None, (False, False)) if waiting else None
    values = (left, right)
    base = tuple(link.shadows[side].get(name, _MISSING) for side in SIDES)
    agreed: tuple[Value, Value] | None = None if _MISSING in base else (base[0], base[1])
    if agreed is None:
        changed = (not empty(left), not empty(right))
    else:
        changed = (not same(left, agreed[0]), not same(right, agreed[1]))
    chosen = link.picks.get(name)
    pick = chosen if chosen is not None and _applies(chosen, values, agreed) else None
    left_alone = link.alone.get(name)
    reopened = name in link.reopened
    quiet = pick is None and left_alone is None and not reopened
    if agreed is not None and changed == (False, False) and quiet:
        return None
    if isinstance(pick, Undo) and left_alone is not None and all(map(same, left_alone, values)):
        changed = (False, False)  # accounted for when it was left as it is
    if waiting:
        state = State.WAITING
    elif pick is not None:
        state = State.OPEN
    elif left_alone is not None and all(map(same, left_alone, values)):
        state = State.ALONE
    elif (agreed is not None and not any(changed)) or _made_equal(f, values, agreed, changed):
        state = State.EQUAL
    else:
        state = State.OPEN
    return Cell(f, state, values, agreed, changed, pick, chosen is not None and pick is None, reopened)


def _made_equal(
    f: FieldPolicy, values: tuple[Value, Value], base: tuple[Value, Value] | None, changed: tuple[bool, bool]
) -> bool:
    """Whether the sides agree. Of a counter that both have changed, the same sum is two changes to add up."""
    counted_twice = f.merge is Merge.COUNTER and f.owner is None and base is not None and all(changed)
    return same(*values) and not counted_twice


def _applies(pick: Pick | Undo, values: tuple[Value, Value], base: tuple[Value, Value] | None) -> bool:
    """Whether a pick was made for what the sides hold now."""
    if isinstance(pick, Pick) and pick.kind is PickKind.BASE and base is None:
        return False
    return same(pick.seen_left, values[0]) and same(pick.seen_right, values[1])


# ---------------------------------------------------------------- judging


def _judge(
    unit: Unit,
    cells: Sequence[Cell],
    records: tuple[Record, Record],
    policy: Policy,
    owner: Side | Undecided | None,
) -> Verdict:
    """What becomes of the open cells of one unit: always one answer for all of them."""
    if all(cell.pick is not None for cell in cells):
        return Picked()
    if any(cell.reopened for cell in cells):
        return Undecided(TAKEN_BACK)
    if isinstance(owner, Undecided):
        return owner
    drift = unit.drift if owner is None else policy.drift
    owner = unit.owner if owner is None else owner
    if all(cell.base is None for cell in cells):
        return _first_contact(unit, cells, records, policy, owner)
    changed = (_has_changed(cells, Side.LEFT), _has_changed(cells, Side.RIGHT))
    if owner is not None:
        return Take(owner, f"owner {owner}") if at(changed, owner) else _drifted(owner, drift)
    if changed != (True, True):
        return Take(Side.LEFT if changed[0] else Side.RIGHT, "one side changed")
    return _merge(unit, cells, records, policy)


def _has_changed(cells: Sequence[Cell], side: Side) -> bool:
    return any(cell.base is None or at(cell.changed, side) for cell in cells)


def _drifted(owner: Side, drift: Drift) -> Verdict:
    match drift:
        case Drift.ENFORCE:
            return Take(owner, f"owner {owner}, drift enforce")
        case Drift.IGNORE:
            return Keep(f"owner {owner}, drift ignore")
        case Drift.REVIEW:
            return Undecided(f"the {owner} side owns it, and the {owner.other} side changed it")


def _first_contact(
    unit: Unit, cells: Sequence[Cell], records: tuple[Record, Record], policy: Policy, owner: Side | None
) -> Verdict:
    if owner is not None:
        return Take(owner, f"first contact: owner {owner}")
    for side in SIDES:
        if all(empty(at(cell.values, side.other)) for cell in cells):
            return Take(side, "first contact: a value meets an empty field")
    fields = [cell.field for cell in cells]
    verdict = choose_side(unit.first_contact, records, fields, policy.clock_tolerance)
    if isinstance(verdict, Take):
        return Take(verdict.side, f"first contact: {verdict.rule}")
    return verdict or Undecided("the two sides differ and never agreed before")


def _merge(unit: Unit, cells: Sequence[Cell], records: tuple[Record, Record], policy: Policy) -> Verdict:
    verdict: Take | Merged | Undecided | None
    cell = cells[0]
    if len(unit.fields) == 1 and cell.base is not None:
        verdict = merge(
            Question(cell.field, cell.values, cell.base, records, policy.clock_tolerance, policy.types)
        )
    else:
        fields = [cell.field for cell in cells]
        verdict = choose_side(unit.merge, records, fields, policy.clock_tolerance)
    match verdict:
        case Take(side, rule):
            return Take(side, f"merge {rule}")
        case Merged(left, right, rule):
            return Merged(left, right, f"merge {rule}")
        case None:
            return Undecided("both sides changed fields that belong together")
    return verdict


def _hold(cells: Sequence[Cell], verdict: Verdict) -> Verdict:
    if isinstance(verdict, Undecided) or all(isinstance(cell.pick, Undo) for cell in cells):
        return verdict
    return Undecided("another field of this record waits for a decision")


# ---------------------------------------------------------------- folding


def _agree(plan: FieldPlan, cell: Cell) -> None:
    """The sides hold the same: new shadows, and no write. First contact of equal values is silent."""
    plan.settled[cell.field.name] = cell.values
    if cell.base is not None:
        _account(plan, cell, (Disposition.CONVERGED, Disposition.CONVERGED), "equal")


def _fold(
    plan: FieldPlan, unit: Unit, cells: Sequence[Cell], verdict: Verdict, records: tuple[Record, Record]
) -> None:
    """Adds one unit's verdict to the plan."""
    for cell in cells:
        name, pick = cell.field.name, cell.pick
        match verdict:
            case Undecided(reason):
                plan.conflicts.append(
                    FieldConflict(name, *cell.values, base=cell.base, reason=reason, moved=cell.moved)
                )
                _account(plan, cell, (Disposition.HELD, Disposition.HELD), reason)
            case Take(side, rule):
                _want(plan, cell, (at(cell.values, side),) * 2)
                _account(plan, cell, pair(side, Disposition.PROPAGATED, Disposition.OVERRIDDEN), rule)
            case Merged(left, right, rule):
                _want(plan, cell, (left, right))
                _account(plan, cell, (Disposition.MERGED, Disposition.MERGED), rule)
            case Keep(rule):
                _want(plan, cell, cell.values)
                _account(plan, cell, (Disposition.OVERRIDDEN, Disposition.OVERRIDDEN), rule)
            case Picked() if pick is not None:
                _apply(plan, cell, pick)
    for written, expected, record in zip(plan.writes, plan.expected, records, strict=True):
        if any(cell.field.name in written for cell in cells):
            for f in unit.fields:
                if f.name in record.values:
                    expected[f.name] = record.values[f.name]


def _apply(plan: FieldPlan, cell: Cell, pick: Pick | Undo) -> None:
    """A person's choice for one field."""
    plan.used.append(cell.field.name)
    if isinstance(pick, Undo):
        _undo(plan, cell, pick)
        return
    plan.reopened.discard(cell.field.name)
    fates = (Disposition.OVERRIDDEN, Disposition.OVERRIDDEN)
    match pick.kind:
        case PickKind.LEFT | PickKind.RIGHT:
            side = Side(pick.kind.value)
            _want(plan, cell, (at(cell.values, side),) * 2)
            fates = pair(side, Disposition.PROPAGATED, Disposition.OVERRIDDEN)
        case PickKind.BASE:
            _want(plan, cell, cell.base or cell.values)
        case PickKind.VALUE:
            _want(plan, cell, (pick.value, pick.value))
        case PickKind.LEAVE:
            plan.alone[cell.field.name] = cell.values
    _account(plan, cell, fates, pick.named)


def _undo(plan: FieldPlan, cell: Cell, undo: Undo) -> None:
    """Both sides get back what they held, and what they had agreed on is the ancestor again."""
    name = cell.field.name
    _want(plan, cell, undo.values)
    plan.restored[name] = undo.ancestor
    plan.reopened.add(name)
    _account(plan, cell, (Disposition.OVERRIDDEN, Disposition.OVERRIDDEN), "person: undo")


def _want(plan: FieldPlan, cell: Cell, wanted: tuple[Value, Value]) -> None:
    """Both sides shall hold `wanted`: writes where they do not, and the shadows that follow."""
    name = cell.field.name
    settled = list(cell.values)
    for index, (value, current) in enumerate(zip(wanted, cell.values, strict=True)):
        if not same(value, current):
            plan.writes[index][name] = settled[index] = value
    plan.settled[name] = (settled[0], settled[1])


def _account(plan: FieldPlan, cell: Cell, fates: tuple[Disposition, Disposition], rule: str) -> None:
    """One disposition for each side's own change."""
    base = cell.base or (None, None)
    for side, changed, old, new, fate in zip(SIDES, cell.changed, base, cell.values, fates, strict=True):
        if changed:
            plan.changes.append(Change(side, cell.field.name, old, new, fate, rule))
