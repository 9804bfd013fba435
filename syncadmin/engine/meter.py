"""The lost-update meter at work: windows as they happen, edits and their meetings as the journal tells them.

Each is added to a side's day. The journal is read once, in order, after a pass; how far is stored together
with what was counted, so that nothing is counted twice whatever is killed in between.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.db import transaction
from django.db.models import Min

from syncadmin.core import risk
from syncadmin.core.exposure import Need, places
from syncadmin.core.side import Side
from syncadmin.models import Entry, EntryKind, Meter, MeterDay, Pass, PassKind, PassState, bulk
from syncadmin.models.risk import add_to_day
from syncadmin.models.state import locked

from .binding import Binding
from .exposed import exposure_of

BATCH = 5000
COLUMNS = ("seq", "at", "changed_at", "side", "link_id", "field")
BATCHES = 40  # read after one pass at most; the rest after the next


def read_journal(binding: Binding, token: int) -> None:
    """Count what the journal tells since last time. For a mapping that can lose no edit, nothing."""
    if exposure_of(binding).need is not Need.SIGN:
        return
    by_place = places(binding.policy)
    near = risk.near_of(binding.mapping.schedule)
    for _ in range(BATCHES):
        if not _read_some(binding.id, token, by_place, near):
            return


def _read_some(mapping_id: int, token: int, by_place: Mapping[str, str], near: float) -> bool:
    """One batch, in one transaction that only the holder of the lease makes; whether there is more."""
    with transaction.atomic():
        state = locked(mapping_id)
        if state.token != token:
            return False
        meter = _meter(mapping_id, by_place, near)
        changes = Entry.objects.filter(mapping_id=mapping_id, kind=EntryKind.CHANGE)
        rows = list(changes.filter(seq__gt=meter.sequence).order_by("seq").values_list(*COLUMNS)[:BATCH])
        fresh = _edits(rows, by_place, fresh=True)
        known: list[risk.Edit] = []
        if fresh and meter.sequence:
            begin = datetime.fromtimestamp(min(edit.at for edit in fresh) - near, UTC)
            links = {edit.record for edit in fresh}
            before = changes.filter(seq__lte=meter.sequence, at__gte=begin, link_id__in=links)
            known = _edits(before.values_list(*COLUMNS), by_place, fresh=False)
        _add(mapping_id, fresh, risk.meetings([*known, *fresh], near))
        more = len(rows) == BATCH
        read = {"sequence": rows[-1][0] if more else state.sequence, "since": meter.since}
        bulk.assign(Meter, {"mapping_id": mapping_id}, read)
    return more


def _edits(rows: Iterable[tuple[Any, ...]], by_place: Mapping[str, str], *, fresh: bool) -> list[risk.Edit]:
    """Those of the journal's changes that are edits of shared fields, or deletes, of linked records."""
    return [
        risk.Edit(min(changed or at, at).timestamp(), Side(side), link, by_place.get(name, ""), fresh)
        for _, at, changed, side, link, name in rows
        if link is not None and (not name or name in by_place)
    ]


def _add(mapping_id: int, fresh: Sequence[risk.Edit], met: Iterable[tuple[risk.Edit, int]]) -> None:
    """Add edits and meetings to their sides' days."""
    edits = Counter((edit.side, _day(edit)) for edit in fresh)
    meetings: Counter[tuple[Side, date]] = Counter()
    for later, count in met:
        meetings[later.side, _day(later)] += count
    for side, day in sorted(edits.keys() | meetings.keys()):
        add_to_day(mapping_id, side.value, day, edits=edits[side, day], meetings=meetings[side, day])


def _day(edit: risk.Edit) -> date:
    return datetime.fromtimestamp(edit.at, UTC).date()


def _meter(mapping_id: int, by_place: Mapping[str, str], near: float) -> Meter:
    """The mapping's meter; emptied of what was counted by other fields, or by another span."""
    meter, _ = Meter.objects.get_or_create(mapping_id=mapping_id)
    counted_by = f"{near:g} {' '.join(f'{name}={place}' for name, place in sorted(by_place.items()))}"
    if meter.counted_by != counted_by:
        meter.sequence, meter.counted_by = 0, counted_by
        meter.save()
        MeterDay.objects.filter(mapping_id=mapping_id).update(edits=0, meetings=0)
    if meter.since is None:
        compared = Pass.objects.filter(mapping_id=mapping_id, state=PassState.DONE)
        meter.since = compared.exclude(kind=PassKind.INCREMENTAL).aggregate(at=Min("finished_at"))["at"]
    return meter
