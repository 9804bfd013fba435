"""Names where canonical references (ids of links) are, for showing. What is stored is not touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from conflicts.models import Conflict, ConflictField
from syncadmin.core.values import Kind, Value
from syncadmin.models import FieldMapping
from syncadmin.selectors.records import names_of

_PLACES = ("left", "right", "base_left", "base_right")


def name_references(
    conflict: Conflict, fields: Iterable[ConflictField], mapped: Mapping[str, FieldMapping]
) -> None:
    """Put names into the values of the item and its fields, in memory. One query if there are references."""
    names = {name for name, f in mapped.items() if f.type == Kind.REFERENCE.value}
    if not names:
        return
    rows = [row for row in fields if row.field in names]
    records = [values for values in conflict.snapshot.values() if isinstance(values, dict)]
    records += list(conflict.snapshot.get("candidates", {}).values())
    held = [getattr(row, place) for row in rows for place in _PLACES]
    held += [values.get(name) for values in records for name in names]
    known = names_of(int(value) for value in held if isinstance(value, str) and value.isdigit())
    for row in rows:
        for place in _PLACES:
            setattr(row, place, _named(getattr(row, place), known))
        if row.pick:
            row.pick.update(
                {place: _named(row.pick.get(place), known) for place in ("seen_left", "seen_right")}
            )
    for values in records:
        values.update({name: _named(values[name], known) for name in names & values.keys()})


def _named(value: Value, known: Mapping[int, str]) -> Value:
    return known.get(int(value), value) if isinstance(value, str) and value.isdigit() else value
