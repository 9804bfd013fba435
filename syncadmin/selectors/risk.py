"""The risk of lost edits as pages and commands show it: figures, who accepted them, in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from syncadmin.core import risk
from syncadmin.core.exposure import Need, Unaccepted
from syncadmin.core.side import SIDES
from syncadmin.engine.exposed import exposure_told
from syncadmin.engine.risk import Figures, figures
from syncadmin.models import (
    Link,
    LinkStatus,
    Mapping,
    MappingState,
    RiskAcceptance,
    Survey,
    SurveyState,
)
from syncadmin.selectors import watches
from syncadmin.show import short_number
from syncadmin.survey import report as reporting
from syncadmin.survey.traffic import traffic


class Status(StrEnum):
    """How the risk of a mapping stands."""

    NONE = "none"  # nothing to accept
    UNKNOWN = "unknown"  # no pass has asked the systems yet
    ACCEPTED = "accepted"
    LAPSED = "lapsed"
    OPEN = "open"  # nobody has accepted it yet


@dataclass(frozen=True, slots=True)
class RiskStanding:
    """A mapping's risk: `last` is the newest acceptance, in force or not; `past` those before it."""

    mapping: Mapping
    figures: Figures
    status: Status
    last: RiskAcceptance | None
    past: list[RiskAcceptance]

    @property
    def stops(self) -> bool:
        """Whether writes wait for an acceptance now."""
        return self.mapping.risk == Unaccepted.STOP and self.status in (Status.OPEN, Status.LAPSED)

    @property
    def proposed(self) -> float | None:
        """The number of lost edits a year that a person is asked to accept: at worst, rounded up."""
        return risk.rounded_up(self.figures.lost.high) if self.figures.lost is not None else None

    @property
    def why_none(self) -> str:
        """Why nothing has to be accepted, or why nobody can say, as a sentence."""
        return {
            Need.OWNED: _(
                "None is needed: no field is shared, and the owner's value counts by rule, seen or not."
            ),
            Need.ATOMIC: _(
                "None is needed: both systems refuse a write over an edit that the hub has not seen."
            ),
            Need.UNKNOWN: _("Not known yet: the first pass asks both systems how safe writes to them are."),
        }.get(self.figures.exposure.need, "")


def standing(mapping: Mapping, now: datetime, told: risk.Traffic | None = None) -> RiskStanding:
    """How the risk of a mapping stands. `told` is what somebody believes of the traffic before a watch;
    without it, what was watched without writing, else what a survey tells.
    """
    exposure = exposure_told(mapping, MappingState.objects.filter(mapping=mapping).first())
    observed = watches.observed(mapping, exposure.fields) if told is None else None
    found = figures(mapping, exposure, now, told or surveyed(mapping, len(exposure.fields)), observed)
    signed = list(RiskAcceptance.objects.filter(mapping=mapping).select_related("person")[:20])
    last = signed[0] if signed else None
    return RiskStanding(mapping, found, status_of(exposure.need, last, now), last, signed[1:])


def status_of(need: Need, last: RiskAcceptance | None, now: datetime) -> Status:
    """How a risk stands, from whether it has to be accepted and the newest acceptance."""
    if need is not Need.SIGN:
        return Status.UNKNOWN if need is Need.UNKNOWN else Status.NONE
    if last is None:
        return Status.OPEN
    return Status.ACCEPTED if last.in_force(now) else Status.LAPSED


def statuses(mappings: list[Mapping], now: datetime) -> dict[int, Status]:
    """How the risk of each mapping stands, in a bounded number of queries. States must be at hand."""
    newest: dict[int, RiskAcceptance] = {}
    for signed in RiskAcceptance.objects.order_by("pk"):
        newest[signed.mapping_id] = signed
    return {
        mapping.pk: status_of(
            exposure_told(mapping, getattr(mapping, "state", None)).need, newest.get(mapping.pk), now
        )
        for mapping in mappings
    }


def surveyed(mapping: Mapping, fields: int) -> risk.Traffic | None:
    """What the newest survey of both resources tells of the traffic, None if there is none that can."""
    done = Survey.objects.filter(left=mapping.left_id, right=mapping.right_id, state=SurveyState.DONE)
    newest = done.exclude(result=None).order_by("-pk").first()
    return traffic(reporting.read(newest.result), fields) if newest is not None else None


def believed(mapping: Mapping, a_day: dict[str, float], records: int | None) -> risk.Traffic:
    """What somebody believes of the traffic: edits a day by side; `records` None: those linked."""
    linked = (
        Link.objects.filter(mapping=mapping, status=LinkStatus.OPEN).count() if records is None else records
    )
    fields = len(exposure_told(mapping, MappingState.objects.filter(mapping=mapping).first()).fields)
    edits = {side: a_day.get(side.value, 0.0) * risk.YEAR / risk.DAY for side in SIDES}
    return risk.Traffic(edits, max(1, linked), max(1, fields))


def interval(lost: risk.Figure) -> str:
    """What lost edits a year lie between, beside the number itself."""
    high = short_number(lost.high)
    if lost.expected <= 0:
        return _("none seen coming; at most %(high)s a year") % {"high": high}
    return _("between %(low)s and %(high)s a year") % {"low": short_number(lost.low), "high": high}


def in_words(lost: risk.Figure) -> str:
    """Lost edits a year as people say it."""
    told = interval(lost)
    return f"{short_number(lost.expected)} ({told})" if lost.expected > 0 else told


def how_often(lost: risk.Figure) -> str:
    """The same as a time, which says more where less than one a year is lost."""
    rate = lost.expected or lost.high
    if rate >= 1:
        return _("about one in %(days)s days") % {"days": short_number(365.25 / rate)}
    words = _("about one in %(years)s years") if lost.expected else _("at most one in %(years)s years")
    return words % {"years": short_number(1 / rate)}
