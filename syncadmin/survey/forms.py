"""What one raw value looks like: its kind, its format, its shape, and the plain form in which sides compare.

The plain form leaves out what systems write differently without meaning it: space around, case, digits
after the point, the way a time or a phone number is written. Values are hostile: what one costs is bounded.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from syncadmin.core.fieldtype import Unfit
from syncadmin.core.normalize import phone
from syncadmin.core.reading import text_of
from syncadmin.core.values import Kind

SHORT = 300  # of a longer text only the text itself is looked at
EXAMPLE = 80  # characters of a value that are kept as an example
SHAPE = 24
TRUTH = {"true", "false", "yes", "no", "y", "n", "t", "f", "ja", "nein", "on", "off"}

_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(0|[1-9]\d{0,17})?\.\d{1,18}", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_PHONE = re.compile(r"(\+|0)[\d\s()/\-.]{5,24}", re.ASCII)
_WORDS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d+")
FORMATS: dict[str, re.Pattern[str]] = {
    "email": re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+"),
    "url": re.compile(r"https?://\S+", re.IGNORECASE),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE),
    "date": _DATE,
    "time": _TIME,
    "day.month.year": re.compile(r"\d{1,2}\.\d{1,2}\.(\d{4}|\d\d)", re.ASCII),
    "month/day/year": re.compile(r"\d{1,2}/\d{1,2}/(\d{4}|\d\d)", re.ASCII),
    "decimal comma": re.compile(r"-?\d{1,3}((\.\d{3})*|\d*),\d{1,6}", re.ASCII),
    "phone": _PHONE,
}


def nothing(value: Any) -> bool:
    """Whether a raw value says nothing: null, blank text, an empty list or object."""
    if isinstance(value, str):
        return not value or (len(value) <= SHORT and value.isspace())
    return value is None or (isinstance(value, list | tuple | dict | set) and not value)


def exact(value: Any) -> str:
    """A value as text, as it is written."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set | dict):
        return _json(sorted(value, key=str) if isinstance(value, set) else value)
    try:
        return text_of(value)
    except Unfit:
        return str(value)


def plain(value: Any) -> str:
    """A value that says something as text, without what may be written in more than one way."""
    if isinstance(value, str):
        return _plain_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, list | tuple | set):
        return "\x1f".join(sorted(_member(member) for member in value if not nothing(member)))
    return exact(value).lower()


def _member(value: Any) -> str:
    return exact(value).lower() if isinstance(value, list | tuple | set | dict) else plain(value)


def _plain_text(text: str) -> str:
    if len(text) > SHORT:
        return text.strip().lower()
    folded = unicodedata.normalize("NFC", text).strip().lower()
    if _INTEGER.fullmatch(folded) or _DECIMAL.fullmatch(folded):
        return _number(Decimal(folded))
    if (at := time_of(text)) is not None:
        return moment(at)
    if folded in TRUTH:
        return {"yes": "true", "ja": "true", "no": "false", "nein": "false"}.get(folded, folded)
    return phone(folded) if is_phone(folded) else folded


def is_phone(text: str) -> bool:
    """Whether a text is most likely a phone number: digits enough, and written as one."""
    return bool(
        _PHONE.fullmatch(text)
        and sum(map(str.isdigit, text)) >= 7
        and not FORMATS["day.month.year"].fullmatch(text)
        and not FORMATS["month/day/year"].fullmatch(text)
    )


def _number(value: int | float | Decimal) -> str:
    try:
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > 400:
            return str(value)[:EXAMPLE]
        return f"{number.normalize():f}" if number else "0"
    except (InvalidOperation, ValueError):
        return str(value)[:EXAMPLE]


def time_of(value: Any) -> date | None:
    """A date or datetime, given as one or as ISO text; None if it is neither."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not 10 <= len(value.strip()) <= 40:
        return None
    text = value.strip()
    if not (_DATE.fullmatch(text) or _TIME.fullmatch(text)):
        return None
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None


def moment(at: date) -> str:
    """A date or time, in UTC where it has a zone; midnight is the day."""
    if not isinstance(at, datetime):
        return at.isoformat()
    if at.tzinfo is not None:
        try:
            at = at.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            at = at.replace(tzinfo=None)
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    return at.date().isoformat() if at.time() == datetime.min.time() else at.isoformat("T", "milliseconds")


def kind_of(value: Any) -> Kind:
    """The kind that one value, taken by itself, most likely is of."""
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        return Kind.INTEGER
    if isinstance(value, float | Decimal):
        return Kind.INTEGER if _INTEGER.fullmatch(_number(value)) else Kind.DECIMAL
    if isinstance(value, date):
        return Kind.DATETIME if isinstance(value, datetime) else Kind.DATE
    if isinstance(value, list | tuple | set):
        return Kind.JSON if any(isinstance(member, dict | list) for member in value) else Kind.SET
    if isinstance(value, dict):
        return Kind.JSON
    return _kind_of_text(value.strip()) if isinstance(value, str) and len(value) <= SHORT else Kind.TEXT


def _kind_of_text(text: str) -> Kind:
    if text.lower() in TRUTH:
        return Kind.BOOLEAN
    if _INTEGER.fullmatch(text):
        return Kind.INTEGER
    if _DECIMAL.fullmatch(text):
        return Kind.DECIMAL
    if (at := time_of(text)) is not None:
        return Kind.DATETIME if isinstance(at, datetime) else Kind.DATE
    if text[:1] in ("{", "[") and text[-1:] in ("}", "]"):
        return Kind.JSON
    return Kind.TEXT


def format_of(text: str) -> str:
    """The format that a short text has, by the name in `FORMATS`; "" if none of them."""
    text = text.strip()
    for name, pattern in FORMATS.items():
        if name == "phone":
            if is_phone(text):
                return name
        elif pattern.fullmatch(text):
            return name
    return ""


def shape(text: str) -> str:
    """How a text is built: `9` for each digit, `A`, `Aa` and `a` for words, the rest as it is; shortened."""
    made = _DIGITS.sub(_nines, _WORDS.sub(_letters, clean(text[: 2 * SHAPE])))
    return made if len(made) <= SHAPE and len(text) <= 2 * SHAPE else made[:SHAPE] + "…"


def _letters(word: re.Match[str]) -> str:
    letters = word[0]
    return "A" if letters.isupper() else "Aa" if letters[0].isupper() else "a"


def _nines(digits: re.Match[str]) -> str:
    return "9" * len(digits[0])


def example(value: Any) -> str:
    """A value as text to show, shortened."""
    text = exact(value)
    return clean(text if len(text) <= EXAMPLE else text[: EXAMPLE - 1] + "…")


def clean(text: str) -> str:
    """A text without what no database keeps: NUL is shown, half characters become question marks."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=str, ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):  # nested too deeply, or in a circle
        return "…"
