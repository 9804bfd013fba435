"""Durations and percentages as people write them in a file: `30s`, `1.5h`, `5%`.

Both directions are exact: what is exported reads back as the very same number.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import BeforeValidator, WithJsonSchema

UNITS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
NUMBER = r"\d+(?:\.\d+)?"
DURATION = re.compile(rf"\s*({NUMBER})\s*(ms|s|m|h|d)\s*")
SHARES = {"least": "0%", "most": "100%", "example": "5%"}
SHARE = re.compile(rf"\s*({NUMBER})\s*%\s*")


def parse_duration(value: Any) -> float:
    """Seconds of `250ms`, `30s`, `5m`, `12h` or `1d`. Raises ValueError."""
    found = DURATION.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(_("must be a duration with its unit: ms, s, m, h or d, such as 30s or 1d"))
    return float(Decimal(found[1]) * UNITS[found[2]])


def format_duration(seconds: float) -> str:
    """The shortest exact way to write so many seconds, in the largest unit that is whole."""
    exact = Decimal(repr(float(seconds)))
    for unit in ("d", "h", "m", "s", "ms"):
        if exact and exact % UNITS[unit] == 0:
            return f"{plain(exact / UNITS[unit])}{unit}"
    return f"{plain(exact)}s"


def parse_share(value: Any) -> float:
    """The fraction of `5%` (0.05). Raises ValueError."""
    found = SHARE.fullmatch(value) if isinstance(value, str) else None
    if not found or Decimal(found[1]) > 100:
        raise ValueError(_("must be a percentage from %(least)s to %(most)s, such as %(example)s") % SHARES)
    return float(Decimal(found[1]) / 100)


def format_share(fraction: float) -> str:
    """A fraction as a percentage."""
    return f"{plain(Decimal(repr(float(fraction))) * 100)}%"


def plain(number: Decimal) -> str:
    """A number without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _schema(pattern: re.Pattern[str], example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$", "examples": [example]})


Duration = Annotated[float, BeforeValidator(parse_duration), _schema(DURATION, "30s")]
Share = Annotated[float, BeforeValidator(parse_share), _schema(SHARE, "5%")]
