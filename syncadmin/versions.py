"""What people may ask of a mapping's versions: approve one, take one back, go back to an earlier one.

The change is stored here; callers check permissions and ask the queue for work afterwards.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin.config import versions
from syncadmin.config.apply import put
from syncadmin.config.checks import check_mapping, check_world
from syncadmin.config.convert import stored_world
from syncadmin.config.differences import Unchangeable
from syncadmin.config.schema import MappingSpec
from syncadmin.config.versions import Overtaken
from syncadmin.engine.backtest import backtest
from syncadmin.engine.compare import compare, digest_of
from syncadmin.engine.reshape import with_renamed
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import (
    Comparing,
    EntryKind,
    GuardStop,
    Mapping,
    MappingState,
    MappingVersion,
    VersionState,
    ledger,
)

FRESH = timedelta(hours=24)  # how long what was compared is worth an approval


class NotYet(Exception):
    """A version can't be approved as things stand. Says what is missing, in words for a person."""


class Outdated(NotYet):
    """What was compared is no longer so: it is compared again."""


UNSTARTED = timedelta(seconds=20)
STALLED = timedelta(hours=1)


def approve(version_id: int, digest: str, user: Any) -> MappingVersion:
    """Let a proposed version take effect: that with exactly the comparison that was looked at.

    What the guards would stop of its first plan counts as approved with it, if it is still that plan. Raises
    Overtaken if it no longer waits or something else was changed meanwhile, NotYet if it must be compared.
    """
    try:
        return _approve(version_id, digest, user)
    except Outdated:
        compare_again(MappingVersion.objects.get(pk=version_id))
        raise


def _approve(version_id: int, digest: str, user: Any) -> MappingVersion:
    with transaction.atomic():
        version = versions.locked(version_id)
        _ensure_looked_at(version, digest)
        spec = versions.spec_of(version.document)
        ensure_fits(version.mapping, spec)
        now, name = timezone.now(), user.get_username()
        put(version.mapping, spec, renamed=version.renamed, by=name, reason=f"version {version.number}")
        before = MappingVersion.objects.filter(mapping=version.mapping_id, state=VersionState.ACTIVE)
        before.update(state=VersionState.REPLACED, closed_at=now)
        version.state, version.approved_by, version.approved_name = VersionState.ACTIVE, user, name
        version.active_at = now
        version.save()
        state = MappingState.objects.get(mapping=version.mapping_id)
        state.remembered = with_renamed(state.remembered, version.renamed)
        state.next_due = min(state.next_due, now)
        state.save(update_fields=["remembered", "next_due"])
        _approve_its_plan(version, user)
        text = f"approved version {version.number}"
        ledger.append(version.mapping_id, [ledger.Row(EntryKind.DECISION, rule=text, actor=name)], now)
    return version


def _ensure_looked_at(version: MappingVersion, digest: str) -> None:
    active = versions.current(version.mapping)
    if version.base_id != active.pk:
        raise Outdated(_("The mapping was changed meanwhile: it is compared again."))
    if version.comparing != Comparing.DONE or version.compared_at is None:
        raise NotYet(_("What it would do differently is not worked out yet."))
    if digest != version.digest:
        raise Overtaken(_("It has been compared anew since you looked: look again."))
    if timezone.now() - version.compared_at > FRESH:
        raise Outdated(_("It was compared more than a day ago: it is compared again."))


def _approve_its_plan(version: MappingVersion, user: Any) -> None:
    """The guard that would stop the first pass of a version does not ask for what was just approved."""
    told = (version.comparison or {}).get("new", {})
    if not told.get("guard"):
        return
    now = timezone.now()
    GuardStop.objects.filter(mapping=version.mapping_id, closed_at=None).update(
        closed_at=now, closed_how="replaced"
    )
    GuardStop.objects.create(
        mapping=version.mapping,
        created_at=now,
        reason=told["guard"],
        digest=told["plan"],
        evidence={"known": told.get("known")},
        approved_by=user,
        approved_at=now,
    )
    MappingState.objects.filter(mapping=version.mapping_id, stopped="guard").update(stopped="", message="")


def ensure_fits(row: Mapping, spec: MappingSpec) -> None:
    """Raise Overtaken if a version does not fit what is stored besides it."""
    world = stored_world(leaving_out=row.name)
    world.mappings[row.name] = spec
    found = [*check_mapping(spec, world), *(p for of, p in check_world(world) if of == row.name)]
    if found:
        raise Overtaken("; ".join(f"{p.place}: {p.text}" for p in found[:5]))


def compare_again(version: MappingVersion) -> None:
    """Have a proposal compared anew."""
    version.comparing, version.message, version.beat_at = Comparing.WAITING, "", timezone.now()
    version.save(update_fields=["comparing", "message", "beat_at"])


def back_to(version: MappingVersion, user: Any = None, name: str = "") -> MappingVersion:
    """Propose an earlier version anew. Raises Overtaken if it no longer fits."""
    spec = versions.ensure_readable(version)
    ensure_fits(version.mapping, spec)
    how = f"back to version {version.number}"
    return versions.propose(version.mapping, spec, user=user, name=name, how=how)


# ---------------------------------------------------------------- what it would do differently


def work_out(version_id: int) -> MappingVersion | None:
    """Compare a proposal that waits for it with what runs. None if it does not wait, or no longer.

    What a system does wrong, or what was changed meanwhile, is its message and is not raised.
    """
    waiting = MappingVersion.objects.filter(pk=version_id, comparing=Comparing.WAITING)
    if not waiting.update(comparing=Comparing.RUNNING, beat_at=timezone.now()):
        return None
    told: dict[str, Any]
    try:
        told = _compared(version_id)
    except (Overtaken, Unchangeable, ConnectorError) as error:
        told = {"comparing": Comparing.FAILED, "message": str(error), "digest": ""}
    except BaseException:
        told = {"comparing": Comparing.FAILED, "message": "stopped unexpectedly; the log says why"}
        MappingVersion.objects.filter(pk=version_id, comparing=Comparing.RUNNING).update(**told)
        raise
    mine = MappingVersion.objects.filter(
        pk=version_id, state=VersionState.PROPOSED, comparing=Comparing.RUNNING
    )
    mine.update(**told)
    return MappingVersion.objects.get(pk=version_id)


def _compared(version_id: int) -> dict[str, Any]:
    with transaction.atomic():
        version = versions.on_top(versions.locked(version_id))
        spec = versions.spec_of(version.document)
        ensure_fits(version.mapping, spec)
    row = mapping_for_pass(version.mapping_id)
    new = versions.as_mapping(row, spec)
    comparison = compare(row, new, version.renamed, timezone.now)
    comparison["history"] = backtest(row, new, version.renamed, timezone.now())
    now = timezone.now()
    return {
        "comparing": Comparing.DONE,
        "message": "",
        "comparison": comparison,
        "compared_at": now,
        "digest": digest_of(comparison, version.document, version.base_id),
    }


def stalled(now: datetime) -> list[int]:
    """Proposals that no worker compares, though they wait for it; each is told once in a while."""
    unstarted = Q(comparing=Comparing.WAITING, beat_at__lt=now - UNSTARTED)
    stuck = Q(comparing=Comparing.RUNNING, beat_at__lt=now - STALLED)
    found = []
    rows = MappingVersion.objects.filter(unstarted | stuck, state=VersionState.PROPOSED)
    for version in rows.only("beat_at", "comparing"):
        same = MappingVersion.objects.filter(pk=version.pk, beat_at=version.beat_at)
        if same.update(beat_at=now, comparing=Comparing.WAITING):
            found.append(version.pk)
    return found
