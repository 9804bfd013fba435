"""How the rehearsal of a mapping stands, for its page, the dashboard and the way to a running mapping."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from syncadmin.config.fingerprint import fingerprint
from syncadmin.core.rehearsed import Rehearse
from syncadmin.models import Mapping, Pass, PassKind, PassState, Rehearsal, RehearsalState


class Stage(StrEnum):
    """None is asked for; none is there; a worker makes it; a person must approve it; a pass may carry it out;
    the mapping was changed since it was made; the first pass is done.
    """

    NOT_NEEDED = "not needed"
    MISSING = "missing"
    RUNNING = "running"
    WAITING = "waiting"
    APPROVED = "approved"
    OUTDATED = "outdated"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """How it stands, and the newest rehearsal, if there is one."""

    stage: Stage
    newest: Rehearsal | None


def rehearsed(mapping: Mapping) -> Rehearsed:
    """How the rehearsal of a mapping stands."""
    newest = Rehearsal.objects.filter(mapping=mapping).select_related("approved_by", "moved_from").first()
    return Rehearsed(_stage(mapping, newest), newest)


def _stage(mapping: Mapping, newest: Rehearsal | None) -> Stage:
    compared = Pass.objects.filter(mapping=mapping, state=PassState.DONE).exclude(kind=PassKind.INCREMENTAL)
    if compared.exists():
        return Stage.DONE
    if newest is not None and newest.state in (RehearsalState.WAITING, RehearsalState.RUNNING):
        return Stage.RUNNING
    if mapping.rehearse != Rehearse.REQUIRED and newest is None:
        return Stage.NOT_NEEDED
    if newest is None or newest.state != RehearsalState.DONE:
        return Stage.MISSING
    if newest.fingerprint != fingerprint(mapping):
        return Stage.OUTDATED
    if newest.approved_at is not None and newest.closed_at is None:
        return Stage.APPROVED
    return Stage.WAITING if newest.closed_at is None else Stage.MISSING
