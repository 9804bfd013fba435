"""The card of one item in the browser, and the form that stores a decision.

A view reads the request, calls a selector or a service, and picks a template. A browser that shows the next
card before the answer is there (`X-Next: shown`) gets the line on what was decided, or the refused card with
why it was refused in `X-Refused`; any other gets the line above the next card.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from conflicts import forms, selectors, services
from conflicts.cards import Entered, card, outcome
from conflicts.colleagues import colleagues
from conflicts.models import Conflict
from conflicts.selectors import InboxFilter
from syncadmin.jobs import enqueue_pass
from syncadmin.permissions import COMMENT
from syncadmin.web import page, shell, whole_number

from .inbox import RESOLVE, VIEW, queue, render

HISTORY = "syncadmin.view_entry"
STALE, INVALID, BARRED = "stale", "invalid", "barred"
CODES = {STALE: 409, INVALID: 422, BARRED: 423}


@require_GET
@page(VIEW)
def detail(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """One item. HTMX gets the card alone; a whole page has the list beside it."""
    context = card_context(request, _item(conflict_id), None)
    if not request.htmx or request.htmx.history_restore_request:
        context = {**queue(request), **context}
    return render(request, "conflicts/detail.html", context)


@require_GET
@page(VIEW)
def following(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """The card that comes after this one, to be ready when it is decided; `X-Card` is its number.

    Without one there is the page that says so. `X-Skip` names items whose decisions are on their way.
    """
    wanted = InboxFilter.read(request.GET, request.user)
    on_their_way = [
        n for text in request.headers.get("X-Skip", "").split(",")[:50] if (n := whole_number(text))
    ]
    number = selectors.following(wanted, conflict_id, on_their_way)
    response = render(request, "conflicts/detail.html", _next_card(request, wanted, number))
    response["X-Card"] = str(number or "")
    return response


@require_GET
@page(VIEW)
def revision(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Whether the item is still as it was shown: 304 for the ETag of what is shown. One query."""
    found = Conflict.objects.filter(pk=conflict_id).values_list("revision", "state").first()
    if found is None:
        raise Http404("This conflict is gone.")
    tag = f'"{found[0]}-{found[1]}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        response = JsonResponse({"revision": found[0], "state": found[1]})
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    return response


@require_POST
@page(VIEW)
def again(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """The card as it is now, with what the person has entered and what changed since. Stores nothing."""
    entered = forms.entered(request.POST)
    context = card_context(request, _item(conflict_id), entered)
    return render(request, "conflicts/detail.html", {**context, "live": True})


@require_GET
@page(VIEW)
def status(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """What became of a decision, in one line that polls itself until it is settled."""
    return _status(request, _item(conflict_id))


@require_POST
@page(RESOLVE)
def resolve(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Store the posted decision; show the next card, or this one again with what is wrong or has changed."""
    wanted = InboxFilter.read(request.GET, request.user)
    kept = forms.entered(request.POST)
    try:
        decision = forms.read(request.POST)
        done = services.resolve(
            conflict_id, decision.revision, decision.fields, decision.record, request.user
        )
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error
    except forms.Unclear as error:
        return _refused(request, conflict_id, kept, INVALID, {"": str(error)})
    except services.Invalid as error:
        return _refused(request, conflict_id, kept, INVALID, error.errors)
    except services.Refused as error:
        return _refused(request, conflict_id, kept, BARRED, {"": str(error)})
    except services.Moved as moved:
        if not services.is_decided_so(moved.conflict, decision.fields, decision.record, request.user):
            return _refused(request, conflict_id, kept, STALE, {})
    else:
        enqueue_pass(done.mapping_id)
    if request.headers.get("X-Next") == "shown":
        return _status(request, _item(conflict_id))
    if not request.htmx:
        return HttpResponseRedirect(address(conflict_id, wanted))
    return _next(request, wanted, selectors.item(conflict_id))


@require_POST
@page(RESOLVE)
def same_again(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Take back that the item's record and another are not the same."""
    conflict = _item(conflict_id)
    if conflict.side and services.take_back(conflict, request.POST.get("key", ""), request.user):
        enqueue_pass(conflict.mapping_id)
    return HttpResponseRedirect(address(conflict_id, InboxFilter.read(request.GET, request.user)))


def address(conflict_id: int | None, wanted: InboxFilter) -> str:
    """Where an item is looked at (None: the list), with the list's filter."""
    path = reverse("conflicts:detail", args=[conflict_id]) if conflict_id else reverse("conflicts:list")
    return path + (f"?{wanted.query()}" if wanted.query() else "")


def _status(request: HttpRequest, conflict: Conflict) -> HttpResponse:
    context = {
        "outcome": outcome(conflict, timezone.now()),
        "wanted": InboxFilter.read(request.GET, request.user),
    }
    return shell(request, "conflicts/status.html", context, title=str(conflict))


def _next(request: HttpRequest, wanted: InboxFilter, done: Conflict) -> HttpResponse:
    """The line on what was decided, above the next card."""
    number = selectors.following(wanted, done.pk)
    context = {**_next_card(request, wanted, number), "done": outcome(done, timezone.now())}
    response = render(request, "conflicts/detail.html", context)
    response["HX-Push-Url"] = address(number, wanted)
    return response


def _next_card(request: HttpRequest, wanted: InboxFilter, number: int | None) -> dict[str, Any]:
    return card_context(request, _item(number), None) if number else {"wanted": wanted, "clear": True}


def _refused(
    request: HttpRequest, conflict_id: int, kept: Entered, why: str, errors: dict[str, str]
) -> HttpResponse:
    """The card once more, with what was entered. A script only swaps what was answered with 200."""
    entered = replace(kept, errors=errors)
    context = {**card_context(request, _item(conflict_id), entered), "refused": why}
    if not request.htmx:
        context = {**queue(request), **context}
    response = render(request, "conflicts/detail.html", context, 200 if request.htmx else CODES[why])
    response["X-Refused"] = why
    return response


def _item(conflict_id: int) -> Conflict:
    try:
        return selectors.item(conflict_id)
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error


def card_context(request: HttpRequest, conflict: Conflict, entered: Entered | None) -> dict[str, Any]:
    """What the template of a card needs."""
    may_see_history = request.user.has_perm(HISTORY)
    return {
        "card": card(conflict, entered, history=may_see_history),
        "current": conflict.pk,
        "outcome": outcome(conflict, timezone.now()),
        "may_resolve": request.user.has_perm(RESOLVE),
        "may_see_history": may_see_history,
        "mine": conflict.decided_by_id == request.user.pk,
        "people": colleagues(conflict, request.user, timezone.now()),
        "may_comment": request.user.has_perm(COMMENT),
        "wanted": InboxFilter.read(request.GET, request.user),
    }
