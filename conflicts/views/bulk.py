"""Bulk runs in the browser: choose a rule, look at the preview, confirm once, watch, undo."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conflicts import bulkpages
from conflicts.cards.outcomes import PICK_WORDS
from conflicts.census import Census, Tally
from conflicts.models import BulkItemState, BulkRun, RunKind, RunState
from conflicts.selectors import InboxFilter
from conflicts.services import bulk
from conflicts.taken import KINDS, Taken, Unclear
from syncadmin.core.bulk import Rule
from syncadmin.core.plan import PickKind
from syncadmin.jobs import enqueue_bulk
from syncadmin.models import Mapping
from syncadmin.web import newest, page, shell, whole_number

from .inbox import VIEW

BULK = "conflicts.bulk_resolve_conflict"
MOST_TICKED = 1000
PAGE = 50


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """All runs, newest first."""
    shown = newest(BulkRun.objects.select_related("of"), request.GET.get("before"))
    return shell(request, "conflicts/bulk/list.html", {"shown": shown}, title=_("Bulk runs"))


@require_http_methods(["GET", "HEAD", "POST"])
@page(BULK)
def new(request: HttpRequest) -> HttpResponse:
    """Choose a rule for the items of a filter, or for ticked ones; then the preview is prepared."""
    ticked = _ticked(request)
    wanted = InboxFilter.read(request.GET, request.user).for_all()
    error = ""
    if request.method == "POST":
        rule = request.POST.get("rule", "")
        if rule in list(Rule):
            run = bulk.start(Rule(rule), request.user, query=wanted.query(), ticked=ticked)
            if not bulk.prepare(run.pk, bulk.LOOKED_AT_ONCE):
                enqueue_bulk(run.pk)
            return HttpResponseRedirect(reverse("conflicts:bulk", args=[run.pk]))
        error = _("Choose a rule first.")
    systems = Mapping.objects.select_related("left__system", "right__system")
    of_one = systems.filter(name=wanted.mapping).first() if wanted.mapping else _only(systems)
    tally = Tally(len(ticked)) if ticked else Census().count(wanted)
    context = {
        "wanted": wanted,
        "ticked": ticked,
        "count": tally.number,
        "more": tally.more,
        "rules": bulkpages.rules(wanted, of_one),
        "error": error,
    }
    title = _("Decide many at once")
    return shell(request, "conflicts/bulk/new.html", context, title=title, status=422 if error else 200)


def _only(mappings: Any) -> Mapping | None:
    found = list(mappings[:2])
    return found[0] if len(found) == 1 else None


def _ticked(request: HttpRequest) -> list[int]:
    texts = request.POST.getlist("ticked") or request.GET.getlist("ticked")
    numbers = [whole_number(text) for text in texts[:MOST_TICKED]]
    return sorted({number for number in numbers if number})


@require_GET
@page(VIEW)
def show(request: HttpRequest, run_id: int) -> HttpResponse:
    """One run: its preview, its progress or its result. HTMX asks again while it is at work."""
    return _page(request, _run(run_id))


def _page(request: HttpRequest, run: BulkRun, note: str = "") -> HttpResponse:
    working = run.state in (RunState.PREPARING, RunState.RUNNING)
    over = run.state in (RunState.DONE, RunState.CANCELLED)
    left_out = [] if run.state == RunState.PREPARING else bulkpages.left_out(run)
    context = {
        "run": run,
        "note": note,
        "over": over,
        "working": working,
        "limit": bulk.LIMIT,
        "counted": bulkpages.counted(run),
        "left_out": left_out,
        "shown_left_out": [] if over else left_out,  # a run at its end shows them above, as its result
        "skipped": bulkpages.skipped(run),
        "sample": [] if working else _sample(run),
        "excluded": run.seen - run.chosen,
        "undone": run.undos.exclude(state=RunState.CANCELLED).order_by("-pk").first(),
        "rule_words": _rule_words(run),
        "may_decide": request.user.has_perm(BULK),
        "mine": run.user_id == request.user.pk,
    }
    return shell(request, "conflicts/bulk/run.html", context, title=_title(run))


def _title(run: BulkRun) -> str:
    if run.kind == RunKind.UNDO and run.of_id is None:
        return _("Undo of decisions")
    if run.kind == RunKind.UNDO:
        return _("Undo of bulk run #%(number)s") % {"number": run.of_id}
    return _("Bulk run #%(number)s") % {"number": run.pk}


def _rule_words(run: BulkRun) -> str:
    if run.kind == RunKind.UNDO:
        return ""
    mappings = list(bulk.mappings_of(run).values())
    rules = bulkpages.rules(InboxFilter(), mappings[0] if len(mappings) == 1 else None)
    return next((title for rule, title, _text in rules if rule == run.rule), run.rule)


def _sample(run: BulkRun) -> list[bulkpages.Row]:
    state = BulkItemState.CHOSEN if run.state == RunState.READY else BulkItemState.DECIDED
    if run.state != RunState.READY and run.kind == RunKind.DECIDE:
        return []  # what was decided is in the history, with what became of it
    items = bulkpages.with_values(run.items.filter(state=state).order_by("id"))
    return bulkpages.rows(run, items[: bulkpages.SAMPLE])


@require_GET
@page(VIEW)
def items(request: HttpRequest, run_id: int) -> HttpResponse:
    """The items of a run, by state and reason, a page at a time."""
    run = _run(run_id)
    found = _filtered(request, run)
    after = whole_number(request.GET.get("after")) or 0
    rows = list(bulkpages.with_values(found.filter(pk__gt=after).order_by("pk"))[: PAGE + 1])
    context = {
        "run": run,
        "rows": bulkpages.rows(run, rows[:PAGE]),
        "next": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "state": request.GET.get("state", ""),
        "reason": request.GET.get("reason", ""),
        "reason_words": bulkpages.reason_words(request.GET.get("reason", "")),
        "title_of_run": _title(run),
    }
    return shell(request, "conflicts/bulk/items.html", context, title=_title(run))


def _filtered(request: HttpRequest, run: BulkRun) -> Any:
    found = run.items.all()
    if request.GET.get("state") in BulkItemState.values:
        found = found.filter(state=request.GET["state"])
    if request.GET.get("reason"):
        found = found.filter(reason=request.GET["reason"][:20])
    return found


class _Line:
    """A file whose `write` hands the line on."""

    def write(self, text: str) -> str:
        return text


@require_GET
@page(VIEW)
def export(request: HttpRequest, run_id: int) -> StreamingHttpResponse:
    """The items of a run as CSV, streamed; formula cells are made harmless."""
    run = _run(run_id)
    writer = csv.writer(_Line())
    found = _filtered(request, run).order_by("pk")

    def lines() -> Iterator[str]:
        yield "\ufeff"  # spreadsheets read UTF-8 only with this mark
        for row in bulkpages.csv_rows(run, found):
            yield writer.writerow(row)

    response = StreamingHttpResponse(lines(), content_type="text/csv; charset=utf-8")
    name = f"bulk-run-{run.pk}-{timezone.now():%Y%m%d-%H%M%S}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@page(BULK)
def confirm(request: HttpRequest, run_id: int) -> HttpResponse:
    """Let a run that is ready run: once, and only by whoever looked at its preview."""
    run = _run(run_id)
    if run.user_id != request.user.pk:
        return _page(request, run, _("Only %(who)s can confirm this run.") % {"who": run.actor})
    if bulk.confirm(run.pk):
        enqueue_bulk(run.pk)
    return _back(request, run)


@require_POST
@page(BULK)
def cancel(request: HttpRequest, run_id: int) -> HttpResponse:
    """Stop a run; what is decided stays decided."""
    run = _run(run_id)
    bulk.cancel(run.pk)
    return _back(request, run)


@require_POST
@page(BULK)
def undo(request: HttpRequest, run_id: int) -> HttpResponse:
    """Prepare the undo of a run, or an undo once more with what has moved: a run with a preview."""
    run = _run(run_id)
    if run.kind == RunKind.UNDO:
        made = bulk.start_undo(run.of, request.user, query=run.query, override="override" in request.POST)
    elif run.state in (RunState.DONE, RunState.CANCELLED):
        made = bulk.start_undo(run, request.user, override="override" in request.POST)
    else:
        raise Http404("There is nothing to undo.")
    return _previewed(made)


@require_http_methods(["GET", "HEAD", "POST"])
@page(BULK)
def undo_many(request: HttpRequest) -> HttpResponse:
    """Choose decisions to take back: by time, pass, person, choice or mapping; then comes the preview."""
    error = ""
    if request.method == "POST":
        try:
            wanted = Taken.read(request.POST)
        except Unclear as problem:
            error = str(problem)
        else:
            return _previewed(bulk.start_undo(None, request.user, query=wanted.query()))
    systems = list(Mapping.objects.select_related("left__system", "right__system"))
    pairs = {(str(m.left.system), str(m.right.system)) for m in systems}
    context = {
        "error": error,
        "given": request.POST if error else request.GET,
        "mappings": systems,
        "kinds": [(kind, _choice_words(kind, pairs)) for kind in KINDS],
    }
    return shell(request, "conflicts/bulk/undo.html", context, title=_("Undo of decisions"))


def _choice_words(kind: PickKind, pairs: set[tuple[str, str]]) -> str:
    if kind in (PickKind.LEFT, PickKind.RIGHT):
        if len(pairs) == 1:
            return next(iter(pairs))[kind == PickKind.RIGHT]
        return _("the left side") if kind == PickKind.LEFT else _("the right side")
    return str(PICK_WORDS[kind])


def _previewed(made: BulkRun) -> HttpResponse:
    if not bulk.prepare(made.pk, bulk.LOOKED_AT_ONCE):
        enqueue_bulk(made.pk)
    return HttpResponseRedirect(reverse("conflicts:bulk", args=[made.pk]))


def _back(request: HttpRequest, run: BulkRun) -> HttpResponse:
    if request.htmx:
        return _page(request, _run(run.pk))
    return HttpResponseRedirect(reverse("conflicts:bulk", args=[run.pk]))


def _run(run_id: int) -> BulkRun:
    return get_object_or_404(BulkRun.objects.select_related("of", "user"), pk=run_id)
