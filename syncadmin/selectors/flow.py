"""How far the making of a mapping has come: its steps, each with its state, why, and its page.

All of it is read from what is stored, nothing from a session: a person may leave at any step and come back
days later, and so may another one. A step is one line in STEPS and one function that judges it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as Named
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from syncadmin.core.exposure import Unaccepted
from syncadmin.core.rehearsed import Rehearse
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    Mapping,
    Pass,
    Probe,
    ProbeHold,
    ProbeState,
    Resource,
    Survey,
    SurveyState,
    System,
)

from .assessment import Standing, standing
from .rehearsal import Stage, rehearsed
from .risk import Status, statuses


class State(StrEnum):
    """How a step stands: `now` is the first that is needed and not done."""

    DONE = "done"
    NOW = "now"
    OPEN = "open"
    NOT_NEEDED = "not needed"


@dataclass(frozen=True, slots=True)
class Way:
    """What there is of a mapping that is being made; the later parts bring the earlier ones with them."""

    systems: tuple[System | None, System | None] = (None, None)
    left: Resource | None = None
    right: Resource | None = None
    survey: Survey | None = None
    mapping: Mapping | None = None

    def query(self) -> str:
        """What names both sides in the address of a page that comes before the survey."""
        named: dict[str, str] = {}
        for side in SIDES:
            if (resource := self.resource(side)) is not None:
                named[side.value] = str(resource)
            elif (system := self.system(side)) is not None:
                named[side.value] = system.name
        return f"?{urlencode(named)}" if named else ""

    def system(self, side: Side) -> System | None:
        """The system of a side, if it is known."""
        return self.systems[SIDES.index(side)]

    def resource(self, side: Side) -> Resource | None:
        """The resource of a side, if it is known."""
        return self.left if side is Side.LEFT else self.right

    def with_system(self, side: Side, system: System) -> Way:
        """The same way with another system on one side."""
        systems = tuple(system if one is side else self.system(one) for one in SIDES)
        left = self.left if side is Side.RIGHT else None
        return Way((systems[0], systems[1]), left, self.right if side is Side.LEFT else None)


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of a step. `address` is '' as long as the step can't be begun."""

    done: bool
    why: str = ""
    address: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it is shown."""

    name: str
    title: Any
    number: int
    state: State
    why: str
    address: str


def of_names(named: Named[str, str]) -> Way:
    """The way of two sides that are only named yet: each as `system` or `system.resource`. What is not there
    is left out.
    """
    systems: list[System | None] = []
    resources: list[Resource | None] = []
    for side in SIDES:
        name, _dot, resource = named.get(side.value, "").partition(".")
        system = System.objects.prefetch_related("resources").filter(name=name).first() if name else None
        rows = system.resources.all() if system is not None else ()
        systems.append(system)
        resources.append(next((row for row in rows if row.name == resource), None))
    return Way((systems[0], systems[1]), resources[0], resources[1])


def of_mapping(mapping: Mapping) -> Way:
    """The way of a mapping: the survey that it was made from, else the newest one of its resources."""
    surveys = Survey.objects.defer("result", "left_profile", "right_profile").order_by("-pk")
    mine = surveys.filter(mapping=mapping).first()
    same = surveys.filter(left=mapping.left_id, right=mapping.right_id, state=SurveyState.DONE)
    left, right = mapping.left, mapping.right
    return Way((left.system, right.system), left, right, mine or same.first(), mapping)


def of_survey(survey: Survey) -> Way:
    """The way of a survey, up to the mapping that was made from it."""
    left, right = survey.left, survey.right
    return Way((left.system, right.system), left, right, survey, survey.mapping)


def steps(way: Way) -> list[Step]:
    """All steps, in the order in which they are taken."""
    found: list[Step] = []
    now = False
    for number, (name, title, judge) in enumerate(STEPS, 1):
        judged = judge(way)
        state = State.DONE if judged.done else State.OPEN if judged.needed else State.NOT_NEEDED
        if state is State.OPEN and not now:
            state, now = State.NOW, True
        found.append(Step(name, title, number, state, judged.why, judged.address))
    return found


def current(found: list[Step]) -> Step | None:
    """The step that is to be taken now, None if all is done."""
    return next((step for step in found if step.state is State.NOW), None)


# ---------------------------------------------------------------- the steps, one by one


def _system(side: Side, way: Way) -> Judged:
    system, start = way.system(side), reverse("syncadmin:connect")
    if system is not None:
        address = reverse("syncadmin:connect-system", args=[system.name])
        return Judged(True, str(system), f"{address}{way.query()}")
    ready = side is Side.LEFT or way.system(Side.LEFT) is not None
    return Judged(
        False, _("Connect it, or take one that is connected."), f"{start}{way.query()}" if ready else ""
    )


def _left(way: Way) -> Judged:
    return _system(Side.LEFT, way)


def _right(way: Way) -> Judged:
    return _system(Side.RIGHT, way)


def _resources(way: Way) -> Judged:
    done = way.left is not None and way.right is not None
    address = f"{reverse('syncadmin:connect-resources')}{way.query()}" if all(way.systems) else ""
    return Judged(done, f"{way.left} ⇄ {way.right}" if done else "", address)


def _survey(way: Way) -> Judged:
    survey = way.survey
    if survey is None:
        if way.mapping is not None:
            return Judged(False, _("It was made without one."), needed=False)
        both = way.left is not None and way.right is not None
        address = f"{reverse('syncadmin:connect-survey')}{way.query()}" if both else ""
        return Judged(False, _("Both sides are read, nothing is written."), address)
    address = reverse("syncadmin:survey", args=[survey.pk])
    if survey.state == SurveyState.DONE:
        return Judged(True, _("Both sides have been looked at."), address)
    return Judged(False, _(survey.state), address)


def _mapping(way: Way) -> Judged:
    if way.mapping is not None:
        address = reverse("admin:syncadmin_mapping_change", args=[way.mapping.pk])
        return Judged(True, way.mapping.name, address)
    if way.survey is not None and way.survey.state == SurveyState.DONE:
        return Judged(False, "", f"{reverse('syncadmin:survey', args=[way.survey.pk])}#survey-make")
    return Judged(False)


def _assessment(way: Way) -> Judged:
    mapping = way.mapping
    if mapping is None:
        return Judged(False)
    words = {
        Standing.MISSING: _("Say who edits what, and what a lost edit would cost."),
        Standing.SUGGESTED: _("Owners are suggested; nobody has answered yet."),
        Standing.ANSWERED: _("It is answered; there is no sheet yet that the teams could sign."),
        Standing.DONE: _("There is a sheet of who owns what."),
        Standing.OUTDATED: _("Answers or fields have changed since the last sheet."),
    }
    found = standing(mapping)
    address = reverse("syncadmin:assessment", args=[mapping.name])
    return Judged(found is Standing.DONE, words[found], address, needed=not mapping.enabled)


def _probe(way: Way) -> Judged:
    mapping = way.mapping
    if mapping is None:
        return Judged(False, needed=False)
    address = reverse("syncadmin:probe", args=[mapping.name])
    holds = ProbeHold.objects.filter(probe__mapping=mapping, settled_at=None)
    newest = Probe.objects.filter(mapping=mapping).defer("result").first()
    if newest is not None and newest.state in (ProbeState.WAITING, ProbeState.RUNNING):
        return Judged(False, _("Values are written to named records, and put back."), address)
    if holds.exists():
        return Judged(False, _("Values of a probe are still to be put back."), address)
    done = newest is not None and newest.state == ProbeState.DONE
    words = _("Named records have shown what both sides do to values.")
    asked = _("Only if you ask for it: what each side does to values that are written to it.")
    return Judged(done, words if done else asked, address, needed=False)


def _rehearsal(way: Way) -> Judged:
    mapping = way.mapping
    if mapping is None:
        return Judged(False)
    words = {
        Stage.NOT_NEEDED: _("It was not asked for."),
        Stage.MISSING: _("See all that the first pass would do, and approve it."),
        Stage.RUNNING: _("The plan of the first pass is being made."),
        Stage.WAITING: _("The plan of the first pass waits for an approval."),
        Stage.APPROVED: _("Somebody has approved the plan of the first pass."),
        Stage.OUTDATED: _("The mapping has been changed since: rehearse it again."),
        Stage.DONE: _("The first pass is done."),
    }
    stage = rehearsed(mapping).stage
    needed = mapping.rehearse == Rehearse.REQUIRED
    address = reverse("syncadmin:rehearsal", args=[mapping.name])
    return Judged(stage in (Stage.APPROVED, Stage.DONE), words[stage], address, needed)


def _risk(way: Way) -> Judged:
    mapping = way.mapping
    if mapping is None:
        return Judged(False)
    address = reverse("syncadmin:risk", args=[mapping.name])
    status = statuses([mapping], timezone.now())[mapping.pk]
    words = {
        Status.NONE: _("None is needed: no edit can be lost unseen."),
        Status.UNKNOWN: _("Both systems have not been asked yet how safe writes to them are."),
        Status.ACCEPTED: _("Somebody has accepted it."),
        Status.LAPSED: _("The acceptance has lapsed."),
        Status.OPEN: _("Nobody has accepted it yet."),
    }
    needed = status is not Status.NONE and mapping.risk == Unaccepted.STOP
    return Judged(status is Status.ACCEPTED, words[status], address, needed)


def _on(way: Way) -> Judged:
    mapping = way.mapping
    if mapping is None:
        return Judged(False)
    if not mapping.enabled:
        return Judged(False, _("It is switched off."), reverse("syncadmin:setup", args=[mapping.name]))
    if Pass.objects.filter(mapping=mapping).exists():
        return Judged(True, _("It runs."), reverse("syncadmin:dashboard"))
    return Judged(
        True, _("It is switched on; the first pass is yet to come."), reverse("syncadmin:dashboard")
    )


STEPS: tuple[tuple[str, Any, Callable[[Way], Judged]], ...] = (
    ("left", gettext_lazy("Left system"), _left),
    ("right", gettext_lazy("Right system"), _right),
    ("resources", gettext_lazy("Resources"), _resources),
    ("survey", gettext_lazy("Survey"), _survey),
    ("mapping", gettext_lazy("Mapping"), _mapping),
    ("assessment", gettext_lazy("Owners"), _assessment),
    ("probe", gettext_lazy("Probe"), _probe),
    ("rehearsal", gettext_lazy("Rehearsal"), _rehearsal),
    ("risk", gettext_lazy("Risk"), _risk),
    ("on", gettext_lazy("Switch on"), _on),
)
