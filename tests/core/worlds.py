"""Random decisions, and a toy world in which plans are carried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from syncadmin.core.decide import decide
from syncadmin.core.plan import (
    Absent,
    Candidate,
    LinkAction,
    LinkState,
    Matches,
    Observation,
    Op,
    Pick,
    PickKind,
    Plan,
    Present,
    Record,
    RecordPick,
    RecordPickKind,
    Undo,
    Unlinked,
)
from syncadmin.core.policy import (
    Create,
    Deletes,
    Drift,
    EditVsDelete,
    FieldPolicy,
    FirstContact,
    LeftScope,
    Merge,
    Policy,
    RowOwner,
)
from syncadmin.core.side import SIDES, Side, at
from syncadmin.core.values import FieldType, Kind

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
VALUES: dict[Kind, list[Any]] = {
    Kind.TEXT: [None, "", "a", "b", "a b", "a b c", "a X c", "long text that is cut"],
    Kind.INTEGER: [None, 0, 1, 2, 5],
    Kind.DECIMAL: [None, "0.00", "0.10", "2.50"],
    Kind.SET: [[], ["a"], ["a", "b"], ["b", "c"]],
    Kind.JSON: [None, 1, True, {"a": 1}, {"a": True}],
    Kind.REFERENCE: [None, "c1", "c2"],
}
NAMES = ("f1", "f2", "f3", "f4")
RULES = ("left", "left_record.f1 == null ? right : left", "base", "left + right", "left_time > right_time")
ROW_RULES = ("left_record.f1 == right_record.f1", "left_record.nowhere == 1", "left_record.f2 == null")

sides = st.sampled_from(SIDES)
times = st.none() | st.sampled_from([NOON, NOON + timedelta(seconds=3), NOON + timedelta(minutes=1)])


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Any policy that does not contradict itself."""
    owner, drift = draw(st.none() | sides), draw(st.sampled_from(Drift))
    fields = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)):
        group = draw(st.sampled_from(["", "", "g"]))
        fields.append(
            FieldPolicy(
                name,
                FieldType(draw(st.sampled_from(list(VALUES)))),
                owner=owner if group else draw(st.none() | sides),
                drift=drift if group else draw(st.sampled_from(Drift)),
                merge=draw(st.sampled_from(Merge)),
                rule=draw(st.sampled_from(RULES)),
                group=group,
                first_contact=draw(st.none() | st.sampled_from(FirstContact)),
            )
        )
    return Policy(
        tuple(fields),
        match=tuple(draw(st.lists(st.sampled_from([f.name for f in fields]), max_size=1))),
        owner=draw(st.none() | st.none() | sides),
        drift=draw(st.sampled_from(Drift)),
        row_owners=tuple(
            RowOwner(when, draw(sides)) for when in draw(st.lists(st.sampled_from(ROW_RULES), max_size=1))
        ),
        create=draw(st.sampled_from(Create)),
        deletes=draw(st.sampled_from(Deletes)),
        edit_vs_delete=draw(st.sampled_from(EditVsDelete)),
        first_contact=draw(st.sampled_from(FirstContact)),
        left_scope=draw(st.sampled_from(LeftScope)),
        whole_record=draw(st.booleans()),
    )


def values_of(field: FieldPolicy) -> st.SearchStrategy[Any]:
    """Any value of a field."""
    return st.sampled_from(VALUES[field.type.kind])


@st.composite
def records(draw: st.DrawFn, policy: Policy, key: str, base: dict[str, Any] | None = None) -> Record:
    """Any record; most fields are as in `base`, some are not delivered, some wait."""
    values, waiting = {}, set()
    for f in policy.fields:
        what = draw(st.sampled_from(["base", "base", "new", "new", "missing", "waiting"]))
        if what == "base" and base is not None and f.name in base:
            values[f.name] = base[f.name]
        elif what in ("base", "new"):
            values[f.name] = draw(values_of(f))
        elif what == "waiting" and f.type.kind is Kind.REFERENCE:
            waiting.add(f.name)
    known = {f.name: time for f in policy.fields if (time := draw(times)) is not None}
    return Record(key, values, draw(st.none() | st.just("v1")), draw(times), known, frozenset(waiting))


@st.composite
def linked(
    draw: st.DrawFn, both: bool = False, undone: bool = False
) -> tuple[LinkState, Observation, Observation, Policy]:
    """Any pair; if `both`, one that is there on both sides, in scope, and for which nothing was chosen.

    If `undone`, decisions on some fields are taken back.
    """
    policy = draw(policies())
    shadows: dict[Side, dict[str, Any]] = {Side.LEFT: {}, Side.RIGHT: {}}
    for f in policy.fields:
        if draw(st.integers(0, 4)):
            shadows[Side.LEFT][f.name] = draw(values_of(f))
            same_on_right = draw(st.integers(0, 3))
            shadows[Side.RIGHT][f.name] = shadows[Side.LEFT][f.name] if same_on_right else draw(values_of(f))
    observed: list[Observation] = []
    for side, key in zip(SIDES, ("l1", "r1"), strict=True):
        if both or draw(st.integers(0, 4)):
            record = draw(records(policy, key, shadows[side]))
            observed.append(Present(record, in_scope=both or bool(draw(st.integers(0, 5)))))
        else:
            observed.append(Absent(key))
    seen = {
        side: dict(o.record.values) if isinstance(o, Present) else {}
        for side, o in zip(SIDES, observed, strict=True)
    }
    if draw(st.integers(0, 3)) == 0:
        seen[draw(sides)] = {f.name: draw(values_of(f)) for f in policy.fields}
    picks: dict[str, Pick | Undo] = {}
    alone, reopened = {}, set()
    for f in policy.fields:
        pair = tuple(seen[side].get(f.name) for side in SIDES)
        if not both and draw(st.integers(0, 4)) == 0:
            picks[f.name] = Pick(draw(st.sampled_from(PickKind)), *pair, draw(values_of(f)))
        elif undone and draw(st.booleans()):
            before, ancestor = ((draw(values_of(f)), draw(values_of(f))) for _ in range(2))
            picks[f.name] = Undo(*pair, before, ancestor if draw(st.booleans()) else None)
        if draw(st.integers(0, 8)) == 0:
            reopened.add(f.name)
        if draw(st.integers(0, 5)) == 0:
            alone[f.name] = pair
    chosen = None
    if not both and draw(st.integers(0, 2)) == 0:
        chosen = RecordPick(draw(st.sampled_from(RecordPickKind)), draw(st.sampled_from(["", "r1"])), seen)
    left_alone = not both and draw(st.integers(0, 3)) == 0
    alone_record = {side: seen[side] or None for side in SIDES} if left_alone else None
    link = LinkState("l1", "r1", shadows, alone, picks, chosen, alone_record, frozenset(reopened))
    return link, observed[0], observed[1], policy


@st.composite
def unlinked(draw: st.DrawFn) -> tuple[Unlinked, Observation, Observation, Policy]:
    """Any record without a partner, and what the other side holds for it."""
    policy, me = draw(policies()), draw(sides)
    found = Present(draw(records(policy, "m1")), in_scope=bool(draw(st.integers(0, 5))))
    base = dict(found.record.values)
    candidates = tuple(
        Candidate(draw(records(policy, f"t{i}", base)), draw(st.booleans()), bool(draw(st.integers(0, 4))))
        for i in range(draw(st.sampled_from([0, 1, 1, 2])))
    )
    matches = Matches(candidates, draw(st.sampled_from([(), (), ("m2",)])))
    chosen = None
    if draw(st.booleans()):
        chosen = RecordPick(
            draw(st.sampled_from(RecordPickKind)), draw(st.sampled_from(["", "t0"])), {me: base}
        )
    link = Unlinked(chosen, ignored=draw(st.integers(0, 5)) == 0)
    return (link, found, matches, policy) if me is Side.LEFT else (link, matches, found, policy)


decisions = linked() | unlinked()


# ---------------------------------------------------------------- a toy world


@dataclass
class World:
    """Two systems with one record each, what the hub remembers, what the systems make of a value."""

    left: Observation
    right: Observation
    link: LinkState | Unlinked
    policy: Policy
    cut: Side | None = None

    def answer(self, side: Side, value: Any) -> Any:
        """What `side` keeps of `value`: one of the systems cuts texts, as some do."""
        return value[:6] if side is self.cut and isinstance(value, str) else value

    def decide(self) -> Plan:
        """The plan for the world as it is."""
        return decide(self.link, self.left, self.right, self.policy)

    def carry_out(self, plan: Plan) -> None:
        """Do what the plan says, as the engine would: all writes succeed."""
        observed: dict[Side, Observation] = {Side.LEFT: self.left, Side.RIGHT: self.right}
        keys = {Side.LEFT: plan.left_key, Side.RIGHT: plan.right_key}
        for side, match in list(observed.items()):
            if plan.action is LinkAction.LINK and isinstance(match, Matches):
                record = next(c.record for c in match.candidates if c.record.key == keys[side])
                observed[side] = Present(record)
        answered: dict[Side, dict[str, Any]] = {Side.LEFT: {}, Side.RIGHT: {}}
        for write in plan.writes:
            answered[write.side] = {n: self.answer(write.side, v) for n, v in write.values.items()}
            now = observed[write.side]
            if write.op is Op.DELETE:
                assert isinstance(now, Present)
                observed[write.side] = Absent(now.record.key)
            elif write.op is Op.CREATE:
                observed[write.side] = Present(Record("new", answered[write.side]))
                keys[write.side] = "new"
            else:
                assert isinstance(now, Present)
                values = {**now.record.values, **answered[write.side]}
                observed[write.side] = Present(replace(now.record, values=values))
        self.left, self.right = observed[Side.LEFT], observed[Side.RIGHT]
        self._remember(plan, keys, answered)

    def _remember(
        self, plan: Plan, keys: dict[Side, str | None], answered: dict[Side, dict[str, Any]]
    ) -> None:
        old = self.link
        if plan.idle:
            return
        if plan.action is LinkAction.NONE:
            ignored = plan.ignored or (isinstance(old, Unlinked) and old.ignored)
            waiting = old.record_pick if plan.waits else None
            self.link = Unlinked(waiting, ignored=ignored, alone_record=plan.alone_record)
            return
        shadows: dict[Side, dict[str, Any]] = {Side.LEFT: {}, Side.RIGHT: {}}
        picks: dict[str, Pick | Undo] = {}
        chosen: RecordPick | None = None
        # what hung on a dead key dies with it
        if isinstance(old, LinkState) and plan.action is LinkAction.KEEP:
            shadows = {side: dict(old.shadows[side]) for side in SIDES}
            asked = {f.field for f in plan.conflict.fields} if plan.conflict else set()
            picks = {name: pick for name, pick in old.picks.items() if name in asked | set(plan.waits)}
            chosen = None if plan.used_record_pick else old.record_pick
        for side in SIDES:
            for name, pair in plan.settled.items():
                shadows[side][name] = answered[side].get(name, at(pair, side))
            for name, ancestor in plan.restored.items():
                del shadows[side][name]
                if ancestor is not None:
                    shadows[side][name] = at(ancestor, side)
        left, right = (keys[side] or "" for side in SIDES)
        self.link = LinkState(
            left, right, shadows, plan.alone, picks, chosen, plan.alone_record, plan.reopened
        )


worlds = st.builds(
    lambda decision, cut: World(decision[1], decision[2], decision[0], decision[3], cut),
    decisions,
    st.none() | sides,
)
