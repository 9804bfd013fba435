"""Probes whose values are still in the systems: until they are put back, no pass of their resources runs."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from syncadmin.models import Mapping, Probe, ProbeHold, ProbeState

SILENT = timedelta(seconds=45)  # longer than one request to a system takes


def held(mapping: Mapping) -> bool:
    """Whether values of any probe are in records of the mapping's resources."""
    resources = (mapping.left_id, mapping.right_id)
    return ProbeHold.objects.filter(resource__in=resources, settled_at=None).exists()


def owed(now: datetime) -> QuerySet[Probe]:
    """Probes that have left something behind, and that no worker is at: somebody should know."""
    left = Exists(ProbeHold.objects.filter(probe=OuterRef("pk"), settled_at=None))
    working = Q(state__in=(ProbeState.WAITING, ProbeState.RUNNING))
    alone = ~working | Q(state=ProbeState.RUNNING, beat_at__lt=now - SILENT)
    return Probe.objects.filter(left, alone).select_related("mapping").defer("result")


def silent(row: Probe, now: datetime) -> bool:
    """Whether the worker of a probe says nothing any more."""
    return row.state == ProbeState.RUNNING and now - row.beat_at > SILENT
