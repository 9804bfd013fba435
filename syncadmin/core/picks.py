"""A person's choice for a whole record: whether it still means what the person saw."""

from __future__ import annotations

from .plan import Absent, AloneRecord, Observation, Present, RecordPick, Values
from .side import SIDES, Side
from .values import same


def still_holds(pick: RecordPick, observed: dict[Side, Observation]) -> bool:
    """Whether every record that is there now is what the person saw, and none that was seen has gone."""
    for side, observation in observed.items():
        seen = pick.seen.get(side)
        if isinstance(observation, Present):
            if seen is None or not _holds(observation.record.values, seen):
                return False
        elif isinstance(observation, Absent) and seen:
            return False
    return True


def snapshot(observed: dict[Side, Observation]) -> AloneRecord:
    """What the sides hold now, to be compared with `is_left_alone` later."""
    return {
        side: dict(observation.record.values) if isinstance(observation, Present) else None
        for side, observation in observed.items()
        if isinstance(observation, Present | Absent)
    }


def is_left_alone(alone: AloneRecord | None, observed: dict[Side, Observation]) -> bool:
    """Whether the record as a whole was to be left as it is, and is still so."""
    if alone is None:
        return False
    for side in SIDES:
        if side not in alone:
            continue
        observation, values = observed[side], alone[side]
        if isinstance(observation, Present):
            if values is None or not _holds(observation.record.values, values):
                return False
        elif isinstance(observation, Absent) and values is not None:
            return False
    return True


def _holds(values: Values, seen: Values) -> bool:
    """Whether `values` are what was seen; a field that is mapped only since then does not matter."""
    return all(name in values and same(values[name], value) for name, value in seen.items())
