"""How each mapping stands, in a bounded number of queries however many there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Max, OuterRef, Subquery, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from conflicts.due import FORGOTTEN
from conflicts.models import Conflict, ConflictGroup, ConflictState, Facet
from syncadmin.core.exposure import Unaccepted
from syncadmin.core.side import Side
from syncadmin.models import (
    Cursor,
    GuardStop,
    Mapping,
    MappingState,
    MappingVersion,
    Mark,
    Pass,
    PassState,
    VersionState,
)
from syncadmin.models import Health as SystemHealth

from . import one_sided
from .risk import Status, statuses


class Health(StrEnum):
    """How much attention a mapping needs; also the name of its look."""

    OK = "ok"
    INFO = "info"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Standing:
    """How one mapping stands: `waiting` counts open conflicts, `marks` changes on the way.

    `one_sided` counts, by side, the records without a partner; `proposed` is the version that waits.
    `behind_since` is when the oldest change was made that a system has told of and no pass has read.
    """

    mapping: Mapping
    state: MappingState | None
    last: Pass | None
    stop: GuardStop | None
    waiting: int
    deciding: int
    marks: int
    one_sided: dict[Side, int]
    risk: Status = Status.NONE
    proposed: int | None = None
    behind_since: datetime | None = None

    @property
    def retired(self) -> bool:
        """Whether it is out of service for good."""
        return self.state is not None and self.state.retired_at is not None

    @property
    def alone(self) -> list[tuple[Side, str, str]]:
        """The sides that have records without a partner: (side, system, how many)."""
        systems = {Side.LEFT: self.mapping.left.system, Side.RIGHT: self.mapping.right.system}
        return [(s, str(systems[s]), one_sided.counted(n)) for s, n in self.one_sided.items() if n]

    @property
    def running(self) -> Pass | None:
        """The pass that is at work now."""
        return self.last if self.last and self.last.state == PassState.RUNNING else None

    @property
    def health(self) -> Health:
        """How much attention it needs."""
        return self._judged[0]

    @property
    def words(self) -> str:
        """How it stands, in a few words."""
        return self._judged[1]

    @property
    def _judged(self) -> tuple[Health, str]:
        if self.retired:
            return Health.INFO, _("out of service")
        if not self.mapping.enabled:
            return Health.INFO, _("paused") if self.last else _("switched off")
        if self.stop is not None and self.stop.approved_at is None:
            return Health.WARN, _("stopped by a guard")
        if self.rehearsing:
            return Health.WARN, _("waits for the approval of its plan")
        if self.state is not None and self.state.stopped:
            wrong = self.state.stopped == "configuration"
            return Health.BAD, _("misconfigured") if wrong else _(self.state.stopped)
        if self.away:
            names = _(" and ").join(str(health.system) for health in self.away)
            away = ngettext("%(names)s is away", "%(names)s are away", len(self.away))
            return Health.BAD, away % {"names": names}
        if self.last is None:
            return Health.INFO, _("never run")
        if self.risk_words and self.mapping.risk == Unaccepted.STOP:
            return Health.WARN, _("writes wait: risk not accepted")
        if self.last.state in (PassState.FAILED, PassState.LOST):
            failed = self.last.state == PassState.FAILED
            return Health.BAD, _("last pass failed") if failed else _("last pass was lost")
        if self.waiting:
            return Health.INFO, _("%(count)s to decide") % {"count": self.waiting}
        if self.marks or self.deciding:
            return Health.INFO, _("%(count)s on the way") % {"count": self.marks or self.deciding}
        return Health.OK, _("in step")

    @property
    def rehearsing(self) -> bool:
        """Whether its first pass waits for the approval of a plan."""
        return self.mapping.enabled and self.state is not None and self.state.stopped == "rehearsal"

    @property
    def risk_words(self) -> str:
        """That nobody accepts the risk of lost edits, if there is one and nobody does."""
        words = {Status.OPEN: _("risk not accepted"), Status.LAPSED: _("acceptance lapsed")}
        return words.get(self.risk, "")

    @property
    def message(self) -> str:
        """What a person should read, if something is wrong."""
        if self.state is not None and self.state.message:
            return self.state.message
        if self.last is not None and self.last.state in (PassState.FAILED, PassState.LOST):
            return self.last.message
        return ""

    @property
    def away(self) -> list[SystemHealth]:
        """The systems that could not be reached when last tried, with when they are tried again."""
        systems = (self.mapping.left.system, self.mapping.right.system)
        return [h for s in systems if (h := getattr(s, "health", None)) is not None and h.failures]

    @property
    def guarantees(self) -> list[tuple[str, str]]:
        """The guarantee of each side, as the last pass found it: (system, guarantee)."""
        found = self.state.guarantees if self.state is not None else {}
        sides = (("left", self.mapping.left), ("right", self.mapping.right))
        return [(str(resource.system), found[side]) for side, resource in sides if side in found]

    @property
    def next_due(self) -> datetime | None:
        """When the next pass is due, if one is."""
        if self.state is None or self.state.stopped or not self.mapping.enabled:
            return None
        tried_again = [h.open_until for h in self.away if h.open_until is not None]
        return max(self.state.next_due, timezone.now(), *tried_again)


def standings(name: str | None = None) -> list[Standing]:
    """All mappings, or the one called `name`, each with how it stands."""
    mappings = Mapping.objects.select_related("left__system__health", "right__system__health", "state")
    mappings = mappings.prefetch_related("fields", "row_rules")
    waiting_reads = Cursor.objects.filter(mapping=OuterRef("pk"), waiting_since__isnull=False)
    oldest = waiting_reads.order_by("waiting_since").values("waiting_since")[:1]
    mappings = mappings.annotate(behind_since=Subquery(oldest))
    if name is not None:
        mappings = mappings.filter(name=name)
    newest = Pass.objects.filter(mapping=OuterRef("mapping")).order_by("-pk").values("pk")[:1]
    last = {row.mapping_id: row for row in Pass.objects.filter(pk=Subquery(newest))}
    stops = {stop.mapping_id: stop for stop in GuardStop.objects.filter(closed_at=None).order_by("pk")}
    waiting = dict(ConflictGroup.objects.order_by().values_list("mapping").annotate(Sum("items")))
    decided = Conflict.objects.filter(state=ConflictState.DECIDED).order_by()
    deciding = dict(decided.values_list("mapping").annotate(Count("pk")))
    marks = dict(Mark.objects.order_by().values_list("mapping").annotate(Count("pk")))
    risks = statuses(list(mappings), timezone.now())
    alone = one_sided.counts()
    proposals = MappingVersion.objects.filter(state=VersionState.PROPOSED).order_by()
    proposed = dict(proposals.values_list("mapping", "number"))
    return [
        Standing(
            mapping=mapping,
            state=getattr(mapping, "state", None),
            last=last.get(mapping.pk),
            stop=stops.get(mapping.pk),
            waiting=waiting.get(mapping.pk, 0),
            deciding=deciding.get(mapping.pk, 0),
            marks=marks.get(mapping.pk, 0),
            risk=risks[mapping.pk],
            one_sided=alone.get(mapping.pk, {}),
            behind_since=mapping.behind_since,
            proposed=proposed.get(mapping.pk),
        )
        for mapping in mappings
    ]


@dataclass(frozen=True, slots=True)
class Totals:
    """The numbers over all mappings; `oldest` is when the conflict that has waited longest was opened."""

    mappings: int
    in_step: int
    waiting: int
    marks: int
    stopped: int
    last_finished: datetime | None
    oldest: datetime | None

    @property
    def forgotten(self) -> bool:
        """Whether something has waited for a person for longer than anything should."""
        return self.oldest is not None and self.oldest <= timezone.now() - FORGOTTEN


def totals(rows: list[Standing]) -> Totals:
    """The numbers on top of the dashboard."""
    finished = Pass.objects.aggregate(at=Max("finished_at"))["at"]
    oldest = Facet.objects.filter(open=True, first=True).order_by("opened_at", "conflict")
    return Totals(
        mappings=len(rows),
        in_step=sum(row.health is Health.OK for row in rows),
        waiting=sum(row.waiting for row in rows),
        marks=sum(row.marks for row in rows),
        stopped=sum(row.health in (Health.WARN, Health.BAD) for row in rows),
        last_finished=finished,
        oldest=oldest.values_list("opened_at", flat=True).first(),
    )
