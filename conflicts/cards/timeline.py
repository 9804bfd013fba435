"""One timeline of a record: who or what changed which value when, on both sides and by the hub itself.

From the journal. Times that a system told are by the hub's clock, so that what happened first stands first
whatever the systems' clocks say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conflicts.models import Conflict
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Entry, EntryKind
from syncadmin.reasons import translated
from syncadmin.show import Shown, brief, differing, show

from .places import Moment, SideHead, moment, title

LAST = 40  # entries that are read
SHOWN = 6  # of which so many are not folded
LONGEST = 200  # characters of a value that an event shows

# claims and the like come and go, and are in the history; what colleagues said and decided is told here
_TOLD = Q(kind__in=[EntryKind.CHANGE, EntryKind.WRITE, EntryKind.DECISION, EntryKind.LINK]) | (
    Q(kind=EntryKind.NOTE, rule__startswith="conflict #")
    & (
        Q(rule__contains="proposed")
        | Q(rule__contains="approved")
        | Q(rule__contains="second look")
        | Q(rule__contains="hold")
    )
)
_RECORD = {
    (EntryKind.CHANGE, True): gettext_lazy("appeared"),
    (EntryKind.CHANGE, False): gettext_lazy("was deleted"),
    (EntryKind.WRITE, True): gettext_lazy("was created by the hub"),
    (EntryKind.WRITE, False): gettext_lazy("was deleted by the hub"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the record. `asked` if it is about a field in question."""

    number: int
    moment: Moment
    side: str
    system: str
    field: str
    what: str
    who: str
    asked: bool
    old: Shown | None = None
    new: Shown | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The record's last events, newest first: those shown, and those folded away."""

    events: tuple[Event, ...] = ()
    earlier: tuple[Event, ...] = ()


def timeline(conflict: Conflict, heads: tuple[SideHead, SideHead], asked: set[str]) -> Timeline:
    """The last events of the item's record. One query."""
    entries = Entry.objects.filter(_TOLD, mapping_id=conflict.mapping_id)
    if conflict.link_id is not None:
        entries = entries.filter(link_id=conflict.link_id)
    else:
        entries = entries.filter(side=conflict.side, key=conflict.key)
    rows = entries.defer("hash").order_by("-id")[:LAST]
    events = [_event(entry, dict(zip(SIDES, heads, strict=True)), asked) for entry in rows]
    events.sort(key=lambda event: (event.moment.at, event.number), reverse=True)
    return Timeline(tuple(events[:SHOWN]), tuple(events[SHOWN:]))


def _event(entry: Entry, heads: dict[Side, SideHead], asked: set[str]) -> Event:
    column = heads[Side(entry.side)] if entry.side else None
    at = moment(entry.changed_at, column) if column else None
    old, new = _value(entry.old), _value(entry.new)
    of_field = entry.field and entry.kind in (EntryKind.CHANGE, EntryKind.WRITE)
    return Event(
        number=entry.seq,
        moment=at or Moment(entry.at),
        side=entry.side,
        system=column.system if column else "",
        field=title(entry.field) if entry.field else "",
        what=_what(entry, heads),
        who=entry.actor,
        asked=entry.field in asked,
        old=show(old) if of_field and entry.old is not None else None,
        new=(differing(new, old) if entry.old is not None else show(new)) if of_field else None,
    )


def _what(entry: Entry, heads: dict[Side, SideHead]) -> str:
    """What kind of event it is, in words that follow the system's name."""
    if entry.kind == EntryKind.DECISION:
        return _decided(entry, heads)
    if entry.kind == EntryKind.NOTE:
        return _noted(entry)
    if entry.kind == EntryKind.LINK:
        return _("paired") if entry.rule in ("", "linked", "created") else translated(entry.rule)
    if not entry.field:
        return str(_RECORD[EntryKind(entry.kind), entry.new is not None and entry.new != "null"])
    return _("written by the hub") if entry.kind == EntryKind.WRITE else _("changed")


def _decided(entry: Entry, heads: dict[Side, SideHead]) -> str:
    """A decision: whose value was taken, without the number of the item that it was made on."""
    choice = entry.rule.partition(", conflict #")[0]
    if choice in list(Side):
        return _("decided: the value of %(system)s") % {"system": heads[Side(choice)].system}
    if entry.field and entry.new is not None and choice != "leave":
        return _("decided: %(value)s") % {"value": brief(_value(entry.new), 60)}
    return _("decided: %(choice)s") % {"choice": translated(choice)}


def _noted(entry: Entry) -> str:
    """What somebody did with the item besides deciding it, and what they said to it."""
    text, words = translated(entry.rule.partition(": ")[2]), _value(entry.new)
    if not isinstance(words, str) or not words:
        return text
    return _("%(what)s: “%(words)s”") % {"what": text, "words": brief(words, 100)}


def _value(text: str | None) -> Any:
    """A value of the journal; a long text only as far as a line of the timeline shows it."""
    value = None if text is None else json.loads(text)
    return value[:LONGEST] + "…" if isinstance(value, str) and len(value) > LONGEST else value
