"""Watches: two systems are looked at again and again, without writing, to see who really edits what.

A worker takes a look when it is due, and holds the watch meanwhile. A system that goes away is waited for;
what was edited in the meantime is found afterwards. A watch ends when a person stops it, when its time is up,
or when a mapping of the two resources is switched on, because then the hub writes, and its meter counts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import ConnectorError
from syncadmin.config import secrets
from syncadmin.config.versions import document_of
from syncadmin.core.side import SIDES
from syncadmin.engine.watching import TERM, Look, Overtaken
from syncadmin.models import (
    Mapping,
    ProbeHold,
    Resource,
    Survey,
    Watch,
    WatchedRecord,
    WatchState,
)
from syncadmin.survey import report as reporting

EVERY, LEAST_EVERY, MOST_EVERY = 300, 10, 86_400
DAYS, MOST_DAYS = 14, 90
KEPT = 5  # watches of the same two resources that are over
UNTAKEN = timedelta(seconds=20)  # after which a look that no worker took is asked for again
LONGEST_WAIT = timedelta(minutes=15)
TIME_IS_UP, SWITCHED_ON, STOPPED = "its time is up", "the mapping was switched on", "stopped by"
Clock = Callable[[], datetime]


class NotWatched(ValueError):
    """These two can't be watched; says why, in words for a person."""


# ---------------------------------------------------------------- begin and end


def of_mapping(mapping: Mapping, **asked: Any) -> Watch:
    """Begin to watch the two resources of a mapping, by its fields and match key. Raises NotWatched."""
    if not mapping.match:
        raise NotWatched(_("Without a match key nobody can tell which records belong together."))
    return _begin(mapping.left, mapping.right, document_of(mapping), mapping=mapping, **asked)


def of_survey(survey: Survey, **asked: Any) -> Watch:
    """Begin to watch two resources as a survey pairs them. Raises NotWatched."""
    if survey.mapping is not None:
        return of_mapping(survey.mapping, **asked)
    if survey.result is None or not survey.result["keys"]:
        raise NotWatched(_("Without a match key nobody can tell which records belong together."))
    found = reporting.read(survey.result)
    ends = survey.left.natural(), survey.right.natural()
    document = reporting.mapping_document(found, *ends, key=0, chosen=None)
    return _begin(survey.left, survey.right, document, **asked)


def _begin(
    left: Resource,
    right: Resource,
    document: dict[str, Any],
    *,
    mapping: Mapping | None = None,
    every: int = EVERY,
    days: int = DAYS,
    user: Any = None,
    actor: str = "",
) -> Watch:
    if running(left.pk, right.pk):
        raise NotWatched(_("A mapping of these two is switched on: the risk's meter counts its edits."))
    now = timezone.now()
    over = Watch.objects.filter(left=left, right=right).exclude(state=WatchState.WATCHING)
    Watch.objects.filter(pk__in=list(over.values_list("pk", flat=True)[KEPT - 1 :])).delete()
    try:
        with transaction.atomic():
            return Watch.objects.create(
                left=left,
                right=right,
                mapping=mapping,
                document=document,
                names=list(document["fields"]),
                every=min(max(every, LEAST_EVERY), MOST_EVERY),
                days=min(max(days, 1), MOST_DAYS),
                user=user,
                actor=actor or (user.get_username() if user else ""),
                created_at=now,
                next_at=now,
                full_at=now,
            )
    except IntegrityError:
        raise NotWatched(_("These two are being watched already.")) from None


def running(left: int, right: int) -> bool:
    """Whether a mapping of two resources is switched on."""
    return Mapping.objects.filter(left=left, right=right, enabled=True).exists()


def stop(watch_id: int, who: str) -> bool:
    """End a watch; what it has counted stays."""
    return _end(watch_id, WatchState.STOPPED, f"{STOPPED} {who}"[:100])


def resume(watch_id: int) -> bool:
    """Go on with a watch that was stopped or whose time was up: what it counts is added.

    What was edited while nobody watched is not counted: both sides are read anew to begin with. Raises
    NotWatched.
    """
    watch = Watch.objects.get(pk=watch_id)
    if running(watch.left_id, watch.right_id):
        raise NotWatched(_("A mapping of these two is switched on: the risk's meter counts its edits."))
    now = timezone.now()
    fresh = {
        "state": WatchState.WATCHING,
        "next_at": now,
        "full_at": now,
        "started_at": None,
        "last_at": None,
        "ended_at": None,
        "ended_how": "",
        "progress": {},
    }
    over = Watch.objects.filter(pk=watch_id).exclude(state=WatchState.WATCHING)
    try:
        with transaction.atomic():
            return bool(over.update(**fresh))
    except IntegrityError:
        raise NotWatched(_("These two are being watched already.")) from None


def _end(watch_id: int, state: WatchState, how: str) -> bool:
    """Close a watch and forget its fingerprints; False if it was closed already."""
    with transaction.atomic():
        working = Watch.objects.select_for_update().filter(pk=watch_id, state=WatchState.WATCHING).first()
        if working is None:
            return False
        working.both_edited = edited_by_both(working)
        working.state, working.ended_at, working.ended_how = state, timezone.now(), how
        working.failed_since, working.leased_until = None, None
        working.token += 1
        working.save()
        kept = WatchedRecord.objects.filter(watch_id=watch_id)
        kept._raw_delete(kept.db)
    return True


def edited_by_both(watch: Watch) -> int:
    """Records that were edited on both sides; those of before it was gone on with may count again."""
    edited = WatchedRecord.objects.filter(watch=watch, edits__gt=0)
    both = edited.filter(Exists(edited.filter(side="right", match=OuterRef("match"))), side="left").count()
    return watch.both_edited + (both << watch.halvings)


# ---------------------------------------------------------------- looks


def due(now: datetime) -> list[int]:
    """Watches to take a look at; each is told once in a while. Ends those whose time is up."""
    found = []
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    for watch in Watch.objects.filter(free, state=WatchState.WATCHING, next_at__lte=now):
        if watch.until is not None and now >= watch.until:
            _end(watch.pk, WatchState.OVER, TIME_IS_UP)
        elif running(watch.left_id, watch.right_id):
            _end(watch.pk, WatchState.OVER, SWITCHED_ON)
        elif Watch.objects.filter(pk=watch.pk, next_at=watch.next_at).update(next_at=now + UNTAKEN):
            found.append(watch.pk)
    return found


def look(watch_id: int, clock: Clock = timezone.now) -> bool:
    """Take one look at both sides. False if it is not ours to take, or something came between."""
    watch = _take(watch_id, clock())
    if watch is None:
        return False
    try:
        Look(watch, clock).do()
    except Overtaken:
        return False
    except ConnectorError as error:
        _failed(watch, _told(watch, error), clock())
        return False
    except Exception as error:
        _failed(watch, f"the hub failed: {type(error).__name__}; its log tells more", clock())
        raise
    return True


def _take(watch_id: int, now: datetime) -> Watch | None:
    """The watch, now ours; None if it is over, held by another worker, or the hub writes there by now."""
    with transaction.atomic():
        watch = Watch.objects.select_for_update().filter(pk=watch_id, state=WatchState.WATCHING).first()
        if watch is None or (watch.leased_until is not None and watch.leased_until > now):
            return None
        if running(watch.left_id, watch.right_id):
            _end(watch.pk, WatchState.OVER, SWITCHED_ON)
            return None
        if _probed(watch):
            return None
        watch.token += 1
        watch.leased_until = now + TERM
        watch.save(update_fields=["token", "leased_until"])
    return watch


def _probed(watch: Watch) -> bool:
    """Whether values of a probe are in the records: they would be taken for edits."""
    ends = (watch.left_id, watch.right_id)
    return ProbeHold.objects.filter(resource__in=ends, settled_at=None).exists()


def _failed(watch: Watch, message: str, now: datetime) -> None:
    """Note what came between, and look again after a while that grows; if the watch is still ours."""
    since = watch.failed_since or now
    wait = min(max(now - since, timedelta(seconds=min(watch.every, 60))), LONGEST_WAIT)
    mine = Watch.objects.filter(pk=watch.pk, token=watch.token, state=WatchState.WATCHING)
    mine.update(failed_since=since, message=message, next_at=now + wait, leased_until=None)


def _told(watch: Watch, error: ConnectorError) -> str:
    told = str(error)
    for side in SIDES:
        told = secrets.scrub(told, secrets.values_of(getattr(watch, side.value).system))
    return told.replace("\x00", "")
