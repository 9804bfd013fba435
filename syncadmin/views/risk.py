"""How many edits of a mapping may be lost, in figures that a business can judge, and its signature."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from connectors.base import ConnectorError
from syncadmin import services
from syncadmin.core import risk
from syncadmin.core.side import SIDES, Side
from syncadmin.engine.exposed import ask
from syncadmin.jobs import enqueue_pass
from syncadmin.models import Mapping, WatchState
from syncadmin.permissions import ACCEPT_RISK, VIEW_MAPPING
from syncadmin.selectors.risk import RiskStanding, Status, believed, how_often, interval, standing
from syncadmin.selectors.watches import newest
from syncadmin.show import short_number
from syncadmin.web import page, shell

LOOKS = {
    Status.NONE: "ok",
    Status.UNKNOWN: "info",
    Status.ACCEPTED: "ok",
    Status.LAPSED: "bad",
    Status.OPEN: "warn",
}
LABELS = {
    Status.NONE: gettext_lazy("nothing to accept"),
    Status.UNKNOWN: gettext_lazy("not known yet"),
    Status.ACCEPTED: gettext_lazy("accepted"),
    Status.LAPSED: gettext_lazy("lapsed"),
    Status.OPEN: gettext_lazy("not accepted"),
}
DAYS = 180


class TrafficForm(forms.Form):
    """What somebody believes of the traffic, before anybody has watched. All of it, or nothing."""

    left = forms.FloatField(min_value=0, max_value=1e9, localize=True)
    right = forms.FloatField(min_value=0, max_value=1e9, localize=True)
    records = forms.IntegerField(min_value=1, max_value=10**12, required=False)

    def __init__(self, data: Any, mapping: Mapping) -> None:
        super().__init__(data)
        self.mapping = mapping
        for side in SIDES:
            self.fields[side.value].label = _("Edits a day in %(system)s") % {
                "system": mapping.resource(side).system
            }
        self.fields["records"].label = _("Records")
        _dress(self)

    def traffic(self) -> risk.Traffic | None:
        """What was typed, if it is complete and sensible."""
        if not self.is_bound or not self.is_valid():
            return None
        a_day = {side.value: self.cleaned_data[side.value] for side in SIDES}
        return believed(self.mapping, a_day, self.cleaned_data["records"])


class AcceptForm(forms.Form):
    """Who signs says how much, as what, and until when."""

    most = forms.FloatField(label=gettext_lazy("Lost edits a year, at most"), localize=True)
    role = forms.CharField(label=gettext_lazy("Your role"), max_length=100)
    until = forms.DateField(
        label=gettext_lazy("Valid until"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label=gettext_lazy("Remark"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _dress(self)


def _dress(form: forms.Form) -> None:
    for field in form.fields.values():
        field.widget.attrs["class"] = "sa-input"


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The figures, what they are made of, and who has accepted them."""
    return _page(request, _mapping(name))


@require_POST
@page(ACCEPT_RISK)
def accept(request: HttpRequest, name: str) -> HttpResponse:
    """Sign."""
    mapping = _mapping(name)
    form = AcceptForm(request.POST)
    if not form.is_valid():
        return _page(request, mapping, form)
    given = {key: form.cleaned_data[key] for key in ("most", "role", "note")}
    end = datetime.combine(form.cleaned_data["until"] + timedelta(days=1), time())
    traffic = _traffic_form(request, mapping).traffic()
    told = standing(mapping, timezone.now(), traffic).figures
    try:
        services.accept_risk(mapping, told, until=timezone.make_aware(end), user=request.user, **given)
    except services.NotAccepted as error:
        form.add_error(None, str(error))
        return _page(request, mapping, form)
    enqueue_pass(mapping.pk)
    messages.success(request, _("The risk is accepted, in your name."))
    return _back(mapping)


@require_POST
@page(ACCEPT_RISK)
def withdraw(request: HttpRequest, name: str) -> HttpResponse:
    """Take the signature back."""
    mapping = _mapping(name)
    if services.withdraw_risk(mapping.pk, request.user):
        messages.success(request, _("The acceptance is withdrawn."))
    return _back(mapping)


@require_POST
@page(ACCEPT_RISK)
def ask_systems(request: HttpRequest, name: str) -> HttpResponse:
    """Ask both systems how safe writes to them are, before the first pass does."""
    mapping = _mapping(name)
    try:
        ask(mapping)
    except ConnectorError as error:
        messages.error(request, str(error))
    return _back(mapping)


def _mapping(name: str) -> Mapping:
    related = ("left__system", "right__system", "state")
    mappings = Mapping.objects.select_related(*related).prefetch_related("fields", "row_rules")
    return get_object_or_404(mappings, name=name)


def _back(mapping: Mapping) -> HttpResponse:
    return HttpResponseRedirect(reverse("syncadmin:risk", args=[mapping.name]))


def _traffic_form(request: HttpRequest, mapping: Mapping) -> TrafficForm:
    return TrafficForm(request.GET if "left" in request.GET else None, mapping)


def _page(request: HttpRequest, mapping: Mapping, form: AcceptForm | None = None) -> HttpResponse:
    traffic = _traffic_form(request, mapping)
    found = standing(mapping, timezone.now(), traffic.traffic())
    told = found.figures
    watch = newest(mapping.left_id, mapping.right_id)
    proposed = {
        "most": found.proposed,
        "until": timezone.localdate() + timedelta(days=DAYS),
        "role": found.last.role if found.last is not None and found.last.person_id == request.user.pk else "",
    }
    context = {
        "found": found,
        "told": told,
        "status": (LOOKS[found.status], LABELS[found.status]),
        "big": short_number(told.lost.expected or told.lost.high) if told.lost else "",
        "lost": interval(told.lost) if told.lost else "",
        "often": how_often(told.lost) if told.lost else "",
        "days": short_number(told.watched / risk.DAY) if told.watched else "0",
        "pairs": short_number(2 * told.near / open_for) if (open_for := _open_for(found)) else "",
        "hours": short_number(told.near / 3600),
        "rows": [_row(found, side) for side in SIDES] if told.sides else [],
        "traffic": traffic,
        "watching": watch is not None and watch.state == WatchState.WATCHING,
        "form": form or AcceptForm(initial=proposed),
        "query": request.GET.urlencode(),
        "may_accept": request.user.has_perm(ACCEPT_RISK),
    }
    status = 400 if form is not None else 200
    title = _("How much could be lost")
    return shell(request, "syncadmin/risk.html", context, title=title, status=status)


def _open_for(found: RiskStanding) -> float:
    """The mean windows of both sides together, in seconds."""
    return sum(side.window.expected for side in found.figures.sides.values())


def _row(found: RiskStanding, side: Side) -> dict[str, Any]:
    """One side of the table."""
    told, days = found.figures.sides[side], found.figures.watched / risk.DAY
    window = told.window
    return {
        "system": found.mapping.resource(side).system,
        "told": told,
        "a_day": short_number(told.edits / days) if days >= 1 else "",
        "window": "" if told.promise == "atomic" else short_number(window.expected * 1000),
        "between": (short_number(window.low * 1000), short_number(window.high * 1000)),
    }
