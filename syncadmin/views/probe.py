"""The probe of a mapping: name records, see what would be written to them, watch, and take the advice."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connectors.base import ConnectorError
from syncadmin import probeadvice, probepages, probes
from syncadmin.config.problems import BadConfig
from syncadmin.core.side import SIDES, Side
from syncadmin.jobs import enqueue_comparison, enqueue_probe
from syncadmin.models import Mapping, Probe
from syncadmin.permissions import CHANGE_MAPPING, REHEARSE, VIEW_MAPPING
from syncadmin.selectors import probing
from syncadmin.web import page, shell


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The newest probe, and the form that names records. HTMX asks again while one is at work."""
    return _page(request, _mapping(name))


@require_POST
@page(REHEARSE)
def preview(request: HttpRequest, name: str) -> HttpResponse:
    """What would be written to which records. Both are looked at; nothing is written."""
    mapping = _mapping(name)
    try:
        foreseen = probes.foresee(mapping, _keys(request.POST), request.POST.getlist("field"))
    except (probes.NotProbed, ConnectorError) as error:
        return _page(request, mapping, asked=request.POST, problem=str(error))
    return _page(request, mapping, asked=request.POST, foreseen=foreseen)


@require_POST
@page(REHEARSE)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have a worker probe these records, and put everything back."""
    mapping, asked = _mapping(name), request.POST
    try:
        made = probes.start(
            mapping,
            _keys(asked),
            asked.getlist("field"),
            consent=asked.get("consent") == "yes",
            user=request.user,
        )
    except probes.NotProbed as error:
        return _page(request, mapping, asked=asked, problem=str(error))
    enqueue_probe(made.pk)
    return _back(request, mapping)


@require_POST
@page(REHEARSE)
def clean(request: HttpRequest, name: str) -> HttpResponse:
    """Have a worker put back what probes of the mapping have left behind."""
    mapping = _mapping(name)
    for number in probes.clean_up(mapping):
        enqueue_probe(number)
    return _back(request, mapping)


@require_POST
@page(CHANGE_MAPPING)
def take(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Set in the mapping what a probe proposes."""
    mapping = _mapping(name)
    found = get_object_or_404(Probe, mapping=mapping, pk=number)
    try:
        version = probeadvice.take_over(mapping, found, by=request.user.get_username())
    except probeadvice.NotTaken as error:
        return _page(request, _mapping(name), problem=str(error))
    except BadConfig as error:
        return _page(request, mapping, problem="; ".join(problem.text for problem in error.problems))
    if version is not None:
        enqueue_comparison(version.pk)
        return HttpResponseRedirect(reverse("syncadmin:version", args=[mapping.name, version.number]))
    return HttpResponseRedirect(f"{reverse('syncadmin:probe', args=[mapping.name])}#probe-advice")


def _keys(asked: QueryDict) -> dict[Side, str]:
    """The records that the form names, as far as it does."""
    return {side: asked.get(side.value, "").strip() for side in SIDES}


def _mapping(name: str) -> Mapping:
    related = Mapping.objects.select_related("left__system", "right__system", "state")
    return get_object_or_404(related.prefetch_related("fields"), name=name)


def _back(request: HttpRequest, mapping: Mapping) -> HttpResponse:
    if request.htmx:
        return _page(request, mapping)
    return HttpResponseRedirect(reverse("syncadmin:probe", args=[mapping.name]))


def _page(
    request: HttpRequest,
    mapping: Mapping,
    *,
    asked: QueryDict | None = None,
    foreseen: Any = None,
    problem: str = "",
) -> HttpResponse:
    newest = Probe.objects.filter(mapping=mapping).first()
    holds = list(newest.holds.select_related("resource__system").order_by("id")) if newest else []
    silent = newest is not None and probing.silent(newest, timezone.now())
    working = newest is not None and newest.state in probes.WORKING and not silent
    chosen = asked.getlist("field") if asked is not None else []
    context: dict[str, Any] = {
        "mapping": mapping,
        "newest": newest,
        "working": working,
        "silent": silent,
        "problem": problem,
        "owed": [hold for hold in holds if hold.settled_at is None] if not working else [],
        "ended": probepages.ended(mapping, holds),
        "groups": probepages.groups(mapping, newest) if newest else [],
        "advice": probeadvice.advice(mapping, newest) if newest else [],
        "foreseen": probepages.foreseen(mapping, foreseen) if foreseen else None,
        "places": [
            (side.value, mapping.resource(side), asked.get(side.value, "") if asked is not None else "")
            for side in SIDES
        ],
        "fields": [(f.name, not chosen or f.name in chosen) for f in probes.fields_of(mapping)],
        "chosen": chosen,
        "total": probes.expected(mapping, newest) if newest and working else 0,
        "done": len(holds),
        "may_probe": request.user.has_perm(REHEARSE),
        "may_take": request.user.has_perm(CHANGE_MAPPING),
    }
    context["well"] = bool(context["ended"]) and all(one.well for one in context["ended"])
    context["open_advice"] = any(one.settings and not one.taken for one in context["advice"])
    status = 422 if problem and not request.htmx else 200
    return shell(request, "syncadmin/probe.html", context, title=_("Probe"), status=status)
