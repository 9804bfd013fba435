"""What people do on a card besides deciding: claim, assign, put off, hold, ask, approve, comment.

Every action answers with the card's part on people (or, where the whole card looks different, with the card);
a browser without scripts is sent back to the card. An open card beats: that shows who looks, and keeps the
claim of whoever is at work.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conflicts import presence, selectors, services
from conflicts.colleagues import colleagues
from conflicts.models import Conflict, ConflictState
from conflicts.services import comments, second_look, together
from conflicts.team import MOST, team
from syncadmin.jobs import enqueue_pass
from syncadmin.permissions import COMMENT
from syncadmin.web import page, shell, whole_number

from .card import address, card_context
from .inbox import RESOLVE, VIEW, render

MORNING = time(9)


@require_GET
@page(VIEW)
def team_(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, who works on what, what is held or put off."""
    context = {"team": team(request.user, timezone.now()), "most": MOST}
    return shell(request, "conflicts/team.html", context, title=_("Team"))


@require_POST
@page(VIEW)
def looking(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """A beat of an open card: 204 while its part on people looks as it did."""
    now = timezone.now()
    if request.POST.get("active"):
        together.renew(conflict_id, request.user, now)
    others = presence.beat(conflict_id, request.user.pk, now.timestamp())
    found = colleagues(_item(conflict_id), request.user, now, lookers=others)
    if request.POST.get("tag") == found.tag:
        return HttpResponse(status=204)
    return shell(request, "conflicts/together/strip.html", {"people": found, "beat": True}, title="")


@require_POST
@page(RESOLVE)
def claim(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Work on the item, or take it over from `over`, whose claim was seen."""
    over = whole_number(request.POST.get("over"))
    return _act(
        request, conflict_id, lambda now: together.claim(conflict_id, request.user, now, over), "claim"
    )


@require_POST
@page(RESOLVE)
def release(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Give up one's own claim."""
    return _act(request, conflict_id, lambda now: together.release(conflict_id, request.user, now), "release")


@require_POST
@page(RESOLVE)
def assign(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Give the item to `person`, or to nobody."""
    number = whole_number(request.POST.get("person"))
    person = User.objects.filter(pk=number).first() if number else None
    if number and person is None:
        raise Http404("There is no such person.")
    return _act(
        request, conflict_id, lambda now: together.assign(conflict_id, person, request.user, now), "assign"
    )


@require_POST
@page(RESOLVE)
def snooze(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Put the item off for a span (`for`), until a time (`until`), or no longer (neither)."""

    def act(now: datetime) -> Conflict:
        until = _until(request.POST.get("for", ""), request.POST.get("until", ""), now)
        return together.snooze(conflict_id, until, request.user, now)

    return _act(request, conflict_id, act, "snooze")


@require_POST
@page(RESOLVE)
def hold(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Let nobody decide the item, for the given reason."""
    reason = request.POST.get("reason", "")
    return _act(
        request, conflict_id, lambda now: together.hold(conflict_id, reason, request.user, now), "hold"
    )


@require_POST
@page(RESOLVE)
def lift(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """End a hold."""
    return _act(request, conflict_id, lambda now: together.lift(conflict_id, request.user, now), "lift")


@require_POST
@page(RESOLVE)
def ask(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Have somebody else look."""
    note = request.POST.get("note", "")
    return _act(
        request, conflict_id, lambda now: second_look.ask(conflict_id, note, request.user, now), "ask"
    )


@require_POST
@page(RESOLVE)
def answer(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Approve (`answer=approve`) or decline what was proposed or asked for."""
    number = whole_number(request.POST.get("look")) or 0
    text = request.POST.get("comment", "")
    approves = request.POST.get("answer") == "approve"
    do = second_look.approve if approves else second_look.decline

    def act(now: datetime) -> Conflict:
        conflict = do(conflict_id, number, request.user, now, text)
        if approves:
            enqueue_pass(conflict.mapping_id)
        return conflict

    return _act(request, conflict_id, act, "answer")


@require_POST
@page(COMMENT)
def comment(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Say something about the item; the form's token keeps it from being said twice."""
    text, error = request.POST.get("text", ""), ""
    try:
        token = UUID(request.POST.get("token", ""))
    except ValueError as problem:
        raise Http404("The form has no token.") from problem
    try:
        comments.comment(conflict_id, text, token, request.user, timezone.now())
    except Conflict.DoesNotExist as problem:
        raise Http404("This conflict is gone.") from problem
    except services.Invalid as problem:
        error = problem.errors[""]
    if not request.htmx:
        return _back(request, conflict_id, error)
    found = colleagues(
        _item(conflict_id), request.user, timezone.now(), error=error, entered=text if error else ""
    )
    context = {"people": found, "may_comment": True, "said": not error}
    return shell(request, "conflicts/together/comments.html", context, title="")


def _act(
    request: HttpRequest, conflict_id: int, act: Callable[[datetime], Conflict], name: str
) -> HttpResponse:
    """Do it, and show how the item stands; what was refused says why."""
    error = ""
    now = timezone.now()
    was = Conflict.objects.filter(pk=conflict_id).values_list("state", flat=True).first()
    try:
        act(now)
    except Conflict.DoesNotExist as problem:
        raise Http404("This conflict is gone.") from problem
    except services.Moved:
        error = _("Meanwhile this was decided, settled or changed. This is how it is now.")
    except services.Refused as problem:
        error = str(problem)
    except services.Invalid as problem:
        error = " ".join(problem.errors.values())
    if not request.htmx:
        return _back(request, conflict_id, error)
    item = selectors.item(conflict_id)
    if {was, item.state} != {ConflictState.OPEN}:
        context = card_context(request, item, None)
        context["people"] = colleagues(item, request.user, now, error=error)
        response = render(request, "conflicts/detail.html", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#card", "innerHTML"
    else:
        others = presence.beat(conflict_id, request.user.pk, now.timestamp())
        found = colleagues(item, request.user, timezone.now(), lookers=others, error=error)
        context = {"people": found, "done": "" if error else name}
        response = shell(request, "conflicts/together/strip.html", context, title="")
    response["HX-Trigger-After-Swap"] = "inbox-changed"
    return response


def _back(request: HttpRequest, conflict_id: int, error: str) -> HttpResponse:
    """To the card, for browsers without scripts."""
    if error:
        messages.error(request, error)
    return HttpResponseRedirect(address(conflict_id, selectors.InboxFilter.read(request.GET, request.user)))


def _item(conflict_id: int) -> Conflict:
    found = Conflict.objects.select_related("mapping__left__system", "mapping__right__system")
    try:
        return found.get(pk=conflict_id)
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error


def _until(span: str, text: str, now: datetime) -> datetime | None:
    """The end of a snooze, in the reader's time zone. Raises `Invalid` for what is no time."""
    if not span and not text:
        return None
    here = timezone.localtime(now)
    named = {
        "hour": now + timedelta(hours=1),
        "tomorrow": _morning(here, 1),
        "week": _morning(here, 7 - here.weekday()),
    }
    if span in named:
        return named[span]
    try:
        return timezone.make_aware(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        raise services.Invalid({"": _("That is no time.")}) from None


def _morning(here: datetime, days: int) -> datetime:
    return datetime.combine(here.date() + timedelta(days=days), MORNING, here.tzinfo)
