"""Learned rules in the browser: those proposed, in force and suspended; one with its cases; answers.

Whoever decides may propose; whoever may change mappings answers.
"""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conflicts import learned
from conflicts.models import Conflict, LearnedRule, RuleState
from conflicts.services import rules
from syncadmin.jobs import enqueue_pass
from syncadmin.permissions import CHANGE_MAPPING
from syncadmin.web import newest, page, shell

from .inbox import RESOLVE, VIEW

STATES = (RuleState.PROPOSED, RuleState.SUSPENDED, RuleState.APPROVED)
LIVE = 200  # rules that are listed in full


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """All rules: those that wait for an answer first, then those in force, then the past."""
    rows = LearnedRule.objects.select_related(
        "mapping__left__system", "mapping__right__system", "proposed_by", "answered_by"
    )
    live = sorted(rows.exclude(state=RuleState.ENDED)[:LIVE], key=lambda rule: STATES.index(rule.state))
    ended = newest(rows.filter(state=RuleState.ENDED), request.GET.get("before"), 20)
    context = {"live": learned.sheets(live), "ended": learned.sheets(ended.items), "next": ended.next}
    return shell(request, "conflicts/learn/list.html", context, title=_("Rules"))


@require_GET
@page(VIEW)
def show(request: HttpRequest, rule_id: int) -> HttpResponse:
    """One rule, with the decisions that it would have got right and wrong, and those that it made."""
    return _sheet(request, _rule(rule_id))


@require_POST
@page(RESOLVE)
def propose(request: HttpRequest, conflict_id: int, field: str) -> HttpResponse:
    """Propose what is suggested for a field of an item as a rule, and look at it."""
    try:
        rule = rules.propose(conflict_id, field, request.user, timezone.now())
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error
    except rules.Unfit as error:
        context = {"words": str(error), "conflict_id": conflict_id}
        return shell(request, "conflicts/learn/unfit.html", context, title=_("No rule"), status=409)
    return HttpResponseRedirect(reverse("conflicts:rule", args=[rule.pk]))


@require_POST
@page(CHANGE_MAPPING)
def answer(request: HttpRequest, rule_id: int) -> HttpResponse:
    """Approve a rule, reject or end it, as the form says, if it still is as the form showed it."""
    answers = {"approve": rules.approve, "end": rules.end}
    wanted = answers.get(request.POST.get("answer", ""))
    if wanted is None:
        return _sheet(request, _rule(rule_id), _("Approve it, or reject it."), 422)
    seen, note = request.POST.get("state", ""), request.POST.get("note", "")
    try:
        rule = wanted(rule_id, seen, request.user, timezone.now(), note)
    except LearnedRule.DoesNotExist as error:
        raise Http404("This rule is gone.") from error
    except rules.Unfit as error:
        return _sheet(request, _rule(rule_id), str(error), 409)
    if rule.state == RuleState.APPROVED:
        enqueue_pass(rule.mapping_id)
    return HttpResponseRedirect(reverse("conflicts:rule", args=[rule_id]))


def _rule(rule_id: int) -> LearnedRule:
    rows = LearnedRule.objects.select_related(
        "mapping__left__system", "mapping__right__system", "proposed_by", "answered_by"
    )
    try:
        return rows.get(pk=rule_id)
    except LearnedRule.DoesNotExist as error:
        raise Http404("This rule is gone.") from error


def _sheet(request: HttpRequest, rule: LearnedRule, error: str = "", code: int = 200) -> HttpResponse:
    made, uses, overruled = learned.own(rule)
    context: dict[str, Any] = {
        "rule": rule,
        "sheet": learned.sheets([rule])[0],
        "trial": learned.trial(rule),
        "made": made,
        "uses": uses,
        "overruled": overruled,
        "may_answer": request.user.has_perm(CHANGE_MAPPING),
        "error": error,
    }
    return shell(request, "conflicts/learn/rule.html", context, title=str(rule), status=code)
