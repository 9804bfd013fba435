"""What the page of a system's daily quota shows: what was asked, how long it lasts, what is put off."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q

from connectors.base import Misconfigured
from connectors.pacing import Pacer, Rationed
from syncadmin.config.connect import open_connector
from syncadmin.core.quota import Forecast, foretell
from syncadmin.models import Mapping, Pass, PassKind, PassState, System

PURPOSES = {PassKind.BACKFILL: "backfill", PassKind.RECONCILE: "verify"}
SPENT = "requests of today are made"  # how a pass ends that found none left


@dataclass(frozen=True, slots=True)
class Due:
    """A comparison that is due today, or was: by `put_off` it is not made before tomorrow."""

    mapping: Mapping
    kind: str
    at: datetime
    put_off: bool


@dataclass(frozen=True, slots=True)
class Told:
    """All that the page shows. No forecast: nobody counts (`counts` false), or it can't be told now."""

    counts: bool
    forecast: Forecast | None = None
    due: tuple[Due, ...] = ()
    problem: str = ""


def told(system: System, pacer: Pacer, now: datetime) -> Told:
    """The day of a system, as far as it is known. `now` is in UTC, as the days that are counted are."""
    try:
        with closing(open_connector(system)) as connector:
            quota = connector.quota() if isinstance(connector, Rationed) else None
    except Misconfigured as error:
        return Told(False, problem=error.message)
    if quota is None:
        return Told(False)
    spent = pacer.spent(quota.name)
    if spent is None:
        return Told(True)
    forecast = foretell(quota.per_day, quota.shares, spent.today, spent.before, now)
    return Told(True, forecast, tuple(_due(system, forecast, now)))


def _due(system: System, forecast: Forecast, now: datetime) -> list[Due]:
    """Full comparisons of the system's mappings that this day is to see, or has already put off."""
    ends = {share.purpose: share.ends for share in forecast.shares}
    of_system = Q(left__system=system) | Q(right__system=system)
    compared = Pass.objects.filter(mapping=OuterRef("pk"), state=PassState.DONE).exclude(
        kind=PassKind.INCREMENTAL
    )
    rows = Mapping.objects.filter(of_system, enabled=True, state__stopped="").select_related("state")
    refused = {
        one.mapping_id: one
        for one in Pass.objects.filter(
            mapping__in=rows,
            kind__in=PURPOSES,
            state=PassState.FAILED,
            started_at__gte=forecast.anew - timedelta(days=1),
            message__contains=SPENT,
        ).order_by("started_at")
    }
    found = []
    for mapping in rows.annotate(compared=Exists(compared)).order_by("name"):
        kind = PassKind.RECONCILE if mapping.compared else PassKind.BACKFILL
        at = mapping.state.next_reconcile if mapping.compared else mapping.state.next_due
        end = ends[PURPOSES[kind]]
        if at < forecast.anew:
            found.append(Due(mapping, kind, max(at, now), end is not None and end <= max(at, now)))
        elif (one := refused.get(mapping.pk)) is not None and one.kind == kind:
            found.append(Due(mapping, kind, at, True))
    return found
