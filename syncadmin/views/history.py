"""History: the journal on one timeline, filterable; one record's timeline; exports as CSV and JSON lines."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from conflicts.models import Conflict
from syncadmin import exports
from syncadmin.core.plan import Disposition
from syncadmin.core.side import SIDES
from syncadmin.models import EntryKind, Link, Mapping
from syncadmin.selectors.journal import JournalFilter, events
from syncadmin.selectors.records import names_of
from syncadmin.web import newest, page, shell

VIEW = "syncadmin.view_entry"


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """The journal, newest first."""
    wanted = JournalFilter.read(request.GET)
    context = {
        **_timeline(request, wanted),
        "mappings": Mapping.objects.only("name", "label"),
        "kinds": EntryKind.values,
        "dispositions": list(Disposition),
        "sides": SIDES,
    }
    return shell(request, "syncadmin/history.html", context, title=_("History"))


@require_GET
@page(VIEW)
def record(request: HttpRequest, mapping: str, link_id: int) -> HttpResponse:
    """Everything that ever happened to one linked record, on one timeline."""
    found = get_object_or_404(
        Link.objects.select_related("mapping__left__system", "mapping__right__system"),
        pk=link_id,
        mapping__name=mapping,
    )
    context = {
        **_timeline(request, JournalFilter(mapping=mapping, link=link_id)),
        "link": found,
        "name": names_of([link_id]).get(link_id, ""),
        "waiting": Conflict.objects.live().filter(link=found).first(),
        "may_see_conflicts": request.user.has_perm("conflicts.view_conflict"),
    }
    return shell(request, "syncadmin/record.html", context, title=_("History of a record"))


@require_GET
@page(VIEW)
def export(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The filtered journal as a file, oldest first, streamed."""
    if form not in exports.FORMS:
        raise Http404(f"Exports are: {', '.join(exports.FORMS)}.")
    content_type, lines = exports.FORMS[form]
    entries = JournalFilter.read(request.GET).entries().order_by("pk")
    response = StreamingHttpResponse(lines(entries.iterator(chunk_size=2000)), content_type=content_type)
    name = f"history-{timezone.now():%Y%m%d-%H%M%S}.{form}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _timeline(request: HttpRequest, wanted: JournalFilter) -> dict[str, object]:
    shown = newest(wanted.entries(), request.GET.get("before"))
    return {
        "wanted": wanted,
        "shown": shown,
        "events": events(shown.items),
        "first": "before" not in request.GET,
    }
