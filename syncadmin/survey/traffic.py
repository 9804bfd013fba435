"""How often records are edited, as far as times of last changes tell: for risks before going live."""

from __future__ import annotations

from syncadmin.core import risk
from syncadmin.core.side import Side as MappingSide

from .profile import AGES
from .report import Report, Side

ENOUGH = 20  # changed records that make a span worth counting


def edits_a_day(found: Side) -> float | None:
    """Edits a day of a whole resource, None if it was not read entirely or tells no times.

    Counted over the shortest span that has enough of them. A record that was edited twice in it counts once.
    """
    if not found.whole or not found.timed:
        return None
    changed, a_day = 0, 0.0
    for name, span in AGES:
        changed += found.ages.get(name, 0)
        a_day = changed * risk.DAY / span.total_seconds()
        if changed >= ENOUGH:
            break
    return a_day


def traffic(found: Report, fields: int) -> risk.Traffic | None:
    """What a survey tells of the traffic on so many shared fields, None if it can't of both sides."""
    left, right = edits_a_day(found.left), edits_a_day(found.right)
    if left is None or right is None:
        return None
    per_year = risk.YEAR / risk.DAY
    edits = {MappingSide.LEFT: left * per_year, MappingSide.RIGHT: right * per_year}
    return risk.Traffic(edits, max(1, min(found.left.records, found.right.records)), max(1, fields))
