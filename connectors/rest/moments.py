"""Moments as a system writes them: standard, counted, its own pattern, local or UTC.

Read into aware UTC, written back in the same form. What a system writes without a zone is in the zone that
the configuration names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo

from .asking import TimeFormat

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHIFT = timedelta(hours=3)  # around a moment in which clocks may be put back
_COUNTED = {TimeFormat.SECONDS: 1, TimeFormat.MILLISECONDS: 1_000, TimeFormat.MICROSECONDS: 1_000_000}
_DOTNET = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")


@dataclass(frozen=True, slots=True)
class Moments:
    """One way of writing moments."""

    form: TimeFormat = TimeFormat.ISO
    pattern: str = ""
    zone: str = "UTC"

    def read(self, raw: Any) -> datetime | None:
        """A moment as the system wrote it, in UTC. None for an empty one, a sequence number, or nonsense."""
        if raw in (None, "") or isinstance(raw, bool) or self.form is TimeFormat.INTEGER:
            return None
        try:
            return self._read(raw)
        except (ValueError, ArithmeticError, TypeError):
            return None

    def _read(self, raw: Any) -> datetime | None:
        if (unit := _COUNTED.get(self.form)) is not None:
            return EPOCH + timedelta(microseconds=int(Decimal(str(raw)) * 1_000_000 / unit))
        match self.form:
            case TimeFormat.DOTNET:
                found = _DOTNET.fullmatch(str(raw))
                return EPOCH + timedelta(milliseconds=int(found[1])) if found else None
            case TimeFormat.HTTP:
                moment = parsedate_to_datetime(str(raw))
            case TimeFormat.CUSTOM:
                moment = datetime.strptime(str(raw), self.pattern)  # noqa: DTZ007  the zone comes below
            case _:
                moment = datetime.fromisoformat(str(raw))
        return (
            moment.replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
            if moment.tzinfo is None
            else _utc(moment)
        )

    def write(self, moment: datetime) -> str | int | Decimal:
        """A moment as the system writes it; one without a zone is UTC."""
        utc = _utc(moment)
        if (unit := _COUNTED.get(self.form)) is not None:
            micros, each = (utc - EPOCH) // timedelta(microseconds=1), 1_000_000 // unit
            return micros // each if micros % each == 0 else Decimal(micros) / each
        local = utc.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
        match self.form:
            case TimeFormat.DOTNET:
                return f"/Date({(utc - EPOCH) // timedelta(milliseconds=1)})/"
            case TimeFormat.HTTP:
                return format_datetime(utc, usegmt=True)
            case TimeFormat.CUSTOM:
                return _patterned(utc if "%z" in self.pattern else local, self.pattern)
            case TimeFormat.DATE:
                return local.date().isoformat()
            case TimeFormat.POCKETBASE:
                return utc.replace(tzinfo=None).isoformat(" ", "milliseconds") + "Z"
            case TimeFormat.LOCAL:
                return local.isoformat(timespec="milliseconds" if local.microsecond else "seconds")
            case _:
                precise = "microseconds" if utc.microsecond % 1000 else "milliseconds"
                return utc.replace(tzinfo=None).isoformat(timespec=precise) + "Z"

    def rank(self, raw: Any) -> Any:
        """What `modified` values are ordered by."""
        if self.form is TimeFormat.POCKETBASE:
            return str(raw or "")
        if self.form is TimeFormat.INTEGER or self.form in _COUNTED:
            return Decimal(str(raw or 0))
        return self.read(raw) or EPOCH

    def earlier(self, raw: Any, overlap: timedelta) -> Any:
        """The `modified` value from which to read again, so that what was committed late is seen.

        Where local clocks were put back around it, an hour is there twice, and is read twice.
        """
        moment = self.read(raw)
        if moment is None:
            return raw
        if self.form in _COUNTED:
            each = 1_000_000 // _COUNTED[self.form]
            number = Decimal(str(raw)) - overlap // timedelta(microseconds=1) // each
            return int(number) if number == int(number) else number
        try:
            return self.write(moment - overlap - self._put_back(moment))
        except OverflowError:
            return raw  # systems write the year 1 for never: nothing is before it

    def _put_back(self, moment: datetime) -> timedelta:
        """By how much the zone's clocks are put back within some hours of a moment."""
        zone = ZoneInfo(self.zone)
        before, after = ((moment + step).astimezone(zone).utcoffset() for step in (-_SHIFT, _SHIFT))
        return max((before or timedelta()) - (after or timedelta()), timedelta())


def _patterned(moment: datetime, pattern: str) -> str:
    """A moment by a pattern; unlike in C, a year always has four digits."""
    year = f"{moment.year:04d}"
    return moment.strftime(re.sub("%(.)", lambda part: year if part[1] == "Y" else part[0], pattern))


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
