"""Passes: what ran, how far the running ones are, what each did."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from syncadmin.models import Mapping, Pass, PassState
from syncadmin.web import newest, page, query_without, shell

VIEW = "syncadmin.view_pass"


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """The newest passes, by mapping and state. HTMX polls the first page."""
    passes: QuerySet[Pass] = Pass.objects.select_related("mapping")
    mapping, state = request.GET.get("mapping", ""), request.GET.get("state", "")
    if mapping:
        passes = passes.filter(mapping__name=mapping)
    if state in PassState.values:
        passes = passes.filter(state=state)
    context = {
        "shown": newest(passes, request.GET.get("before")),
        "first": "before" not in request.GET,
        "query": query_without(request, "before"),
        "mapping": mapping,
        "state": state,
        "mappings": Mapping.objects.only("name", "label"),
        "states": PassState.choices,
    }
    return shell(request, "syncadmin/passes.html", context, title=_("Passes"))


@require_GET
@page(VIEW)
def detail(request: HttpRequest, pass_id: int) -> HttpResponse:
    """One pass. HTMX polls it while it runs."""
    found = get_object_or_404(Pass.objects.select_related("mapping"), pk=pass_id)
    counts = {name: count for name, count in found.counts.items() if isinstance(count, int)}
    context = {
        "pass": found,
        "counts": counts,
        "stops": found.guard_stops.all(),
        "may_see_history": request.user.has_perm("syncadmin.view_entry"),
        "may_see_stops": request.user.has_perm("syncadmin.view_guardstop"),
    }
    return shell(request, "syncadmin/pass.html", context, title=_("Pass #%(number)s") % {"number": found.pk})
