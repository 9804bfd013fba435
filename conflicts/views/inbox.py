"""The inbox in the browser: the list of what waits, beside the open card."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from conflicts import selectors
from conflicts.census import Census
from conflicts.models import ConflictState
from conflicts.selectors import InboxFilter
from syncadmin.core.plan import ConflictKind
from syncadmin.models import FieldMapping, Mapping
from syncadmin.web import page, shell, whole_number

VIEW = "conflicts.view_conflict"
RESOLVE = "conflicts.resolve_conflict"


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """The inbox. HTMX gets the list alone (filters, paging, polling)."""
    return render(request, "conflicts/list.html", queue(request))


def queue(request: HttpRequest) -> dict[str, Any]:
    """The context of the list: one page of items, the filter and the count."""
    wanted = InboxFilter.read(request.GET)
    census = Census()
    shown = selectors.page(wanted, whole_number(request.GET.get("after")) or 0, census=census)
    count = census.total
    return {
        "wanted": wanted,
        "shown": shown,
        "after": whole_number(request.GET.get("after")),
        "count": count,
        "counted_to": selectors.COUNT_LIMIT,
        "mappings": Mapping.objects.only("name", "label"),
        "field_names": FieldMapping.objects.order_by("name").values_list("name", flat=True).distinct()[:200],
        "kinds": list(ConflictKind),
        "states": [*ConflictState.values, "all"],
    }


def render(request: HttpRequest, template: str, context: dict[str, Any], code: int = 200) -> HttpResponse:
    """A page of the inbox; HTMX gets the part that it swaps."""
    return shell(
        request,
        template,
        context,
        title="Inbox",
        full="conflicts/inbox.html",
        partial="conflicts/partial.html",
        status=code,
    )
