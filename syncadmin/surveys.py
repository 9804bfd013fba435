"""Surveys, carried out: read both sides through their connectors, and store what the records tell.

Only reads; of each side one scan, page by page, within the sample and the budget asked for. What was read
of one side is kept, so that a survey whose other system goes away is carried on, not begun anew. After every
page it is asked whether the survey is still ours to work on: a person may have stopped it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import Connector, ConnectorError, ResourceInfo
from syncadmin.config import apply as configuration
from syncadmin.config import secrets
from syncadmin.config.connect import open_connector
from syncadmin.config.export import as_yaml
from syncadmin.config.problems import BadConfig, Problem
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Mapping, Resource, Survey, SurveyState
from syncadmin.survey import report as reporting
from syncadmin.survey.profile import Declared, Profiler, ResourceProfile, packed, unpacked

SAMPLE = 20_000  # records of a side, unless asked for others
BUDGET = 2_000  # reads of both sides together
PAGE = 1_000
KEPT = 10  # finished surveys of the same two resources
KEPT_IN_ALL = 200
UNSTARTED = timedelta(seconds=20)
STALLED = timedelta(minutes=5)
MOST_STARTS = 10  # a survey that kills its workers is not started for ever
GIVEN_UP = "its workers died again and again"
WORKING = (SurveyState.WAITING, SurveyState.RUNNING)
OVER = (SurveyState.DONE, SurveyState.INTERRUPTED, SurveyState.CANCELLED)

Progress = Callable[[Survey], None]


class Overtaken(Exception):
    """The survey was stopped by a person, or another worker has taken it up."""


def start(
    left: Resource,
    right: Resource,
    *,
    sample: int = SAMPLE,
    budget: int = BUDGET,
    user: Any = None,
    actor: str = "",
) -> Survey:
    """A survey that waits for a worker. Prunes old ones of the same resources."""
    now = timezone.now()
    prune(left, right)
    return Survey.objects.create(
        left=left,
        right=right,
        sample=sample,
        budget=max(2, budget),
        user=user,
        actor=actor or (user.get_username() if user else ""),
        created_at=now,
        beat_at=now,
    )


def prune(left: Resource, right: Resource) -> None:
    """Forget the oldest surveys that are over: of the same resources, and of all."""
    over = Survey.objects.filter(state__in=OVER).order_by("-pk")
    same = over.filter(left=left, right=right)
    # one less, because one is about to be made
    gone = {
        *same.values_list("pk", flat=True)[KEPT - 1 :],
        *over.values_list("pk", flat=True)[KEPT_IN_ALL - 1 :],
    }
    Survey.objects.filter(pk__in=gone).delete()


def run(survey_id: int, progress: Progress | None = None) -> Survey | None:
    """Carry a survey out. None if it does not wait, or was stopped meanwhile; else done or interrupted."""
    survey = _take(survey_id)
    if survey is None:
        return None
    work = _Work(survey, progress)
    try:
        for side in SIDES:
            work.side(side)
        work.finish()
    except Overtaken:
        return None
    except ConnectorError as error:
        return survey if work.interrupted(error) else None
    except Exception as error:
        work.broken(error)
        raise
    return survey


def cancel(survey_id: int) -> bool:
    """Stop a survey that waits or runs; what was read whole of a side is kept for carrying it on."""
    now = timezone.now()
    working = Survey.objects.filter(pk=survey_id, state__in=WORKING)
    return bool(working.update(state=SurveyState.CANCELLED, finished_at=now))


def resume(survey_id: int) -> bool:
    """Let a survey wait for a worker again that was interrupted or stopped."""
    over = Survey.objects.filter(pk=survey_id, state__in=(SurveyState.INTERRUPTED, SurveyState.CANCELLED))
    now = timezone.now()
    fresh = {"token": F("token") + 1, "message": "", "finished_at": None, "beat_at": now}
    return bool(over.update(state=SurveyState.WAITING, **fresh))


def stalled(now: Any) -> list[int]:
    """Surveys that no worker has taken, or got further, for a while; each is told once in that while."""
    unstarted = Q(state=SurveyState.WAITING, beat_at__lt=now - UNSTARTED)
    stuck = Q(state=SurveyState.RUNNING, beat_at__lt=now - STALLED)
    found = []
    for survey in Survey.objects.filter(unstarted | stuck).only("beat_at", "state", "token"):
        same = Survey.objects.filter(pk=survey.pk, beat_at=survey.beat_at, state=survey.state)
        if survey.state == SurveyState.RUNNING and survey.token >= MOST_STARTS:
            same.update(state=SurveyState.INTERRUPTED, finished_at=now, message=GIVEN_UP)
        elif same.update(beat_at=now, state=SurveyState.WAITING):
            found.append(survey.pk)
    return found


def _take(survey_id: int) -> Survey | None:
    """The survey, now ours; None if it does not wait for anybody."""
    with transaction.atomic():
        waiting = Survey.objects.filter(pk=survey_id, state=SurveyState.WAITING).select_for_update()
        survey = waiting.first()
        if survey is None:
            return None
        survey.token += 1
        survey.state = SurveyState.RUNNING
        survey.beat_at = timezone.now()
        survey.save(update_fields=["token", "state", "beat_at"])
    return Survey.objects.select_related("left__system", "right__system").get(pk=survey_id)


class _Work:
    """A worker's hold on one survey."""

    def __init__(self, survey: Survey, progress: Progress | None) -> None:
        self._survey, self._progress = survey, progress
        self._profiles: dict[Side, ResourceProfile] = {}

    def side(self, side: Side) -> None:
        """Read one side, unless it has been read. Raises ConnectorError, Overtaken."""
        kept = getattr(self._survey, f"{side}_profile")
        if kept is not None:
            self._profiles[side] = unpacked(bytes(kept))
            return
        resource: Resource = getattr(self._survey, side.value)
        self._store(side=side.value, read=0, total=0)
        with closing(open_connector(resource.system)) as connector:
            profile = self._read(connector, resource)
        self._profiles[side] = profile
        self._store(**{f"{side}_profile": packed(profile)})

    def _read(self, connector: Connector, resource: Resource) -> ResourceProfile:
        survey = self._survey
        info = connector.describe(resource.name)
        profiler = Profiler(_declared(info), info.key, timezone.now())
        most = survey.sample or None
        total = min(info.count, most) if info.count and most else info.count or 0
        budget = max(1, survey.budget // 2)
        asked, whole = 1, True
        self._store(total=total, requests=survey.requests + 1)
        limit = PAGE if most is None else min(PAGE, most + 1)
        with closing(connector.scan(resource.name, fields=profiler.wanted, limit=limit)) as pages:
            for page in pages:
                asked += 1
                for record in page.records:
                    if profiler.records == most:
                        whole = False
                        break
                    profiler.add(record.key, record.values, record.modified)
                self._store(read=profiler.records, requests=survey.requests + 1)
                if asked >= budget:
                    whole = False  # there may be more, and it may not be asked for
                if not whole:
                    break
        return profiler.finish(whole=whole)

    def finish(self) -> None:
        """Store what both sides tell."""
        found = reporting.report(self._profiles[Side.LEFT], self._profiles[Side.RIGHT])
        self._store(
            state=SurveyState.DONE,
            result=found.as_dict(),
            finished_at=timezone.now(),
            left_profile=None,
            right_profile=None,
            side="",
        )

    def interrupted(self, error: ConnectorError) -> bool:
        """Store what a system said; what was read of the other side stays. False if no longer ours."""
        resource: Resource = getattr(self._survey, self._survey.side)
        told = secrets.scrub(str(error), secrets.values_of(resource.system))
        return self._stop(told.replace("\x00", ""))

    def broken(self, error: Exception) -> None:
        """Store that the hub itself failed, so that nobody waits for it."""
        self._stop(f"the hub failed: {type(error).__name__}; its log tells more")

    def _stop(self, message: str) -> bool:
        try:
            self._store(state=SurveyState.INTERRUPTED, message=message, finished_at=timezone.now())
        except Overtaken:
            return False
        return True

    def _store(self, **values: Any) -> None:
        """Write to the survey, if it is still ours. Raises Overtaken."""
        survey = self._survey
        values = {"beat_at": timezone.now(), **values}
        ours = Survey.objects.filter(pk=survey.pk, token=survey.token, state=SurveyState.RUNNING)
        if not ours.update(**values):
            raise Overtaken
        for name, value in values.items():
            setattr(survey, name, value)
        if self._progress is not None:
            self._progress(survey)


def _declared(info: ResourceInfo) -> list[Declared]:
    return [
        Declared(
            name=one.name,
            type=one.type,
            native=one.native,
            writable=one.writable,
            max_length=one.max_length,
            scale=one.scale,
            choices=one.choices,
        )
        for one in info.fields
    ]


# ---------------------------------------------------------------- a mapping from what was found


def mapping_text(survey: Survey, name: str, *, key: int, chosen: Collection[str] | None) -> str:
    """A configuration file with the mapping that the survey suggests, switched off."""
    found = reporting.read(survey.result)
    document = reporting.mapping_document(
        found, survey.left.natural(), survey.right.natural(), key=key, chosen=chosen
    )
    return as_yaml({"version": 1, "mappings": {name: document}})


def make_mapping(survey: Survey, name: str, *, key: int, chosen: Collection[str] | None, by: str) -> Mapping:
    """Create the mapping, switched off, as `apply` would of its file. Raises BadConfig."""
    if Mapping.objects.filter(name=name).exists():
        raise BadConfig([Problem(("mappings", name), _("there is a mapping of this name already"))])
    loaded = configuration.read(mapping_text(survey, name, key=key, chosen=chosen), f"survey #{survey.pk}")
    with transaction.atomic():
        configuration.apply(loaded, by=by, reason=f"made from survey #{survey.pk}")
        mapping = Mapping.objects.get(name=name)
        Survey.objects.filter(pk=survey.pk).update(mapping=mapping)
    return mapping
