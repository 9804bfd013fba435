"""Records that only one of the two systems has: which, since when, and why nothing is done about them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from syncadmin.core.side import SIDES
from syncadmin.models import Mapping, Unlinked
from syncadmin.selectors.one_sided import explained
from syncadmin.web import newest, page, query_without, shell

VIEW = "syncadmin.view_unlinked"


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """Records without a partner, newest first, by mapping and side."""
    rows: QuerySet[Unlinked] = Unlinked.objects.select_related(
        "mapping__left__system", "mapping__right__system"
    )
    mapping, side = request.GET.get("mapping", ""), request.GET.get("side", "")
    if mapping:
        rows = rows.filter(mapping__name=mapping)
    if side in SIDES:
        rows = rows.filter(side=side)
    shown = newest(rows, request.GET.get("before"))
    context = {
        "shown": shown,
        "records": explained(shown.items),
        "query": query_without(request, "before"),
        "mapping": mapping,
        "side": side,
        "sides": SIDES,
        "mappings": Mapping.objects.only("name", "label"),
        "may_decide": request.user.has_perm("conflicts.view_conflict"),
        "may_see_history": request.user.has_perm("syncadmin.view_entry"),
    }
    return shell(request, "syncadmin/one_sided.html", context, title=_("Only on one side"))
