"""Agreement: what a link remembers once both sides hold what was decided.

A field that has a write is agreed once that write is applied, with what the system made of it as that side's
shadow. Nothing else that an answer shows is taken over: it may be a stranger's edit.
"""

from __future__ import annotations

from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side, at
from syncadmin.core.values import encode

from . import links
from .effort import Effort


def settle(effort: Effort, link: links.LinkRow, held: bool) -> bool:
    """Take over into the link what is agreed now. Returns whether anything is different from before.

    What an undo has brought back has its former ancestor again. If only one of two writes was applied, the
    other side's value has arrived there: it becomes the ancestor of both, and what the written side differs
    from it counts as that side's own change. What a system made of a value stays with the effort, for when
    the rest of it is settled later.
    """
    before = (
        link.left_shadow,
        link.right_shadow,
        link.left_version,
        link.right_version,
        link.alone,
        link.held,
    )
    shadows = {side: link.shadow(side) for side in SIDES}
    for name, (left, right) in effort.settled.items():
        writes = [a for a in effort.attempts if name in a.write.values]
        applied = [a for a in writes if a.applied]
        holds = {Side.LEFT: left, Side.RIGHT: right}
        for a in applied:
            if a.answer is not None and name in a.answer.record.values:
                holds[a.write.side] = a.answer.record.values[name]
        effort.settled[name] = (holds[Side.LEFT], holds[Side.RIGHT])
        if len(applied) == len(writes):
            for side in SIDES:
                shadows[side][name] = holds[side]
        elif applied:
            arrived = effort.seen.get(applied[0].write.side.other, {})
            if name in arrived:
                shadows[Side.LEFT][name] = shadows[Side.RIGHT][name] = arrived[name]
    for name, back in effort.brought_back.items():
        for side in SIDES:
            if back.ancestor is not None and side in back.seqs:
                shadows[side][name] = at(back.ancestor, side)
            elif back.ancestor is None and back.seqs:
                shadows[side].pop(name, None)
    versions = {side: _agreed_version(effort, side, shadows[side], link) for side in SIDES}
    link.store(shadows, versions, effort.alone)
    link.held = held
    return before != (
        link.left_shadow,
        link.right_shadow,
        link.left_version,
        link.right_version,
        link.alone,
        link.held,
    )


def _agreed_version(effort: Effort, side: Side, shadow: core.Values, link: links.LinkRow) -> str | None:
    """The version as of which the side equals its shadow, None if it is not known to."""
    record = effort.observed.get(side)
    for attempt in effort.attempts:
        if attempt.write.side is side and attempt.applied:
            record = attempt.answer.record if attempt.answer is not None else None
    if record is None or record.version is None:
        return None
    return record.version if encode(record.values) == encode(shadow) else None
