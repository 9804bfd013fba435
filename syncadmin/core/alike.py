"""Whether a value may be what a system has made of another one: trimmed, re-cased or rounded.

Only recovery asks this, of a write whose answer was lost. Everywhere else what a system made of a value is
known, because it said so.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .values import Value, empty, same


def alike(held: Value, wanted: Value) -> bool:
    """Whether `held` equals `wanted` but for space, case, or digits that were rounded away."""
    if same(held, wanted) or (empty(held) and empty(wanted)):
        return True
    if not (isinstance(held, str) and isinstance(wanted, str)):
        return False
    return plain(held) == plain(wanted) or _rounded(held, wanted)


def plain(text: str) -> str:
    """The text without differences of space and case."""
    return " ".join(text.split()).casefold()


def _rounded(held: str, wanted: str) -> bool:
    """Whether both are numbers that differ by less than half of the last digit which `held` still has."""
    try:
        kept, sent = Decimal(held), Decimal(wanted)
    except InvalidOperation:
        return False
    if not (kept.is_finite() and sent.is_finite()):
        return False
    exponent = kept.normalize().as_tuple().exponent
    step = Decimal(1).scaleb(min(int(exponent), 0))
    return abs(kept - sent) <= step / 2
