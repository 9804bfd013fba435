"""Undo in the browser: from the line after a decision, from the card and from the history.

A decision that still stands as it was made is undone at once. Where something has moved since, a page shows
it field by field, and the person ticks what is to be given up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from conflicts import selectors
from conflicts.cards import title
from conflicts.cards.outcomes import PICK_WORDS
from conflicts.models import Conflict, ConflictState, Decision
from conflicts.services import Refused
from conflicts.services.bars import name_of
from conflicts.services.second_look import propose_undo
from conflicts.services.two_people import open_look
from conflicts.services.undo import undo
from conflicts.undoable import Fate, Look, Pair, latest, look
from syncadmin.core.plan import PickKind
from syncadmin.core.side import SIDES
from syncadmin.jobs import enqueue_pass
from syncadmin.models import EntryKind
from syncadmin.web import page, shell, whole_number

from .inbox import RESOLVE, VIEW


@require_POST
@page(RESOLVE)
def at_once(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """Undo what was decided last on an item; where that takes a closer look, show it instead."""
    conflict = _item(conflict_id)
    made = [row for row in latest(conflict) if f"{row.at.timestamp():.6f}" == request.POST.get("at")]
    looks = look(Decision.objects.filter(pk__in=[row.pk for row in made]))
    if looks and all(each.undoable for each in looks):
        seen = {each.decision.pk: each.now for each in looks if each.now is not None}
        if any(each.two_people for each in looks):
            return _propose(request, conflict, made, dict.fromkeys((row.pk for row in made), None))
        fields = any(each.decision.field for each in looks)
        undo([row.pk for row in made], request.user, only=seen if fields else None)
        enqueue_pass(conflict.mapping_id)
        if not request.htmx:
            return HttpResponseRedirect(reverse("conflicts:detail", args=[conflict_id]))
        return _line(request, _item(conflict_id), made)
    if not request.htmx:
        return HttpResponseRedirect(reverse("conflicts:undo", args=[conflict_id]))
    context = {**_state(conflict, made), "refused": looks[0] if looks else None, "several": len(looks) > 1}
    return shell(request, "conflicts/undo/line.html", context, title=str(conflict))


def _propose(
    request: HttpRequest, conflict: Conflict, made: list[Decision], seen: Mapping[int, Pair | None]
) -> HttpResponse:
    """Leave it to a second person, and say so."""
    barred = ""
    try:
        propose_undo(conflict.pk, seen, request.user, timezone.now())
    except Refused as error:
        barred = str(error)
    if not request.htmx:
        return HttpResponseRedirect(reverse("conflicts:detail", args=[conflict.pk]))
    context = {**_state(_item(conflict.pk), made), "barred": barred, "proposed": not barred}
    return shell(request, "conflicts/undo/line.html", context, title=str(conflict))


@require_GET
@page(VIEW)
def status(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """What became of an undo, in one line that polls itself until it is settled."""
    conflict = _item(conflict_id)
    number = whole_number(request.GET.get("decision"))
    made = list(Decision.objects.filter(conflict=conflict, pk=number)) if number else []
    return _line(request, conflict, made)


def _line(request: HttpRequest, conflict: Conflict, made: list[Decision]) -> HttpResponse:
    return shell(request, "conflicts/undo/line.html", _state(conflict, made), title=str(conflict))


def _state(conflict: Conflict, made: list[Decision]) -> dict[str, Any]:
    busy = conflict.state == ConflictState.DECIDED and (
        conflict.undoing or (conflict.decision or {}).get("kind") == "undo"
    )
    return {"conflict": conflict, "decision": made[0].pk if made else "", "busy": busy}


@require_http_methods(["GET", "HEAD", "POST"])
@page(VIEW)
def closely(request: HttpRequest, conflict_id: int) -> HttpResponse:
    """What was decided, field by field, with what has moved since; POST undoes what is ticked."""
    return _closely(request, _item(conflict_id), whole_number(request.GET.get("decision")))


def _closely(request: HttpRequest, conflict: Conflict, chosen: int | None) -> HttpResponse:
    rows = Decision.objects.filter(conflict=conflict)
    rows = rows.filter(at=get_object_or_404(rows, pk=chosen).at) if chosen else latest(conflict)
    note = ""
    if request.method == "POST":
        if not request.user.has_perm(RESOLVE):
            raise Http404("Undoing takes the right to resolve conflicts.")
        ticked = {number for text in request.POST.getlist("decision") if (number := whole_number(text))}
        over = {number: seen for number in ticked if (seen := _seen(request.POST.get(f"seen-{number}", "")))}
        mine = list(rows.filter(pk__in=ticked).values_list("pk", flat=True))
        if any(each.two_people for each in look(Decision.objects.filter(pk__in=mine))):
            try:
                propose_undo(conflict.pk, {n: over.get(n) for n in mine}, request.user, timezone.now())
            except Refused as error:
                note = str(error)
            else:
                return HttpResponseRedirect(reverse("conflicts:detail", args=[conflict.pk]))
        elif mine:
            result = undo(mine, request.user, over=over, only=over)
            enqueue_pass(conflict.mapping_id)
            if result.done and not result.left:
                return HttpResponseRedirect(reverse("conflicts:detail", args=[conflict.pk]))
            note = _("Not all of it was undone; this is how it stands now.")
        else:
            note = _("Tick what is to be undone.")
    looks = look(Decision.objects.filter(pk__in=rows.values("pk")))
    waits = open_look(conflict)
    context = {
        "proposed_by": name_of(waits.asked_by) if waits is not None and "undo" in waits.picks else "",
        "two_people": any(each.two_people for each in looks),
        "conflict": conflict,
        "chosen": chosen or "",
        "looks": [_shown(each) for each in looks],
        "any": any(each.undoable or each.fate is Fate.MOVED for each in looks),
        "note": note,
        "may_undo": request.user.has_perm(RESOLVE),
    }
    return shell(request, "conflicts/undo/closely.html", context, title=_("Undo"))


@require_GET
@page(VIEW)
def entry(request: HttpRequest, mapping: str, seq: int) -> HttpResponse:
    """The undo of a decision that the history shows, by its number in the journal."""
    found = Decision.objects.filter(mapping__name=mapping, seq=seq).first()
    if found is None:
        raise Http404("This decision was made before decisions could be undone.")
    return _closely(request, _item(found.conflict_id), found.pk)


def _seen(text: str) -> Pair | None:
    try:
        left, right = json.loads(text)
    except (ValueError, TypeError):
        return None
    return left, right


def _shown(each: Look) -> dict[str, Any]:
    """A decision with the values per system: what was there, what is now, what will be."""
    decision = each.decision
    mapping = decision.conflict.mapping
    before = (decision.left, decision.right)
    systems = [mapping.resource(side).system for side in SIDES]
    values = zip(SIDES, systems, each.now or before, before, strict=True)
    moved = each.since
    return {
        "look": each,
        "decided": _chosen(decision.kind, systems),
        "title": title(decision.field) if decision.field else _("The record"),
        "values": [{"side": s, "system": name, "now": now, "then": then} for s, name, now, then in values],
        "seen": json.dumps(list(each.now)) if each.now is not None else "",
        "may_tick": each.undoable or (each.fate is Fate.MOVED and each.now is not None),
        "ticked": each.undoable,
        "moved": moved,
        "moved_by": (
            moved.actor or str(mapping.left.system if moved.side == "left" else mapping.right.system)
        )
        if moved is not None
        else "",
        "moved_decision": moved is not None and moved.kind == EntryKind.DECISION,
    }


def _chosen(kind: str, systems: list[Any]) -> str:
    """What was chosen, in words."""
    sides = dict(zip((PickKind.LEFT, PickKind.RIGHT), systems, strict=True))
    if kind in sides:
        return _("from %(system)s") % {"system": sides[PickKind(kind)]}
    return str(PICK_WORDS[PickKind(kind)]) if kind in list(PickKind) else kind


def _item(conflict_id: int) -> Conflict:
    try:
        return selectors.item(conflict_id)
    except Conflict.DoesNotExist as error:
        raise Http404("This conflict is gone.") from error
