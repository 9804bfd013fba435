"""Probing: which values show what a system does to what is written to it, and what its answers mean.

Values are canonical, as in `values`. From what came back of each follow findings, and from the findings of
both sides a proposal for the field mapping: the type, scale and normalisation with which the systems' habits
make no conflict, and limits that no setting can help against. Pure: nothing is read or written here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from itertools import combinations
from typing import Any

from .fieldtype import FieldType, Kind, Normalize
from .side import Side

MARK = "sa-probe"  # what every probe of text carries, so that it is known again
SCALE = 9  # digits after the point that a probed decimal has
LENGTHS = (64, 256, 1024, 5000)
MOST_CHOICES = 20
LONGEST_SHIFT = timedelta(hours=14)
KINDS = (Kind.TEXT, Kind.INTEGER, Kind.DECIMAL, Kind.BOOLEAN, Kind.DATE, Kind.DATETIME, Kind.CHOICE)


class Effect(StrEnum):
    """What a system made of a value."""

    SAME = "same"
    TRIMMED = "trimmed"
    PADDED = "padded"
    LOWERED = "lowered"
    UPPERED = "uppered"
    COMPOSED = "composed"
    LINES = "lines"
    CUT = "cut"
    LOST = "lost"
    ROUNDED = "rounded"
    SHIFTED = "shifted"
    NULLED = "nulled"
    EMPTIED = "emptied"
    REFUSED = "refused"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Probe:
    """A value to be written. `name` says what it shows."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a probe. `amount`: the length or digits left, or the minutes it was shifted by."""

    name: str
    effects: tuple[Effect, ...]
    amount: int | None = None


@dataclass(slots=True)
class Proposal:
    """What to set in a field mapping, and the limits by side. Empty: it is right as it is."""

    type: Kind | None = None
    scale: int | None = None
    normalize: tuple[Normalize, ...] = ()
    limits: dict[Side, int] = field(default_factory=dict)


def plain(of: FieldType) -> FieldType:
    """The type by which probes are read and written: that of the field without what would hide an effect."""
    return FieldType(of.kind, SCALE, (), of.choices, of.separators, of.zones)


# ---------------------------------------------------------------- what to write


def probes(of: FieldType, limits: Mapping[str, Any]) -> list[Probe]:
    """The values to write, the first an ordinary one. `limits` are those that the system tells, by name."""
    made = _PROBES[of.kind](of, limits) if of.kind in _PROBES else []
    if made and not limits.get("required"):
        made.append(Probe("null", None))
    return made


def _text(_of: FieldType, limits: Mapping[str, Any]) -> list[Probe]:
    told = limits.get("max_length")
    if isinstance(told, int) and told < len(MARK) + 4:
        return [Probe("plain", "x")] if told else []
    lengths = (told, told + 1) if isinstance(told, int) else LENGTHS
    values = {
        "plain": MARK,
        "case": MARK.title(),
        "spaces": f" {MARK} ",
        "lines": f"{MARK}\na",
        "accents": f"{MARK}e\u0301",
        "emoji": f"{MARK}\U0001f642",
    }
    made = [Probe(name, value) for name, value in values.items()]
    made += [Probe(f"length {n}", (MARK + "-" * n)[: n - 1] + ".") for n in lengths]
    return [*made, Probe("empty", "")]


def _integer(_of: FieldType, limits: Mapping[str, Any]) -> list[Probe]:
    high = limits.get("high")
    above = [high] if isinstance(high, int) else [2**31 - 1, 2**31]
    return [
        Probe("plain", 7),
        Probe("zero", 0),
        Probe("negative", -7),
        *(Probe(f"up to {n}", n) for n in above),
    ]


def _decimal(_of: FieldType, _limits: Mapping[str, Any]) -> list[Probe]:
    values = {"plain": "7", "zero": "0", "negative": "-7.5", "digits": "7.123456786", "many": "123456789012"}
    return [Probe(name, f"{Decimal(value):.{SCALE}f}") for name, value in values.items()]


def _boolean(_of: FieldType, _limits: Mapping[str, Any]) -> list[Probe]:
    return [Probe("plain", True), Probe("no", False)]


def _date(_of: FieldType, _limits: Mapping[str, Any]) -> list[Probe]:
    return [Probe("plain", "2024-07-15"), Probe("winter", "2024-01-01"), Probe("old", "1900-01-01")]


def _datetime(_of: FieldType, _limits: Mapping[str, Any]) -> list[Probe]:
    summer, winter = "2024-07-15T12:34:56.789123Z", "2024-01-15T23:30:00.000000Z"
    return [Probe("plain", summer), Probe("winter", winter)]


def _choice(of: FieldType, limits: Mapping[str, Any]) -> list[Probe]:
    values = [str(value) for value in of.choices] or [str(value) for value in limits.get("choices", ())]
    return [Probe(f"choice {value}", value) for value in values[:MOST_CHOICES]]


_PROBES: dict[Kind, Callable[[FieldType, Mapping[str, Any]], list[Probe]]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.DECIMAL: _decimal,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.CHOICE: _choice,
}


# ---------------------------------------------------------------- what an answer means


def judge(kind: Kind, probe: Probe, found: Any) -> Finding:
    """What the system made of a probe that it took; `found` is what it holds now."""
    sent = probe.value
    if type(sent) is type(found) and sent == found:
        return Finding(probe.name, (Effect.SAME,))
    if found is None:
        return Finding(probe.name, (Effect.NULLED if sent == "" else Effect.OTHER,))
    if sent is None:
        nothing = found in ("", 0, False) or (kind is Kind.DECIMAL and not Decimal(found))
        return Finding(probe.name, (Effect.EMPTIED if nothing else Effect.OTHER,))
    effects, amount = _JUDGES.get(kind, _by_no_rule)(sent, found)
    return Finding(probe.name, effects, amount)


def refused(probe: Probe) -> Finding:
    """The finding of a probe that the system did not take."""
    return Finding(probe.name, (Effect.REFUSED,))


def ours(kind: Kind, probe: Probe, found: Any) -> bool:
    """Whether what a system holds is what it made of this probe, and not what somebody else entered."""
    if isinstance(found, str) and found and kind is Kind.TEXT:
        return MARK in found.lower() or judge(kind, probe, found).effects != (Effect.OTHER,)
    return judge(kind, probe, found).effects != (Effect.OTHER,)


Found = tuple[tuple[Effect, ...], int | None]
_STEPS: dict[Effect, Callable[[str], str]] = {
    Effect.COMPOSED: lambda text: unicodedata.normalize("NFC", text),
    Effect.LINES: lambda text: text.replace("\n", "\r\n"),
    Effect.TRIMMED: str.strip,
    Effect.LOWERED: str.lower,
    Effect.UPPERED: str.upper,
}
_SPACES = (str.rstrip, str.lstrip)


def _by_no_rule(_sent: Any, _found: Any) -> Found:
    return (Effect.OTHER,), None


def _of_text(sent: str, found: Any) -> Found:
    if not isinstance(found, str):
        return _by_no_rule(sent, found)
    for many in (1, 2, 3):
        for steps in combinations(_STEPS, many):
            made = sent
            for step in steps:
                made = _STEPS[step](made)
            if made == found:
                return steps, None
    if any(found == strip(sent) for strip in _SPACES):
        return (Effect.TRIMMED,), None
    kept = "".join(character for character in sent if ord(character) < 0x10000)
    if kept != sent and found.replace("?", "").replace("\ufffd", "") == kept:
        return (Effect.LOST,), None
    if found and sent.startswith(found):
        return (Effect.CUT,), len(found)
    if found.rstrip(" ") == sent.rstrip(" "):
        return (Effect.PADDED,), len(found)
    return _by_no_rule(sent, found)


def _of_decimal(sent: str, found: Any) -> Found:
    before, after = Decimal(sent), Decimal(found)
    if before == after:
        return (Effect.SAME,), None
    for digits in range(SCALE):
        step = Decimal(1).scaleb(-digits)
        if after in {before.quantize(step, how) for how in (ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_DOWN)}:
            return (Effect.ROUNDED,), digits
    return _by_no_rule(sent, found)


def _of_date(sent: str, found: Any) -> Found:
    days = (date.fromisoformat(found) - date.fromisoformat(sent)).days
    return ((Effect.SHIFTED,), days * 1440) if abs(days) == 1 else _by_no_rule(sent, found)


def _of_datetime(sent: str, found: Any) -> Found:
    """The amount is minutes it was shifted by, or digits of the second that are left (-1: only the day)."""
    before, after = datetime.fromisoformat(sent), datetime.fromisoformat(found)
    for digits in (6, 3, 0):
        unit = timedelta(microseconds=10 ** (6 - digits))
        off = after - before
        near = timedelta(minutes=15) * round(off / timedelta(minutes=15))
        if abs(off - near) < unit:
            if near:
                within = abs(near) <= LONGEST_SHIFT
                return (
                    ((Effect.SHIFTED,), round(near / timedelta(minutes=1))) if within else _by_no_rule(0, 0)
                )
            return (Effect.ROUNDED,), digits
    if (after.hour, after.minute, after.second) == (0, 0, 0) and after.date() == before.date():
        return (Effect.ROUNDED,), -1
    return _by_no_rule(sent, found)


_JUDGES: dict[Kind, Callable[[Any, Any], Found]] = {
    Kind.TEXT: _of_text,
    Kind.DECIMAL: _of_decimal,
    Kind.DATE: _of_date,
    Kind.DATETIME: _of_datetime,
}


# ---------------------------------------------------------------- what to set

_HELPS: dict[Effect, Normalize] = {
    Effect.TRIMMED: Normalize.TRIM,
    Effect.PADDED: Normalize.TRIM,
    Effect.LOWERED: Normalize.LOWER,
    Effect.UPPERED: Normalize.UPPER,
    Effect.COMPOSED: Normalize.NFC,
}


def propose(of: FieldType, findings: Mapping[Side, Sequence[Finding]]) -> Proposal:
    """What a field mapping of this type should be set to, from what both sides do."""
    made = Proposal()
    every = [finding for found in findings.values() for finding in found]
    if of.kind is Kind.TEXT:
        steps = {_HELPS[e]: None for finding in every for e in finding.effects if e in _HELPS}
        if any(_refuses_only_empty(found) for found in findings.values()):
            steps[Normalize.EMPTY_AS_NULL] = None
        held = {
            *of.normalize,
            *((Normalize.TRIM, Normalize.LOWER) if Normalize.EMAIL in of.normalize else ()),
        }
        made.normalize = tuple(step for step in steps if step not in held)
        made.limits = {side: n for side, found in findings.items() if (n := _limit(found)) is not None}
    digits = [f.amount for f in every if Effect.ROUNDED in f.effects and f.amount is not None]
    if of.kind is Kind.DECIMAL and digits and min(digits) < of.scale:
        made.scale = min(digits)
    if of.kind is Kind.DATETIME and -1 in digits:
        made.type = Kind.DATE
    return made


def _refuses_only_empty(found: Iterable[Finding]) -> bool:
    taken = {finding.name: Effect.REFUSED not in finding.effects for finding in found}
    return taken.get("empty") is False and taken.get("null") is True


def _limit(found: Iterable[Finding]) -> int | None:
    """The longest text that is kept whole, as far as was tried; None if all that was tried was kept."""
    fits, over = 0, False
    for finding in found:
        if finding.name.startswith("length "):
            if Effect.CUT in finding.effects and finding.amount:
                return finding.amount
            if Effect.REFUSED in finding.effects:
                over = True
            elif not over:
                fits = int(finding.name.removeprefix("length "))
    return fits if over and fits else None
