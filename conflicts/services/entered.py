"""The value that a person entered for a field, typed or merged by hunk, held against both systems' limits."""

from __future__ import annotations

from collections.abc import Sequence

from conflicts.limits import check, limits_of
from conflicts.merging import merged
from conflicts.models import ConflictField
from conflicts.typed import read_typed
from syncadmin.core.side import SIDES
from syncadmin.core.values import Value
from syncadmin.models import FieldMapping
from syncadmin.models import Mapping as SyncMapping


def entered(
    mapping: SyncMapping, row: ConflictField, field: FieldMapping | None, typed: str, hunks: Sequence[str]
) -> Value:
    """The canonical value; `hunks` are the picks of a merged text, if any. Raises `Unreadable`."""
    text = merged(row, field, hunks) if hunks else typed
    value = read_typed(field, text)
    if field is not None:
        names = {side: str(mapping.resource(side).system) for side in SIDES}
        check(field, value, limits_of(mapping, field.name), names)
    return value
