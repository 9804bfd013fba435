"""The one place that asks the core: each item gets its plan, and no record is in two plans of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conflicts.models import UNDO, Conflict, ConflictState
from syncadmin.core import plan as core
from syncadmin.core.decide import decide
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import same

from . import clocks, restored
from .binding import Binding
from .effort import Item
from .links import unpack_alone


def judge(binding: Binding, items: Sequence[Item]) -> list[Item]:
    """Decide each item. Returns those with a plan.

    An item whose record another plan has taken is left for later; one that could not be read gets no plan.
    """
    judged: list[Item] = []
    taken: dict[tuple[Side, str], Item] = {}
    for item in sorted(items, key=lambda i: (i.link is None, i.side is Side.RIGHT)):
        if item.unanswered or len(item.observations) < len(SIDES):
            continue
        untold = restored.unsure(item)
        plan = decide(
            _state(item),
            clocks.observed(binding, item, Side.LEFT),
            clocks.observed(binding, item, Side.RIGHT),
            restored.cautious(binding.policy) if untold else binding.policy,
        )
        plan = restored.with_reason(plan) if untold else plan
        plan = with_problems(binding, item, without_refused(item, plan))
        keys = [(Side.LEFT, plan.left_key), (Side.RIGHT, plan.right_key)]
        places = [(side, key) for side, key in keys if key is not None] or item.places()
        owner = next((taken[place] for place in places if place in taken), None)
        if owner is not None:
            if owner.plan is not None and (owner.plan.left_key, owner.plan.right_key) == (
                plan.left_key,
                plan.right_key,
            ):
                owner.marks += item.marks
                owner.intents += item.intents
                owner.planned |= item.planned
                owner.pending |= {place: item.pending[place] for place in item.planned}
            continue
        item.plan = plan
        _meet_partner(item, plan)
        restored.hold_untold(item, binding.policy)
        if plan.action in (core.LinkAction.LINK, core.LinkAction.CREATE) or item.link is not None:
            taken.update(dict.fromkeys(places, item))
        judged.append(item)
    return judged


def _meet_partner(item: Item, plan: core.Plan) -> None:
    """The record that an unlinked one is paired with counts as seen: what is written there expects it so."""
    key = plan.right_key if item.side is Side.LEFT else plan.left_key
    partner = item.partners.get(key or "")
    if plan.action is core.LinkAction.LINK and partner is not None:
        item.seen[item.side.other] = partner
        item.observations[item.side.other] = core.Present(partner.record, partner.in_scope)


def _state(item: Item) -> core.LinkState | core.Unlinked:
    decided = _decision(item)
    record_pick = _record_pick(decided)
    # who takes "leave as is" or "never sync" back is asked again
    anew = decided is not None and (decided.decision or {}).get("kind") == UNDO
    if item.link is None:
        alone_record = None if anew else unpack_alone(item.alone)[1]
        return core.Unlinked(record_pick, item.ignored and not anew, alone_record)
    alone, alone_record = item.link.left_alone()
    return core.LinkState(
        left_key=item.link.left_key,
        right_key=item.link.right_key,
        shadows={side: item.link.shadow(side) for side in SIDES},
        alone=alone,
        picks=_picks(decided),
        record_pick=record_pick,
        alone_record=None if anew else alone_record,
        reopened=item.link.reopened(),
    )


def _decision(item: Item) -> Conflict | None:
    """The item with what a person has decided, unless it may have been carried out since the backup."""
    conflict = item.conflict
    if conflict is None or conflict.state != ConflictState.DECIDED:
        return None
    if item.as_of is not None and (conflict.decided_at is None or conflict.decided_at <= item.as_of):
        return None
    return conflict


def _picks(conflict: Conflict | None) -> dict[str, core.Pick | core.Undo]:
    if conflict is None:
        return {}
    return {f.field: _pick(f.pick) for f in conflict.fields.all() if f.pick}


def _pick(stored: dict[str, Any]) -> core.Pick | core.Undo:
    """A choice as it is stored with a field of an item."""
    seen = stored["seen_left"], stored["seen_right"]
    if stored["kind"] != UNDO:
        by = f"rule #{stored['rule']}" if stored.get("rule") else "person"
        return core.Pick(core.PickKind(stored["kind"]), *seen, stored.get("value"), by)
    (left, right), ancestor = stored["values"], stored["ancestor"]
    return core.Undo(*seen, (left, right), None if ancestor is None else (ancestor[0], ancestor[1]))


def _record_pick(conflict: Conflict | None) -> core.RecordPick | None:
    if conflict is None or not conflict.decision or conflict.decision["kind"] == UNDO:
        return None
    seen = {Side(side): values for side, values in conflict.decision.get("seen", {}).items()}
    return core.RecordPick(
        core.RecordPickKind(conflict.decision["kind"]), conflict.decision.get("key", ""), seen
    )


def without_refused(item: Item, plan: core.Plan) -> core.Plan:
    """The plan without values that a system has refused, unless they changed or somebody decided since."""
    refused = item.conflict.snapshot.get("refused") if item.conflict is not None else None
    if not refused or not plan.writes or item.conflict is None:
        return plan
    if item.conflict.state == ConflictState.DECIDED:
        return plan
    side, values, op = Side(refused["side"]), refused["values"], refused["op"]
    stuck: set[str] = set()
    for write in plan.writes:
        if write.side is side and write.op.value == op:
            stuck = {
                name for name, value in write.values.items() if name in values and same(value, values[name])
            }
            if op != core.Op.UPDATE and len(stuck) == len(values):
                item.stuck = frozenset({""})
                return replace(plan, writes=(), settled={}, changes=(), action=_kept(item))
    if not stuck or op != core.Op.UPDATE:
        return plan
    item.stuck = frozenset(stuck)
    return replace(
        plan,
        writes=tuple(
            w for w in (_less(w, stuck) for w in plan.writes) if w.values or w.op is not core.Op.UPDATE
        ),
        settled={name: pair for name, pair in plan.settled.items() if name not in stuck},
        changes=tuple(c for c in plan.changes if c.field not in stuck),
    )


def _kept(item: Item) -> core.LinkAction:
    return core.LinkAction.NONE if item.link is None else core.LinkAction.KEEP


def _less(write: core.Write, names: set[str]) -> core.Write:
    return replace(write, values={name: value for name, value in write.values.items() if name not in names})


def with_problems(binding: Binding, item: Item, plan: core.Plan) -> core.Plan:
    """The plan of a record with values that can't be read: a person must look; nothing new is made of it."""
    problems = [(side, name, text) for side, found in item.problems().items() for name, text in found.items()]
    if not problems or plan.conflict is not None:
        return plan
    side = problems[0][0]
    words = "; ".join(
        f"{name or 'row filter'} of {binding.sides[s].name}: {text}" for s, name, text in problems
    )
    conflict = core.Conflict(core.ConflictKind.REJECTED, f"a value can't be read: {words}", side)
    if item.link is None:
        return replace(
            plan, action=core.LinkAction.NONE, writes=(), settled={}, changes=(), conflict=conflict
        )
    return replace(plan, conflict=conflict)
