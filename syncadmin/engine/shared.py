"""Records that other mappings sync too: a decision in one mapping takes nothing along that waits in another.

Who has a record deleted has seen one mapping's fields of it. Where another mapping of the same resource asks
about the record as well, the delete waits for the answer there, unless that is a delete too. Where a person
has left the record as it is there, or it has got a new partner there, and so is not gone on the other side,
the question comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.db.models import Q

from conflicts import intake
from conflicts.models import Conflict, ConflictState
from syncadmin.core import plan as core
from syncadmin.core.policy import Deletes
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import same
from syncadmin.models import Mapping

from . import links
from .binding import Binding
from .effort import Item

WAITS = ("",)  # for the record itself
PAIRED = "another mapping has given the record a new partner"
ALONE = "another mapping was told to leave the record as it is"


@dataclass(frozen=True, slots=True)
class Sharer:
    """Another mapping that syncs our resource of `ours`, on its side `side`; `pairs`: the other one too."""

    mapping: Mapping
    ours: Side
    side: Side
    pairs: bool


def sharers(binding: Binding, items: Sequence[Item]) -> list[Sharer]:
    """Other mappings in service that have a say in what a person has decided of these pairs."""
    sides = [side for side in SIDES if any(_chosen(item, side) is not None for item in items)]
    return [found for side in sides for found in _sharers(binding, side)]


def hold_shared(sharers: Iterable[Sharer], items: Sequence[Item]) -> None:
    """Hold back what a person has decided of whole pairs where another mapping has something against it.

    To be called in the transaction that stores these plans, with the sharers' states locked: a question that
    another mapping's pass has stored before is seen. What that pass sees later waits there with its value.
    """
    for sharer in sharers:
        chosen = {
            item.link.key(sharer.ours): item
            for item in items
            if item.link is not None and _chosen(item, sharer.ours) is not None
        }
        _hold(sharer, chosen)


def _chosen(item: Item, side: Side) -> core.Write | None:
    """The write by which a person deletes the record of `side`, or has it made anew on the other side."""
    plan = item.decided
    if item.link is None or item.conflict is None or not plan.used_record_pick:
        return None
    ours = {core.Op.DELETE: side, core.Op.CREATE: side.other}
    return next((w for w in plan.writes if ours.get(w.op) is w.side), None)


def _sharers(binding: Binding, side: Side) -> Iterator[Sharer]:
    """Other mappings in service that sync the resource of `side`."""
    ours = {s: binding.mapping.resource(s).pk for s in SIDES}
    shared = Q(left=ours[side]) | Q(right=ours[side])
    for mapping in Mapping.objects.filter(shared, state__retired_at=None).exclude(pk=binding.id):
        theirs = {Side.LEFT: mapping.left_id, Side.RIGHT: mapping.right_id}
        for there in SIDES:
            if theirs[there] == ours[side]:
                yield Sharer(mapping, side, there, theirs[there.other] == ours[side.other])


def _hold(sharer: Sharer, chosen: dict[str, Item]) -> None:
    side = sharer.ours
    known = links.by_key(sharer.mapping.pk, sharer.side, chosen)
    asked = intake.live_by_link(link.id for link in known.values() if link.id is not None)
    alone = intake.live_by_record(sharer.mapping.pk, sharer.side, chosen.keys() - known.keys())
    for key, item in chosen.items():
        link, write = known.get(key), _chosen(item, side)
        if item.link is None or write is None:
            continue  # another mapping has something against it already
        conflict = alone.get(key) if link is None else asked.get(link.id or 0)
        if link is not None and sharer.pairs and link.key(sharer.side.other) != item.link.key(side.other):
            _ask_again(item, item.link, PAIRED)
        elif write.op is core.Op.DELETE and conflict is not None and not _says_delete(conflict):
            item.plan = replace(_kept(item.link), waits=WAITS)
        elif write.op is core.Op.DELETE and link is not None and _left_alone(sharer, link):
            _ask_again(item, item.link, ALONE)


def _says_delete(conflict: Conflict) -> bool:
    """Whether a person has decided the same there: who did has seen that mapping's fields."""
    decision = conflict.decision or {}
    return conflict.state == ConflictState.DECIDED and decision.get("kind") == core.RecordPickKind.DELETE


def _left_alone(sharer: Sharer, link: links.LinkRow) -> bool:
    """Whether a person has left the record as it is there.

    Where the mapping's policy does so with every delete, only if it holds what was never agreed on.
    """
    alone = link.left_alone()[1]
    if alone is None:
        return False
    values, shadow = alone.get(sharer.side), link.shadow(sharer.side)
    unagreed = any(not same(value, shadow.get(name)) for name, value in (values or {}).items())
    return unagreed or sharer.mapping.deletes != Deletes.IGNORE


def _ask_again(item: Item, link: links.LinkRow, reason: str) -> None:
    """The decision is void, and the question comes back with why."""
    if item.conflict is None:
        return
    about = Side(item.conflict.side) if item.conflict.side else None
    conflict = core.Conflict(core.ConflictKind(item.conflict.kind), reason, about, moved=True)
    held = tuple(replace(c, disposition=core.Disposition.HELD, rule=reason) for c in item.decided.changes)
    item.plan = replace(_kept(link), changes=held, conflict=conflict)


def _kept(link: links.LinkRow) -> core.Plan:
    """A plan that leaves the pair as it is."""
    fields, record = link.left_alone()
    return core.Plan(
        core.LinkAction.KEEP,
        link.left_key,
        link.right_key,
        alone=fields,
        alone_record=record,
        reopened=link.reopened(),
    )
