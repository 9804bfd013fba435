"""A pass that a guard stopped: the evidence, and the one-time approval of exactly that plan."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import services
from syncadmin.core.side import SIDES
from syncadmin.jobs import enqueue_pass
from syncadmin.models import GuardStop
from syncadmin.web import page, shell

VIEW = "syncadmin.view_guardstop"
APPROVE = "syncadmin.approve_guardstop"


@require_GET
@page(VIEW)
def detail(request: HttpRequest, stop_id: int) -> HttpResponse:
    """What would happen, in numbers and examples, before anything happens."""
    return _stop(request, stop_id)


@require_POST
@page(APPROVE)
def approve(request: HttpRequest, stop_id: int) -> HttpResponse:
    """Let exactly this plan go on, once."""
    try:
        stop = services.approve(stop_id, request.user)
    except GuardStop.DoesNotExist as error:
        raise Http404("This guard stop is gone.") from error
    except services.Overtaken:
        return _stop(request, stop_id, overtaken=True, status=200 if request.htmx else 409)
    enqueue_pass(stop.mapping_id)
    if request.htmx:
        return _stop(request, stop_id)
    return HttpResponseRedirect(reverse("syncadmin:guard_stop", args=[stop_id]))


def _stop(request: HttpRequest, stop_id: int, *, overtaken: bool = False, status: int = 200) -> HttpResponse:
    related = ("mapping__left__system", "mapping__right__system", "approved_by", "stopped_pass")
    stop = get_object_or_404(GuardStop.objects.select_related(*related), pk=stop_id)
    systems = {side.value: str(stop.mapping.resource(side).system) for side in SIDES}
    counts = stop.evidence.get("counts", {})
    sample = stop.evidence.get("sample", [])
    context = {
        "stop": stop,
        "known": stop.evidence.get("known"),
        "counts": [(systems[side], counts[side]) for side in systems if side in counts],
        "losses": [
            {**loss, "system": systems.get(loss["side"], "")} for loss in stop.evidence.get("losses", [])
        ],
        "fields": _fields(stop.evidence.get("fields", {}), systems),
        "sample": [
            {**row, "system": systems.get(row.get("side", ""), ""), "rows": _rows(row)} for row in sample
        ],
        "overtaken": overtaken,
        "may_approve": request.user.has_perm(APPROVE),
    }
    return shell(request, "syncadmin/guard_stop.html", context, title=_("Stopped by a guard"), status=status)


def _fields(counts: dict[str, int], systems: dict[str, str]) -> list[tuple[str, str, int]]:
    """What would be written, most frequent first: (system, what, how many)."""
    rows = []
    for name, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        side, _space, what = name.partition(" ")
        operation, _space, field = what.partition(" ")
        rows.append((systems.get(side, side), f"{_(operation)} {field}".rstrip(), count))
    return rows


def _rows(example: dict[str, dict[str, object]]) -> list[tuple[str, object, object]]:
    before, after = example.get("from", {}), example.get("to", {})
    return [(name, before.get(name), after[name]) for name in after]
