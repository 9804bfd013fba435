"""The rehearsal of a mapping: make the plan of its first pass, look at it down to each record, approve it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import plan_exports, rehearsalpages, rehearsals
from syncadmin.core.rehearsed import Fate, Standing
from syncadmin.core.side import SIDES
from syncadmin.engine import approved
from syncadmin.jobs import enqueue_pass, enqueue_rehearsal
from syncadmin.models import Mapping, Rehearsal, RehearsalLine, RehearsalState
from syncadmin.permissions import APPROVE_GUARD_STOP, REHEARSE, VIEW_MAPPING
from syncadmin.selectors.rehearsal import rehearsed
from syncadmin.web import page, query_without, shell, whole_number

SIZE = 30


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The newest plan, or how far the one is that is being made. HTMX asks again while it is at work."""
    return _page(request, _mapping(name))


@require_POST
@page(REHEARSE)
def start(request: HttpRequest, name: str) -> HttpResponse:
    """Have a worker make a plan."""
    mapping = _mapping(name)
    enqueue_rehearsal(rehearsals.start(mapping, user=request.user).pk)
    return _back(request, mapping)


@require_POST
@page(REHEARSE)
def cancel(request: HttpRequest, name: str) -> HttpResponse:
    """Stop the plan that is being made."""
    mapping = _mapping(name)
    for row in Rehearsal.objects.filter(mapping=mapping, state__in=rehearsals.WORKING):
        rehearsals.cancel(row.pk)
    return _back(request, mapping)


@require_POST
@page(APPROVE_GUARD_STOP)
def approve(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Let exactly this plan be carried out, once."""
    mapping = _mapping(name)
    plan = get_object_or_404(Rehearsal, mapping=mapping, pk=number)
    text = request.POST.get("allowed", "").strip()
    allowed = whole_number(text) if text else 0
    try:
        rehearsals.approve(plan.pk, request.user, allowed=-1 if allowed is None else allowed)
    except rehearsals.NotApprovable as error:
        return _page(request, mapping, problem=str(error), status=200 if request.htmx else 409)
    if mapping.enabled:
        enqueue_pass(mapping.pk)
    return _back(request, mapping)


@require_POST
@page(APPROVE_GUARD_STOP)
def withdraw(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Take an approval back that no pass has begun to carry out."""
    mapping = _mapping(name)
    plan = get_object_or_404(Rehearsal, mapping=mapping, pk=number)
    rehearsals.withdraw(plan.pk, request.user)
    return _back(request, mapping)


@require_GET
@page(VIEW_MAPPING)
def records(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Records of a plan, by how they stand, what is done with them, or the field that differs."""
    mapping = _mapping(name)
    plan = get_object_or_404(
        Rehearsal.objects.select_related("moved_from"), mapping=mapping, pk=number, state=RehearsalState.DONE
    )
    lines = _asked(request, plan)
    after = whole_number(request.GET.get("after"))
    found = list((lines.filter(pk__gt=after) if after else lines).order_by("pk")[: SIZE + 1])
    context = {
        "mapping": mapping,
        "plan": plan,
        "systems": _systems(mapping),
        "records": rehearsalpages.records(mapping, found[:SIZE]),
        "next": found[SIZE - 1].pk if len(found) > SIZE else None,
        "query": query_without(request, "after"),
        "shown": request.GET.get("show", ""),
        "side": request.GET.get("side", ""),
        "field": request.GET.get("field", ""),
        "filters": _filters(mapping, plan),
    }
    return shell(request, "syncadmin/rehearsal_records.html", context, title=_("Records of the plan"))


@require_GET
@page(VIEW_MAPPING)
def export(request: HttpRequest, name: str, number: int, form: str) -> StreamingHttpResponse:
    """All records of a plan as a file."""
    plan = get_object_or_404(Rehearsal, mapping__name=name, pk=number, state=RehearsalState.DONE)
    if form not in plan_exports.FORMS:
        raise Http404(f"There is no export as {form}.")
    kind, lines = plan_exports.FORMS[form]
    response = StreamingHttpResponse(lines(plan), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="plan-{name}-{plan.pk}.{form}"'
    return response


def _asked(request: HttpRequest, plan: Rehearsal) -> QuerySet[RehearsalLine]:
    """The lines that the address asks for. Raises Http404 for what there is not."""
    show, side, field = (request.GET.get(name, "") for name in ("show", "side", "field"))
    if show.startswith("diff-"):
        if plan.moved_from is None:
            raise Http404("This plan is compared with none.")
        return _difference(show.removeprefix("diff-"), plan, plan.moved_from)
    lines = RehearsalLine.objects.filter(rehearsal=plan)
    if show == "held":
        lines = lines.filter(held=True)
    elif show in list(Standing):
        lines = lines.filter(standing=show)
    elif show in list(Fate):
        lines = lines.filter(fate=show)
    elif show:
        raise Http404(f"There are no records that are {show}.")
    if side:
        lines = lines.filter(Q(side=side) | Q(side=""))
    return lines.filter(columns__contains=f" {field} ") if field else lines


def _difference(name: str, plan: Rehearsal, before: Rehearsal) -> QuerySet[RehearsalLine]:
    found = approved.differences(plan, before)
    if name not in found:
        raise Http404(f"There are no {name} lines.")
    return found[name]


def _filters(mapping: Mapping, plan: Rehearsal) -> list[tuple[str, str, int]]:
    told = plan.result or {}
    rows = [(one.name, one.words, one.count) for one in rehearsalpages.parts(mapping, told)[1:]]
    if told.get("held"):
        rows.append(("held", _("for a person"), told["held"]))
    return [("", _("all"), told.get("lines", 0)), *rehearsalpages.moved(plan), *rows]


def _mapping(name: str) -> Mapping:
    related = ("left__system", "right__system", "state")
    return get_object_or_404(Mapping.objects.select_related(*related), name=name)


def _systems(mapping: Mapping) -> list[str]:
    return [str(mapping.resource(side).system) for side in SIDES]


def _back(request: HttpRequest, mapping: Mapping) -> HttpResponse:
    if request.htmx:
        return _page(request, mapping)
    return HttpResponseRedirect(reverse("syncadmin:rehearsal", args=[mapping.name]))


def _page(request: HttpRequest, mapping: Mapping, *, problem: str = "", status: int = 200) -> HttpResponse:
    standing = rehearsed(mapping)
    done = Rehearsal.objects.filter(mapping=mapping, state=RehearsalState.DONE)
    plan = done.select_related("approved_by", "moved_from__approved_by").first()
    context: dict[str, Any] = {
        "mapping": mapping,
        "stage": standing.stage,
        "newest": standing.newest,
        "working": standing.newest is not None and standing.newest.state in rehearsals.WORKING,
        "plan": plan,
        "problem": problem,
        "may_rehearse": request.user.has_perm(REHEARSE),
        "may_approve": request.user.has_perm(APPROVE_GUARD_STOP),
    }
    if plan is not None and plan.result is not None:
        told, cost = plan.result, plan.result.get("cost")
        context |= {
            "told": told,
            "read": [(str(mapping.resource(side).system), told["read"][side]) for side in SIDES],
            "parts": rehearsalpages.parts(mapping, told),
            "written": rehearsalpages.written(mapping, told),
            "columns": rehearsalpages.columns(mapping, told),
            "systems": _systems(mapping),
            "moved": rehearsalpages.moved(plan),
            "time": rehearsalpages.duration(cost["seconds"]) if cost else "",
            "lines_kept": plan.lines.exists() or not told["lines"],
        }
    title = _("Rehearsal")
    return shell(request, "syncadmin/rehearsal.html", context, title=title, status=status)
