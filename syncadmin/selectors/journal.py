"""Reads of the journal: filtered pages, and the chain of causes behind an entry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone

from syncadmin.core.plan import Disposition
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Entry, EntryKind, Link
from syncadmin.models import Mapping as SyncMapping

CHAIN = 4  # how many causes back a page follows


class NoSuchRecord(ValueError):
    """What was given does not name a record; the message says how one is named."""


@dataclass(frozen=True, slots=True)
class JournalFilter:
    """What part of the journal is wanted; empty means any. Dates are whole days of the reader's zone."""

    mapping: str = ""
    link: int | None = None
    side: str = ""
    key: str = ""
    field: str = ""
    kind: str = ""
    disposition: str = ""
    actor: str = ""
    pass_id: int | None = None
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> JournalFilter:
        """From a query string; what cannot be understood counts as not given."""
        return cls(
            mapping=_text(data, "mapping"),
            link=_number(data, "link"),
            side=_one_of(data, "side", list(SIDES)),
            key=_text(data, "key"),
            field=_text(data, "field"),
            kind=_one_of(data, "kind", EntryKind.values),
            disposition=_one_of(data, "disposition", list(Disposition)),
            actor=_text(data, "actor"),
            pass_id=_number(data, "pass_id"),
            since=_day(data, "since"),
            until=_day(data, "until"),
        )

    def query(self) -> str:
        """As a query string, without what is not set."""
        return urlencode({name: value for name, value in asdict(self).items() if value})

    @property
    def narrowed(self) -> bool:
        """Whether anything is asked for in particular."""
        return any(getattr(self, f.name) for f in fields(self))

    def entries(self) -> QuerySet[Entry]:
        """The entries wanted, newest first, without their hashes."""
        exact = {
            "mapping__name": self.mapping,
            "link_id": self.link,
            "side": self.side,
            "key": self.key,
            "field": self.field,
            "kind": self.kind,
            "disposition": self.disposition,
            "actor": self.actor,
            "pass_id": self.pass_id,
        }
        found = Entry.objects.filter(**{name: value for name, value in exact.items() if value}).defer("hash")
        if self.since:
            found = found.filter(at__gte=_midnight(self.since))
        if self.until:
            found = found.filter(at__lt=_midnight(self.until + timedelta(days=1)))
        return found.select_related("mapping__left__system", "mapping__right__system").order_by("-pk")


def _text(data: Mapping[str, Any], name: str) -> str:
    return (data.get(name) or "").strip()[:500].replace("\x00", "")


def _one_of(data: Mapping[str, Any], name: str, allowed: list[str]) -> str:
    value = data.get(name) or ""
    return value if value in allowed else ""


def _number(data: Mapping[str, Any], name: str) -> int | None:
    text = str(data.get(name) or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _day(data: Mapping[str, Any], name: str) -> date | None:
    try:
        day = date.fromisoformat(data.get(name) or "")
    except ValueError:
        return None
    return day if 1 < day.year < 9999 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.get_current_timezone())


@dataclass(frozen=True, slots=True)
class Event:
    """An entry ready for showing: decoded values, the system's name, and the entries that caused it."""

    entry: Entry
    system: str
    has_old: bool
    has_new: bool
    old: Any
    new: Any
    causes: tuple[Entry, ...] = ()

    @property
    def about(self) -> tuple[Any, Any] | None:
        """The old and new value of the change that a disposition is about, if it is one of a field."""
        change = self.causes[0] if self.causes and self.entry.kind == EntryKind.DISPOSITION else None
        shown = self.has_old or self.has_new
        if shown or change is None or not change.field or change.new is None:
            return None
        return decoded(change.old), decoded(change.new)

    @property
    def whole(self) -> bool:
        """Whether the values are whole records."""
        return not self.entry.field and (isinstance(self.old, dict) or isinstance(self.new, dict))


def events(entries: Iterable[Entry]) -> list[Event]:
    """Entries (as `JournalFilter.entries` gives them) for showing; at most CHAIN more queries for causes."""
    entries = list(entries)
    causes = _causes(entries)
    return [_event(entry, _chain(entry, causes)) for entry in entries]


def _event(entry: Entry, causes: tuple[Entry, ...]) -> Event:
    system = str(entry.mapping.resource(Side(entry.side)).system) if entry.side else ""
    return Event(
        entry=entry,
        system=system,
        has_old=entry.old is not None,
        has_new=entry.new is not None,
        old=decoded(entry.old),
        new=decoded(entry.new),
        causes=causes,
    )


def decoded(text: str | None) -> Any:
    """A canonical value from the journal's text."""
    return None if text is None else json.loads(text)


def _causes(entries: list[Entry]) -> dict[tuple[int, int], Entry]:
    known = {(entry.mapping_id, entry.seq): entry for entry in entries}
    wanted = {(entry.mapping_id, entry.of) for entry in entries if entry.of is not None} - known.keys()
    for _ in range(CHAIN):
        if not wanted:
            break
        found = Entry.objects.filter(
            mapping__in={mapping for mapping, _ in wanted}, seq__in={seq for _, seq in wanted}
        ).defer("hash")
        fresh = {(row.mapping_id, row.seq): row for row in found}
        known.update(fresh)
        wanted = {(row.mapping_id, row.of) for row in fresh.values() if row.of is not None} - known.keys()
    return known


def _chain(entry: Entry, known: Mapping[tuple[int, int], Entry]) -> tuple[Entry, ...]:
    chain: list[Entry] = []
    cause = entry
    while cause.of is not None and len(chain) < CHAIN:
        found = known.get((cause.mapping_id, cause.of))
        if found is None or found in chain or found == entry:
            break
        chain.append(found)
        cause = found
    return tuple(chain)


def find_record(text: str, mapping: str = "") -> list[JournalFilter]:
    """The filters for a record named as `left:KEY`, `right:KEY` or `SYSTEM.RESOURCE:KEY`; one a mapping.

    A linked record is looked up by its link, so that its whole timeline is found. Raises `NoSuchRecord`.
    """
    place, colon, key = text.partition(":")
    mappings = SyncMapping.objects.select_related("left__system", "right__system")
    if mapping:
        mappings = mappings.filter(name=mapping)
    found: list[JournalFilter] = []
    for row in mappings if colon and key else []:
        for side in SIDES:
            if place in (side.value, str(row.resource(side))):
                found.append(_record_filter(row, side, key))
    if not found:
        raise NoSuchRecord(
            f"“{text}” names no record of a mapping. "
            "Write left:KEY or right:KEY (with --mapping), or SYSTEM.RESOURCE:KEY."
        )
    return found


def _record_filter(mapping: SyncMapping, side: Side, key: str) -> JournalFilter:
    link = Link.objects.filter(mapping=mapping, **{f"{side.value}_key": key}).order_by("-pk").first()
    if link is not None:
        return JournalFilter(mapping=mapping.name, link=link.pk)
    return JournalFilter(mapping=mapping.name, side=side.value, key=key)
