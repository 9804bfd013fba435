"""What a watch has seen, made ready for the pages that show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from syncadmin import watches
from syncadmin.core.side import Side
from syncadmin.models import Resource, Watch, WatchState
from syncadmin.selectors.watches import FieldSeen, Seen, newest, seen
from syncadmin.show import short_number

LOOKS = {WatchState.WATCHING: "ok", WatchState.STOPPED: "warn", WatchState.OVER: "info"}


@dataclass(frozen=True, slots=True)
class Row:
    """One field's counts, with rates where there has been time for them."""

    label: str
    sources: tuple[str, str] | None
    left: int
    right: int
    left_rate: str
    right_rate: str
    met: int
    equal: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The panel of two resources: the newest watch, if there is one, and where its buttons lead.

    `rows` are of fields that were edited, `untouched` the others' names.
    `running`: a mapping of the two is switched on, so that nothing can be watched without writing.
    """

    left: Resource
    right: Resource
    address: str
    problem: str = ""
    running: bool = False
    seen: Seen | None = None
    rows: list[Row] = field(default_factory=list)
    untouched: list[str] = field(default_factory=list)

    @property
    def quiet(self) -> bool:
        """Whether there was something to compare with, and nothing has changed."""
        return self.seen is not None and not self.rows and not self.waits_for_first

    @property
    def _watch(self) -> Watch | None:
        return self.seen.watch if self.seen is not None else None

    @property
    def at_work(self) -> bool:
        """Whether looks are taken."""
        return self._watch is not None and self._watch.state == WatchState.WATCHING

    @property
    def waits_for_first(self) -> bool:
        """Whether there is nothing yet to compare with."""
        return self.at_work and self._watch is not None and not self._watch.spans and self._watch.looks == 0

    @property
    def state(self) -> str:
        """How it stands, in a word."""
        return _(str(self._watch.state)) if self._watch is not None else ""

    @property
    def look(self) -> str:
        """How that word looks."""
        if self._watch is None:
            return ""
        return "warn" if self._watch.message else LOOKS[WatchState(self._watch.state)]

    @property
    def how(self) -> str:
        """How it ended."""
        told = self._watch.ended_how if self._watch is not None else ""
        if told == watches.TIME_IS_UP:
            return _("It has ended: its time is up.")
        if told == watches.SWITCHED_ON:
            return _("It has ended: the mapping was switched on, and the meter of its risk counts on.")
        return _("Stopped by %(name)s.") % {"name": told[len(watches.STOPPED) + 1 :]} if told else ""

    @property
    def span(self) -> str:
        """How long it has watched, in the unit that says most."""
        seconds = self._watch.seconds if self._watch is not None else 0.0
        for size, unit in ((86_400, _("d")), (3600, _("h")), (60, _("min"))):
            if seconds >= size:
                return f"{short_number(seconds / size)} {unit}"
        return f"{round(seconds)} {_('s')}"

    @property
    def hours(self) -> str:
        """The span within which two edits meet."""
        return short_number(self.seen.near / 3600) if self.seen is not None else ""


def panel(left: Resource, right: Resource, address: str, problem: str = "") -> Shown:
    """The panel of two resources."""
    running = watches.running(left.pk, right.pk)
    watch = newest(left, right)
    if watch is None:
        return Shown(left, right, address, problem, running)
    found = seen(watch)
    edited = [one for one in found.fields if any(one.edits.values())]
    rows = [_row(found, one, one.name, (one.left, one.right)) for one in edited]
    untouched = [one.name for one in found.fields if one not in edited]
    for counts, label in ((found.created, _("records added")), (found.deleted, _("records deleted"))):
        if any(counts.edits.values()):
            rows.append(_row(found, counts, label, None))
    return Shown(left, right, address, problem, running, found, rows, untouched)


def _row(found: Seen, one: FieldSeen, label: str, sources: tuple[str, str] | None) -> Row:
    rates: dict[Side, Any] = {side: found.a_day(count) for side, count in one.edits.items()}
    told = {side: short_number(rate) if rate else "" for side, rate in rates.items()}
    left, right = Side.LEFT, Side.RIGHT
    return Row(label, sources, one.edits[left], one.edits[right], told[left], told[right], one.met, one.equal)
