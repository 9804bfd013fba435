"""Times by one clock: what each system tells is put on the hub's clock before times decide anything.

How far a system's clock is from the hub's is known give or take something, and that much wider is the
tolerance within which two changes can't be ordered. What is stored and shown stays what the system told.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from syncadmin.core import plan as core
from syncadmin.core.policy import FirstContact, Merge, Policy
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Health

from .binding import Binding
from .effort import Item


def know(binding: Binding) -> None:
    """Have a binding know how far the systems' clocks are from the hub's, as it was last noted."""
    if not times_decide(binding.policy):
        return
    ids = {side: binding.mapping.resource(side).system_id for side in SIDES}
    known = {row.system_id: row for row in Health.objects.filter(system_id__in=ids.values())}
    unsure = 0.0
    for side, system_id in ids.items():
        health = known.get(system_id)
        if health is not None and health.skew is not None:
            binding.ahead[side] = timedelta(seconds=health.skew)
            unsure += health.skew_error
    tolerance = binding.mapping.policy().clock_tolerance + timedelta(seconds=unsure)
    binding.policy = replace(binding.policy, clock_tolerance=tolerance)


def times_decide(policy: Policy) -> bool:
    """Whether any field is decided by when it was changed."""
    by_time = (Merge.NEWEST, Merge.RULE)
    return any(u.merge in by_time or u.first_contact is FirstContact.NEWEST for u in policy.units)


def on_our_clock(binding: Binding, side: Side, told: datetime) -> datetime:
    """When it was by the hub's clock."""
    return told - binding.ahead.get(side, timedelta())


def observed(binding: Binding, item: Item, side: Side) -> core.Observation:
    """What was observed of a side, with its times on the hub's clock."""
    seen = item.observations[side]
    if not binding.ahead.get(side):
        return seen
    if isinstance(seen, core.Present):
        return replace(seen, record=_moved(binding, side, seen.record))
    if isinstance(seen, core.Matches):
        moved = (replace(c, record=_moved(binding, side, c.record)) for c in seen.candidates)
        return replace(seen, candidates=tuple(moved))
    return seen


def _moved(binding: Binding, side: Side, record: core.Record) -> core.Record:
    if record.modified is None and not record.times:
        return record
    return replace(
        record,
        modified=None if record.modified is None else on_our_clock(binding, side, record.modified),
        times={name: on_our_clock(binding, side, at) for name, at in record.times.items()},
    )
