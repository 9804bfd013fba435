"""The inbox in the browser: what waits, in groups or item by item, beside the open card."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from conflicts import lists, selectors
from conflicts.census import Census
from conflicts.models import Conflict
from conflicts.selectors import InboxFilter
from conflicts.services import views
from syncadmin.permissions import SHARE_VIEW
from syncadmin.web import page, shell, whole_number

VIEW = "conflicts.view_conflict"
RESOLVE = "conflicts.resolve_conflict"
GROUPS = "groups"
POLLING = "queue-head"  # the element of the list that asks for news


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """The inbox. HTMX gets the list alone (filters, paging, polling). It opens with the person's own view."""
    if not request.GET and not request.htmx and (chosen := views.default(request.user)) and chosen.query:
        return HttpResponseRedirect(f"{reverse('conflicts:list')}?{chosen.query}")
    context = queue(request)
    response = render(request, "conflicts/list.html", context)
    if request.htmx and "filters" in context:
        response["HX-Push-Url"] = _address(context)
    return response


def _address(context: dict[str, Any]) -> str:
    """Where what the context shows is, without what is not set: as good to read as to send to a colleague."""
    place = (
        {"view": GROUPS} if context["grouped"] else {"after": context["after"]} if context["after"] else {}
    )
    query = "&".join(part for part in (urlencode(place), context["wanted"].query()) if part)
    return f"{reverse('conflicts:list')}?{query or 'view=list'}"


def queue(request: HttpRequest) -> dict[str, Any]:
    """The context of the list: one page of items or of groups, the filter, the counts."""
    wanted = InboxFilter.read(request.GET, request.user)
    census = Census()
    grouped = request.GET.get("view") == GROUPS
    after = whole_number(request.GET.get("after")) or 0
    polled = request.htmx and request.htmx.trigger == POLLING
    if grouped:
        content = {"sections": lists.sections(census, wanted)}
    else:
        shown = selectors.page(wanted, after, census=census)
        content = {"shown": shown, "rows": lists.rows(shown.items, wanted)}
    context = {
        **content,
        "wanted": wanted,
        "after": after,
        "grouped": grouped,
        "tally": census.count(wanted),
        "total": census.total,
        "chips": lists.chips(request.user, wanted, census),
        "tokens": lists.tokens(census, wanted),
        "ungrouped": lists.around(wanted),
        "saved": lists.is_saved(request.user, wanted),
    }
    if not polled:  # what a person has just opened stays as it is while the list renews itself
        context |= {
            "filters": lists.choices(census, wanted, _assignees()),
            "may_share": request.user.has_perm(SHARE_VIEW),
        }
    return context


def _assignees() -> list[str]:
    """The people to whom items are assigned, by name."""
    theirs = Conflict.objects.filter(assignee=OuterRef("pk"))
    people = get_user_model().objects.filter(Exists(theirs)).order_by("username")
    return list(people.values_list("username", flat=True)[:100])


def render(request: HttpRequest, template: str, context: dict[str, Any], code: int = 200) -> HttpResponse:
    """A page of the inbox; HTMX gets the part that it swaps."""
    return shell(
        request,
        template,
        context,
        title=_("Inbox"),
        full="conflicts/inbox.html",
        partial="conflicts/partial.html",
        status=code,
    )
