"""Picking the two resources that shall be kept in step, looking at them, and starting their survey."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from connectors.base import Capabilities, CheckItem, ConnectorError, ResourceInfo
from syncadmin import connecting, surveys, typedform
from syncadmin.config import secrets
from syncadmin.config.connect import promises
from syncadmin.core.side import SIDES, Side
from syncadmin.jobs import enqueue_survey
from syncadmin.models import Mapping, Resource, Survey, System
from syncadmin.permissions import ADD_RESOURCE, CHANGE_RESOURCE, SURVEY
from syncadmin.selectors import flow
from syncadmin.web import page, shell

from .connect import TITLE, address_of, asked_way, to
from .surveys import StartForm

TIMES = ("datetime", "date", "integer")  # types of columns that may say when a row was changed


@dataclass(frozen=True, slots=True)
class Choice:
    """What there is to pick from on one side. `picked` is the name of the one that is ticked."""

    side: Side
    system: System
    found: list[connecting.Found]
    problem: str
    picked: str
    describes: bool
    error: str = ""


@require_http_methods(["GET", "HEAD", "POST"])
@page(ADD_RESOURCE)
def resources(request: HttpRequest) -> HttpResponse:
    """One resource of each system; what is picked is configured, as a file would."""
    way = asked_way(request)
    if way.systems[0] is None or way.systems[1] is None:
        return to("syncadmin:connect", way)
    choices = [_choice(request, way, side) for side in SIDES]
    left, right = choices
    if request.method == "POST" and (left.system, left.picked) == (right.system, right.picked) != (
        left.system,
        "",
    ):
        return _resources(request, way, choices, _("This is the same resource as on the left."), status=422)
    if request.method == "POST" and not any(choice.error for choice in choices):
        try:
            rows = [_taken(choice, request.user.get_username()) for choice in choices]
        except connecting.Refused as refused:
            problem = "; ".join(problem.text for problem in refused.problems)
            return _resources(request, way, choices, problem, status=422)
        return to("syncadmin:connect-survey", flow.Way(way.systems, *rows))
    return _resources(request, way, choices, status=422 if request.method == "POST" else 200)


def _resources(
    request: HttpRequest, way: flow.Way, choices: list[Choice], problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"way": way, "choices": choices, "problem": problem, "query": way.query()}
    return shell(request, "syncadmin/connect_resources.html", context, title=TITLE, status=status)


def _choice(request: HttpRequest, way: flow.Way, side: Side) -> Choice:
    system = way.system(side)
    assert system is not None  # noqa: S101  both are there, or the page leads back
    problem = ""
    found: list[connecting.Found] = []
    try:
        found = connecting.resources_of(system)
    except ConnectorError as error:
        problem = secrets.scrub(str(error), secrets.values_of(system))
    row = way.resource(side)
    before = next((one.info.name for one in found if row is not None and one.row == row), "")
    picked = request.POST.get(side.value, before)
    one = next((one for one in found if one.info.name == picked), None)
    error = ""
    if request.method == "POST" and (one is None or one.keyless):
        error = (
            _("Pick one.")
            if one is None
            else _("It has no key by which a record can be told from the others.")
        )
    choice = connecting.way_of(system)
    return Choice(side, system, found, problem, picked, bool(choice and choice.offer.resource), error)


def _taken(choice: Choice, by: str) -> Resource:
    one = next(one for one in choice.found if one.info.name == choice.picked)
    return connecting.take(choice.system, one, by=by)


class NameForm(forms.Form):
    """What a resource is called that a person describes."""

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=50,
        required=False,
        help_text=gettext_lazy("Short: letters, digits, - and _; made of the path if empty"),
        widget=forms.TextInput(attrs={"class": "sa-input", "autocomplete": "off"}),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(ADD_RESOURCE)
def describe(request: HttpRequest, name: str) -> HttpResponse:
    """Say where the records of a resource are, for a system that can't tell which it has."""
    way, system = asked_way(request), get_object_or_404(System, name=name)
    choice = connecting.way_of(system)
    if choice is None or not choice.offer.resource:
        raise Http404("This system tells by itself which resources it has.")
    given = request.POST if request.method == "POST" else None
    asked = typedform.settings_of(choice.resource_model, choice.offer.resource, choice.offer.resource[1:])
    form = typedform.TypedForm(given, asked, examples=choice.offer.examples)
    called = NameForm(given)
    if given is not None and called.is_valid() & form.is_valid():
        document, _typed = form.document({}, name)
        place = str(document.get(choice.offer.resource[0], "")).strip("/").rpartition("/")[2]
        taken = system.resources.values_list("name", flat=True)
        short = called.cleaned_data["name"] or connecting.name_for(place, taken, "records")
        try:
            row, told = connecting.try_resource(system, short, document, by=request.user.get_username())
        except connecting.Refused as refused:
            for problem in refused.problems:
                form.add_error(form.place([str(problem.path[-1])] if problem.path else []), problem.text)
        else:
            if row is not None:
                return to("syncadmin:connect-resources", way)
            form.add_error(None, told)
    context = {"way": way, "system": system, "form": form, "called": called, "query": way.query()}
    status = 422 if form.errors or called.errors else 200
    return shell(request, "syncadmin/connect_describe.html", context, title=TITLE, status=status)


# ---------------------------------------------------------------- looking at what was picked


@dataclass(frozen=True, slots=True)
class Looked:
    """A resource as its system has it now. `columns` may say when a record was changed; '': none is taken."""

    side: Side
    resource: Resource
    info: ResourceInfo | None
    items: list[CheckItem]
    can: Capabilities | str
    columns: list[str]
    modified: str

    @property
    def readable(self) -> bool:
        """Whether a survey can read it; writing is not its business."""
        return self.info is not None and all(item.ok or item.name.endswith("writable") for item in self.items)

    @property
    def only_reads(self) -> bool:
        """Whether it can be read, and not be written."""
        return self.readable and not all(item.ok for item in self.items)


class ReadForm(StartForm):
    """How much a survey reads."""

    left = None  # the address says which
    right = None


@require_http_methods(["GET", "HEAD", "POST"])
@page(SURVEY)
def survey(request: HttpRequest) -> HttpResponse:
    """What the two resources allow and promise; from here their survey is started."""
    way = asked_way(request)
    if way.left is None or way.right is None:
        return to("syncadmin:connect-resources", way)
    form = ReadForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        amounts = {name: form.cleaned_data[name] for name in ("sample", "budget")}
        started = surveys.start(way.left, way.right, user=request.user, **amounts)
        enqueue_survey(started.pk)
        return HttpResponseRedirect(reverse("syncadmin:survey", args=[started.pk]))
    looked = [_look(way, side) for side in SIDES]
    before = Survey.objects.defer("result", "left_profile", "right_profile")
    context = {
        "way": way,
        "looked": looked,
        "readable": all(one.readable for one in looked),
        "form": form,
        "surveys": before.filter(left=way.left, right=way.right)[:5],
        "mapping": Mapping.objects.filter(left=way.left, right=way.right).first(),
        "query": way.query(),
        "may_change": request.user.has_perm(CHANGE_RESOURCE),
    }
    return shell(
        request, "syncadmin/connect_survey.html", context, title=TITLE, status=422 if form.errors else 200
    )


def _look(way: flow.Way, side: Side) -> Looked:
    resource = way.resource(side)
    assert resource is not None  # noqa: S101  both are there, or the page leads back
    info, items = connecting.look_at(resource)
    can = promises(resource.system).get(resource.name, "") if info is not None else ""
    columns = []
    if info is not None and "table" in resource.config:
        columns = [one.name for one in info.fields if one.type in TIMES and one.name != info.key]
    return Looked(side, resource, info, items, can, columns, resource.config.get("modified") or "")


@require_POST
@page(CHANGE_RESOURCE)
def changes(request: HttpRequest, resource_id: int) -> HttpResponse:
    """Say which column tells when a row was changed; none: every pass compares the whole table."""
    resource = get_object_or_404(Resource.objects.select_related("system"), pk=resource_id)
    config = {key: value for key, value in resource.config.items() if key not in ("modified", "changes")}
    if column := request.POST.get("modified", ""):
        config["modified"] = column
    try:
        connecting.name_resource(resource.system, resource.name, config, by=request.user.get_username())
    except connecting.Refused as refused:
        raise Http404(str(refused.problems)) from None
    return HttpResponseRedirect(address_of("syncadmin:connect-survey", asked_way(request)))
