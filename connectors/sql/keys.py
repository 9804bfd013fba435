"""Keys are text outside the connector and values of the key column inside.

A text that cannot be a value of the column, or is not how the column's value is written, names
no row: `007` is not the key of row 7.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .columns import Column, Family, UnfitValue, plain


def key_text(value: Any) -> str:
    """The text of a key column's raw value."""
    return value if type(value) is str else str(value)


def key_value(column: Column, key: str) -> Any:
    """The plain value of the key column, or None if no row can have this key."""
    if column.family in (Family.TEXT, Family.CHOICE, Family.OTHER):
        return key
    try:
        value = plain(column, key)
    except UnfitValue:
        return None
    if column.family is Family.DECIMAL:
        return value  # scale is the column's: 5 and 5.00 are told apart by what the row's key reads as
    return value if key_text(value) == key else None


def key_values(column: Column, keys: Iterable[str]) -> dict[str, Any]:
    """Plain values by key, of those keys that a row can have."""
    found = {}
    for key in keys:
        value = key_value(column, key)
        if value is not None:
            found[key] = value
    return found
