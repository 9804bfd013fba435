"""The card of one item in the browser, and the form that stores a decision.

A view reads the request, calls a selector or a service, and picks a template. After a decision the pane shows
what became of it (polled until the engine is done) above the next card.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from conflicts import forms, selectors, services
from conflicts.cards import Entered, card, outcome
from conflicts.models import Conflict, ConflictState
from conflicts.selectors import InboxFilter
from syncadmin.jobs import enqueue_pass
from syncadmin.web import page, shell

from .inbox import RESOLVE, VIEW, queue, render


@require_GET
@page(VIEW)
def detail(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """One item. HTMX gets the card alone; a whole page has the list beside it."""
    context = _card(request, _item(conflict_id), None)
    if not request.htmx or request.htmx.history_restore_request:
        context = {**queue(request), **context}
    return render(request, "conflicts/detail.html", context)


@require_GET
@page(VIEW)
def status(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """What became of a decision, in one line that polls itself until it is settled."""
    conflict = _item(conflict_id)
    context = {"outcome": outcome(conflict, timezone.now()), "wanted": InboxFilter.read(request.GET)}
    return shell(request, "conflicts/status.html", context, title=str(conflict))


@require_POST
@page(RESOLVE)
def resolve(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Store the posted decision; show the next card, or this one again with what is wrong or has changed."""
    wanted = InboxFilter.read(request.GET)
    try:
        decision = forms.read(request.POST)
        done = services.resolve(
            conflict_id, decision.revision, decision.fields, decision.record, request.user
        )
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error
    except forms.Unclear as error:
        return _again(request, conflict_id, Entered(errors={"": str(error)}), 422)
    except services.Invalid as error:
        entered = Entered(picks=decision.entered.picks, errors=error.errors)
        return _again(request, conflict_id, entered, 422)
    except services.Moved as moved:
        if moved.conflict.state == ConflictState.OPEN:
            return _again(request, conflict_id, Entered(seen=decision.entered.seen), 409)
    else:
        enqueue_pass(done.mapping_id)
    query = f"?{wanted.query()}" if wanted.query() else ""
    if not request.htmx:
        return HttpResponseRedirect(reverse("conflicts:detail", args=[conflict_id]) + query)
    return _next(request, wanted, selectors.item(conflict_id))


def _next(request: HttpRequest, wanted: InboxFilter, done: Conflict) -> HttpResponse:
    """The line on what was decided, above the next card."""
    following = selectors.following(wanted, done.pk)
    context = _card(request, _item(following), None) if following else {"wanted": wanted, "clear": True}
    response = render(request, "conflicts/detail.html", {**context, "done": outcome(done, timezone.now())})
    target = reverse("conflicts:detail", args=[following]) if following else reverse("conflicts:list")
    response["HX-Push-Url"] = target + (f"?{wanted.query()}" if wanted.query() else "")
    return response


def _again(request: HttpRequest, conflict_id: int, entered: Entered, code: int) -> HttpResponse:
    """The card once more. HTMX only swaps what was answered with 200, so it gets that."""
    context = {**_card(request, _item(conflict_id), entered), "refreshed": code == 409}
    if not request.htmx:
        context = {**queue(request), **context}
    return render(request, "conflicts/detail.html", context, 200 if request.htmx else code)


def _item(conflict_id: int) -> Conflict:
    try:
        return selectors.item(conflict_id)
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error


def _card(request: HttpRequest, conflict: Conflict, entered: Entered | None) -> dict[str, Any]:
    return {
        "card": card(conflict, entered),
        "current": conflict.pk,
        "outcome": outcome(conflict, timezone.now()),
        "may_resolve": request.user.has_perm(RESOLVE),
        "may_see_history": request.user.has_perm("syncadmin.view_entry"),
        "wanted": InboxFilter.read(request.GET),
    }
