"""The front door: connect two systems, one after the other, pick their resources, and have them surveyed.

Which sides are meant is in the address (`?left=crm&right=erp.kunden`), never in a session: every page can be
left, sent to a colleague, and come back to.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from connectors.base import ConnectorError
from syncadmin import connecting, tracking, typedform
from syncadmin.config import secrets
from syncadmin.config.connect import try_connection
from syncadmin.config.convert import system_document
from syncadmin.config.export import as_yaml
from syncadmin.config.load import SYSTEM_KEYS
from syncadmin.config.systems import redirected
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Mapping, Survey, System
from syncadmin.permissions import ADD_SYSTEM, CHANGE_SYSTEM, VIEW_SYSTEM
from syncadmin.selectors import flow
from syncadmin.web import page, shell

TITLE = gettext_lazy("Connect two systems")


class NameForm(forms.Form):
    """What people call a system; its short name is made of it."""

    label = forms.CharField(
        label=gettext_lazy("What do you call it?"),
        max_length=100,
        widget=forms.TextInput(attrs={"class": "sa-input", "autocomplete": "off"}),
    )


@require_GET
@page(VIEW_SYSTEM)
def start(request: HttpRequest) -> HttpResponse:
    """Which system is on the left, which on the right? And what somebody has begun."""
    way = asked_way(request)
    side = next((side for side in SIDES if way.system(side) is None), None)
    if side is None:
        return to("syncadmin:connect-resources", way)
    other = way.system(side.other)
    systems = [
        {
            "system": system,
            "address": address_of("syncadmin:connect-system", way.with_system(side, system), system.name),
        }
        for system in System.objects.prefetch_related("resources").order_by("label", "name")
    ]
    context = {
        "way": way,
        "side": side,
        "other": other,
        "systems": systems,
        "offers": [{"offer": w.offer, "connector": w.connector} for w in connecting.ways()],
        "query": way.query().replace("?", "&", 1),
        "begun": _begun() if not way.query() else [],
        "may_add": request.user.has_perm(ADD_SYSTEM),
    }
    return shell(request, "syncadmin/connect.html", context, title=TITLE)


def _begun() -> list[dict[str, Any]]:
    """Mappings and surveys that somebody has begun and not brought to an end, newest first."""
    mappings = Mapping.objects.filter(enabled=False).select_related("left__system", "right__system")
    rows = [
        {
            "words": str(m),
            "left": m.left,
            "right": m.right,
            "address": reverse("syncadmin:setup", args=[m.name]),
        }
        for m in mappings.order_by("-pk")[:10]
    ]
    surveys = Survey.objects.defer("result", "left_profile", "right_profile").filter(mapping=None)
    seen = {(m.left_id, m.right_id) for m in Mapping.objects.all()}
    for survey in surveys.select_related("left__system", "right__system").order_by("-pk")[:50]:
        pair = (survey.left_id, survey.right_id)
        if pair not in seen:
            seen.add(pair)
            address = reverse("syncadmin:survey", args=[survey.pk])
            rows.append(
                {"words": str(survey), "left": survey.left, "right": survey.right, "address": address}
            )
    return rows[:10]


@require_http_methods(["GET", "HEAD", "POST"])
@page(ADD_SYSTEM)
def new(request: HttpRequest, offer: str) -> HttpResponse:
    """Connect a new system: what the chosen way asks for, tested before anything is stored."""
    way, side = asked_way(request), _side(request)
    choice = connecting.way_named(offer)
    if choice is None:
        raise Http404("There is no such way to connect.")
    given = request.POST if request.method == "POST" else None
    form = typedform.form_for(choice.model, choice.offer, given)
    called = NameForm(given, initial={"label": ""})
    if given is not None and called.is_valid() & form.is_valid():
        label = called.cleaned_data["label"].strip()
        name = connecting.name_for(label, System.objects.values_list("name", flat=True), choice.offer.name)
        settings, typed = form.document({"connector": choice.connector, **choice.offer.settings}, name)
        try:
            system, _items = connecting.connect(
                name, {"label": label, **settings}, typed, by=request.user.get_username()
            )
        except connecting.Refused as refused:
            tell(form, refused, typed)
        else:
            return to("syncadmin:connect-system", way.with_system(side, system), system.name)
    context = {"way": way, "side": side, "choice": choice, "form": form, "called": called}
    return shell(request, "syncadmin/connect_new.html", context, title=TITLE, status=_status(form, called))


@require_http_methods(["GET", "HEAD", "POST"])
@page(CHANGE_SYSTEM)
def settings(request: HttpRequest, name: str) -> HttpResponse:
    """Correct how a system is reached; secrets that are set stay set unless they are typed anew."""
    way, system = asked_way(request), get_object_or_404(System, name=name)
    choice = connecting.way_of(system)
    if choice is None:
        return HttpResponseRedirect(reverse("admin:syncadmin_system_change", args=[system.pk]))
    given = request.POST if request.method == "POST" else None
    known = secrets.values_of(system)
    form = typedform.form_for(choice.model, choice.offer, given, kept=system.config, known=known)
    if given is not None and form.is_valid():
        changed, typed = form.document({}, name)
        stored = system_document(system)
        kept = {
            key: stored[key] for key in ("connector", "label", "record_url", "resources") if key in stored
        }
        again = form.kept_secrets() if redirected(system.config, _settings_alone(changed)) else []
        for secret in again:
            form.add_error(secret, _("Type it again: what you have changed says where it is sent to."))
        try:
            if not again:
                connecting.connect(name, {**kept, **changed}, typed, by=request.user.get_username())
                return to("syncadmin:connect-system", way, name)
        except connecting.Refused as refused:
            tell(form, refused, {**known, **typed})
    side = next((side for side in SIDES if way.system(side) == system), _side(request))
    context = {"way": way, "side": side, "choice": choice, "form": form, "system": system}
    return shell(request, "syncadmin/connect_new.html", context, title=TITLE, status=_status(form))


def _settings_alone(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in SYSTEM_KEYS}


@require_GET
@page(VIEW_SYSTEM)
def system(request: HttpRequest, name: str) -> HttpResponse:
    """The answer of the connection test, and what the system has."""
    way, row = asked_way(request), get_object_or_404(System, name=name)
    items = try_connection(row)
    well = all(item.ok for item in items if item.settings or item.name == "configuration")
    found, problem = _resources(row) if well else ([], "")
    context = {
        "way": way,
        "side": next((side for side in SIDES if way.system(side) == row), Side.LEFT),
        "system": row,
        "items": [item for item in items if ":" not in item.name and not item.name.startswith("resource ")],
        "well": well,
        "found": found,
        "problem": problem,
        "describes": _describes(row),
        "tracks": tracking.trackable(row) and row.resources.exists(),
        "file": as_yaml({"systems": {row.name: system_document(row)}}),
        "next": _next(way),
        "query": way.query(),
        "may_change": request.user.has_perm(CHANGE_SYSTEM),
    }
    return shell(request, "syncadmin/connect_system.html", context, title=TITLE)


def _next(way: flow.Way) -> str:
    step = flow.current(flow.steps(way))
    return step.address if step is not None else ""


def _resources(row: System) -> tuple[list[connecting.Found], str]:
    """What a system has, or why it can't be told."""
    try:
        return connecting.resources_of(row), ""
    except ConnectorError as error:
        return [], secrets.scrub(str(error), secrets.values_of(row))


def _describes(row: System) -> bool:
    """Whether a person has to say where its resources are, because the system can't."""
    choice = connecting.way_of(row)
    return choice is not None and bool(choice.offer.resource)


def tell(form: typedform.TypedForm, refused: connecting.Refused, typed: dict[str, str]) -> None:
    """Put what is wrong at the fields that it concerns."""
    for problem in refused.problems:
        field = form.place([problem.place])
        text = problem.text if field or not problem.path else f"{problem.place}: {problem.text}"
        form.add_error(field, secrets.scrub(text, typed))
    for item in refused.items:
        if not item.ok:
            parts = [item.detail.rstrip("."), item.remedy[:1].upper() + item.remedy[1:]]
            words = ". ".join(part for part in parts if part)
            form.add_error(form.place(item.settings), secrets.scrub(words or item.name, typed))


def _status(*given: forms.Form) -> int:
    return 422 if any(form.errors for form in given) else 200


def asked_way(request: HttpRequest) -> flow.Way:
    """Both sides, as far as the address names them."""
    return flow.of_names({side.value: request.GET.get(side.value, "") for side in SIDES})


def _side(request: HttpRequest) -> Side:
    """The side that is being connected: the address says it, else the first that is missing."""
    asked = request.GET.get("side")
    return Side.RIGHT if asked == Side.RIGHT.value else Side.LEFT


def address_of(name: str, way: flow.Way, *arguments: str) -> str:
    """The address of a page of the flow, with both sides in it."""
    return f"{reverse(name, args=arguments)}{way.query()}"


def to(name: str, way: flow.Way, *arguments: str) -> HttpResponse:
    """Leads to a page of the flow."""
    return HttpResponseRedirect(address_of(name, way, *arguments))
