"""What would be done with everything that is due, batch by batch, before anything of it is stored or sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.models import marks
from syncadmin.models.marks import Due

from . import links, stage
from .binding import Binding, Translated
from .collect import Cache
from .effort import Item, Run
from .judge import judge
from .load import BATCH, due_marks, load


def foresee(run: Run, read: Callable[[Sequence[Due]], Cache]) -> Iterator[list[Item]]:
    """Judged items of all that is due. `read` gives what is known already of a batch's records.

    A pair whose records are due in different batches comes once. Raises base.ConnectorError, LeaseLost.
    """
    after, mapping_id = 0, run.binding.id
    met: set[int] = set()  # records that came with their partner, by hash: a million stay small
    while batch := due_marks(mapping_id, run.clock(), after):
        after = batch[-1].id
        batch = [due for due in batch if hash((due.side, due.key)) not in met]
        beside = _beside(mapping_id, run.clock(), batch) if len(batch) == BATCH else []
        met.update(hash((due.side, due.key)) for due in beside)
        batch += beside
        items = judge(run.binding, load(run.binding, batch, read(batch), frozenset()))
        met.update(hash(place) for item in items for place in _partner(item))
        yield items
        run.lease.keep()


def _beside(mapping_id: int, now: datetime, batch: Sequence[Due]) -> list[Due]:
    """The marks of the batch's linked partners that are not in it."""
    mine = {(due.side, due.key) for due in batch}
    found = []
    for side in SIDES:
        linked = links.by_key(mapping_id, side, [key for s, key in mine if s is side])
        others = [row.key(side.other) for row in linked.values()]
        found += marks.due_of(mapping_id, now, side.other, others) if others else []
    return [due for due in found if (due.side, due.key) not in mine]


def _partner(item: Item) -> list[tuple[Side, str]]:
    """The unlinked record that an unlinked one is to be paired with."""
    plan = item.decided
    if item.link is not None or plan.action is not core.LinkAction.LINK:
        return []
    key = plan.right_key if item.side is Side.LEFT else plan.left_key
    return [] if key is None else [(item.side.other, key)]


def from_stages(binding: Binding, batch: Sequence[Due]) -> Cache:
    """What the stages hold of a batch's records, and of those that have the same match values."""
    cache = Cache()
    matching: dict[Side, list[Translated]] = {}
    matches: dict[Side, set[bytes]] = {side: set() for side in SIDES}
    for side in SIDES:
        keys = [due.key for due in batch if due.side is side]
        for t in stage.staged(side, "key", keys) if keys else ():
            cache.records[side, t.record.key] = t
            match = binding.match_of(t.record.values)
            if match is not None:
                matches[side].add(stage.encode_match(match))
    for side in SIDES:
        wanted = list(matches[side.other])
        matching[side] = stage.staged(side, "match", wanted) if wanted else []
        for t in matching[side]:
            cache.records.setdefault((side, t.record.key), t)
    cache.matching = matching
    return cache


def label_of(binding: Binding, item: Item) -> str:
    """What people know an item's record by."""
    values = [t.record.values for t in item.seen.values() if t is not None]
    return binding.title_of(*values) or item.key
