"""A side against its shadow: what has changed since both sides last agreed.

A name that a side did not deliver is no empty value and never a change. A field that has no shadow yet has
never been agreed on: it is at first contact, which is not a change either.
"""

from __future__ import annotations

from collections.abc import Iterable

from .plan import Values
from .values import empty, same


def changed(values: Values, shadow: Values, names: Iterable[str]) -> list[str]:
    """The names of the fields whose delivered value differs from the shadow, in the order of `names`."""
    return [
        name for name in names if name in values and name in shadow and not same(values[name], shadow[name])
    ]


def unagreed(values: Values, shadow: Values, names: Iterable[str]) -> list[str]:
    """The names of the fields that say something which both sides never agreed on.

    These are the changed ones and, at first contact, those that are not empty: what would be lost, unseen by
    the other side, if the record were deleted.
    """
    return [
        name
        for name in names
        if name in values
        and not (same(values[name], shadow[name]) if name in shadow else empty(values[name]))
    ]
