"""How the two values of a field differ, as one of a few patterns: what lists group by and rules learn from.

Values in, a pattern out; the first pattern that fits counts. A record that is in question as a whole has
patterns of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from .plan import ConflictKind
from .side import Side
from .values import Kind, Value, empty, same

LOOKED_AT = 2000  # characters of a text; longer ones are compared by what they begin and end with
CONTAINED = 3  # characters that one text must have to be found in another
SLIP = 2  # so many letters more, less or other are a slip
_NUMBERS = (Kind.INTEGER, Kind.DECIMAL)
_TIMES = (Kind.DATE, Kind.DATETIME)


class Pattern(StrEnum):
    """How two values differ. Of a pair of patterns the one named after a side is about that side's value."""

    SAME = "same"
    LEFT_EMPTY = "left empty"
    RIGHT_EMPTY = "right empty"
    CASE = "case"
    SPACE = "space"
    PUNCTUATION = "punctuation"
    ACCENTS = "accents"
    LEFT_MORE = "left more"
    RIGHT_MORE = "right more"
    SLIP = "slip"
    LEFT_LARGER = "left larger"
    RIGHT_LARGER = "right larger"
    LEFT_LATER = "left later"
    RIGHT_LATER = "right later"
    LEFT_YES = "left yes"
    RIGHT_YES = "right yes"
    LEFT_NEWER = "left newer"
    RIGHT_NEWER = "right newer"
    OTHER = "other"

    # a record as a whole
    NO_CANDIDATE = "no candidate"
    ONE_CANDIDATE = "one candidate"
    CANDIDATES = "candidates"
    TWINS = "twins"
    LEFT_GONE = "left gone"
    RIGHT_GONE = "right gone"
    LEFT_SCOPE = "left scope"
    RIGHT_SCOPE = "right scope"
    CREATE_REFUSED = "create refused"
    UPDATE_REFUSED = "update refused"
    DELETE_REFUSED = "delete refused"
    RECORD = "record"


OF_RECORDS = frozenset(list(Pattern)[list(Pattern).index(Pattern.NO_CANDIDATE) :])
BY_TIME = frozenset({Pattern.LEFT_NEWER, Pattern.RIGHT_NEWER})  # what the times tell, not the values


def of_field(
    kind: Kind,
    left: Value,
    right: Value,
    left_time: datetime | None = None,
    right_time: datetime | None = None,
) -> Pattern:
    """The pattern of one field's values; the times are when the records were changed, if that is known."""
    if same(left, right):
        return Pattern.SAME
    if empty(left) or empty(right):
        return Pattern.LEFT_EMPTY if empty(left) else Pattern.RIGHT_EMPTY
    found = _by_kind(kind, left, right)
    if found is None and left_time is not None and right_time is not None and left_time != right_time:
        found = Pattern.LEFT_NEWER if left_time > right_time else Pattern.RIGHT_NEWER
    return found or Pattern.OTHER


def _by_kind(kind: Kind, left: Value, right: Value) -> Pattern | None:
    if kind in _NUMBERS:
        return _numbers(left, right)
    if isinstance(left, bool) and isinstance(right, bool):
        return Pattern.LEFT_YES if left else Pattern.RIGHT_YES
    if kind in _TIMES:
        return Pattern.LEFT_LATER if str(left) > str(right) else Pattern.RIGHT_LATER
    if isinstance(left, list) and isinstance(right, list) and kind is Kind.SET:
        return _contained(set(left) > set(right), set(right) > set(left))
    if isinstance(left, dict) and isinstance(right, dict):
        return (
            _contained(left.items() > right.items(), right.items() > left.items())
            if _flat(left, right)
            else None
        )
    if kind is Kind.TEXT and isinstance(left, str) and isinstance(right, str):
        return _texts(left, right)
    return None


def _flat(*values: Mapping[str, Any]) -> bool:
    return all(not isinstance(item, dict | list) for value in values for item in value.values())


def _contained(left_has_more: bool, right_has_more: bool) -> Pattern | None:
    if left_has_more:
        return Pattern.LEFT_MORE
    return Pattern.RIGHT_MORE if right_has_more else None


def _numbers(left: Value, right: Value) -> Pattern | None:
    try:
        return Pattern.LEFT_LARGER if Decimal(str(left)) > Decimal(str(right)) else Pattern.RIGHT_LARGER
    except InvalidOperation:
        return None


def _texts(left: str, right: str) -> Pattern | None:
    if max(len(left), len(right)) > LOOKED_AT:
        return _contained(
            left.startswith(right) or left.endswith(right), right.startswith(left) or right.endswith(left)
        )
    # only in capitals is ß written as ss
    fold = str.casefold if left.isupper() or right.isupper() else str.lower
    evened = (
        (Pattern.SPACE, _spaceless),
        (Pattern.CASE, lambda text: fold(_spaceless(text))),
        (Pattern.PUNCTUATION, lambda text: _letters(fold(text))),
        (Pattern.ACCENTS, lambda text: _letters(_plain(text))),
    )
    for pattern, even in evened:
        one, two = even(left), even(right)
        if one == two and one:
            return pattern
    one, two = _plain(left).strip(), _plain(right).strip()
    enough = min(len(one), len(two)) >= CONTAINED
    found = _contained(two in one, one in two) if enough else None
    if found is None and min(len(one), len(two)) >= 5 and not any(c.isdigit() for c in one + two):
        return Pattern.SLIP if _slip(one, two) else None
    return found


def _spaceless(text: str) -> str:
    return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")


def _letters(text: str) -> str:
    """Letters and digits alone."""
    return "".join(c for c in text if c.isalnum())


def _plain(text: str) -> str:
    """Without case, accents and special forms of letters; spaces evened out."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in parts if not unicodedata.combining(c)).split())


def _slip(one: str, two: str) -> bool:
    """Whether few letters have to be put in, taken out or replaced to make one text of the other.

    After the common beginning and end are taken off, what is left of both must be no longer than a slip.
    """
    start = next(
        (n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two))
    )
    one, two = one[start:], two[start:]
    end = next(
        (n for n, (a, b) in enumerate(zip(reversed(one), reversed(two), strict=False)) if a != b),
        min(len(one), len(two)),
    )
    return max(len(one), len(two)) - end <= SLIP


def changed(has_base: bool, base: tuple[Value, Value], held: tuple[Value, Value]) -> str:
    """Which side differs from what was last agreed: left, right, both, or '' if nothing was agreed yet."""
    if not has_base:
        return ""
    left, right = (not same(one, two) for one, two in zip(base, held, strict=True))
    return "both" if left and right else "left" if left else "right" if right else ""


def of_record(
    kind: ConflictKind, side: Side | None, candidates: int = 0, twins: int = 0, refused: str = ""
) -> Pattern:
    """The pattern of an item about a record as a whole. `refused` is the operation a system refused."""
    if kind is ConflictKind.AMBIGUOUS:
        if twins:
            return Pattern.TWINS
        return (Pattern.NO_CANDIDATE, Pattern.ONE_CANDIDATE, Pattern.CANDIDATES)[min(candidates, 2)]
    if kind is ConflictKind.REJECTED and refused:
        return Pattern(f"{refused} refused")
    if side is not None and kind in (ConflictKind.DELETED_CHANGED, ConflictKind.DELETE_REVIEW):
        return Pattern.LEFT_GONE if side is Side.LEFT else Pattern.RIGHT_GONE
    if side is not None and kind is ConflictKind.SCOPE:
        return Pattern.LEFT_SCOPE if side is Side.LEFT else Pattern.RIGHT_SCOPE
    return Pattern.RECORD
