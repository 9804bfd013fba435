"""What a system's webhooks have brought: the address, the last deliveries, what came of each, one again."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors.base import ConnectorError, Misconfigured
from connectors.hooks import Hooked
from connectors.rest.webhooks import Webhook
from syncadmin import connecting, hooking, hooks, typedform
from syncadmin.config import secrets
from syncadmin.config.connect import connector_class, takes_hooks, webhook_of
from syncadmin.models import Delivery, System
from syncadmin.permissions import CHANGE_SYSTEM, RUN_PASS, VIEW_SYSTEM
from syncadmin.selectors import hooks as showing
from syncadmin.views.connect import tell
from syncadmin.web import newest, page, query_without, shell

ASKS = ("webhook.signed", "webhook.records", "webhook.resource")
EXAMPLES = {"webhook.records": "data.id", "webhook.resource": "type"}


@require_GET
@page(VIEW_SYSTEM)
def list_(request: HttpRequest, name: str) -> HttpResponse:
    """The newest deliveries of a system, and its figures. HTMX polls the first page."""
    system = get_object_or_404(System, name=name)
    what = request.GET.get("what", "")
    shown = newest(showing.filtered(system, what), request.GET.get("before"))
    webhook, problem = _webhook(system)
    context = {
        "system": system,
        "webhook": webhook,
        "problem": problem,
        "possible": _possible(system),
        "address": address(request, system),
        "shown": shown,
        "rows": showing.rows_of(shown.items),
        "first": "before" not in request.GET,
        "query": query_without(request, "before"),
        "what": what if what in showing.FILTERS else "",
        "filters": showing.FILTERS.items(),
        "share": showing.share_of(system),
        "days": showing.DAYS,
        "kept": hooks.KEPT,
        "may_change": request.user.has_perm(CHANGE_SYSTEM),
        "registers": hooking.registers(system),
    }
    return shell(request, "syncadmin/hooks.html", context, title=_title(system))


@require_GET
@page(VIEW_SYSTEM)
def detail(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One delivery: what was sent, which records it named, what came of each."""
    delivery = _delivery(name, number)
    context = {
        "row": showing.rows_of([delivery])[0],
        "delivery": delivery,
        "hints": showing.hints_of(delivery),
        "body": showing.body_of(delivery),
        "may_replay": request.user.has_perm(RUN_PASS),
        "may_see_history": request.user.has_perm("syncadmin.view_entry"),
    }
    return shell(request, "syncadmin/hook.html", context, title=_title(delivery.system))


@require_POST
@page(RUN_PASS)
def replay(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Handle a delivery once more, in this person's name."""
    delivery = _delivery(name, number)
    try:
        again = hooks.replay(delivery, request.user)
    except ValueError:
        messages.error(request, _("What was sent is no longer kept: it can't be handled again."))
        return HttpResponseRedirect(reverse("syncadmin:hook-detail", args=[name, number]))
    messages.success(request, _("It is handled again, in your name: its records are read once more."))
    return HttpResponseRedirect(reverse("syncadmin:hook-detail", args=[name, again.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@page(CHANGE_SYSTEM)
def settings_(request: HttpRequest, name: str) -> HttpResponse:
    """How the system signs what it sends, and where the records are named in it; or no webhooks any more."""
    system = get_object_or_404(System, name=name)
    if not _possible(system):
        raise Http404("A system of this kind sends no webhooks.")
    person = request.user.get_username()
    back = HttpResponseRedirect(reverse("syncadmin:hooks", args=[name]))
    if request.method == "POST" and "off" in request.POST:
        kept = {key: value for key, value in system.config.items() if key != "webhook"}
        connecting.configure(system, kept, {}, by=person, why=f"webhooks switched off by {person}")
        return back
    given = request.POST if request.method == "POST" else None
    known = secrets.values_of(system)
    asked = typedform.settings_of(connector_class(system).Config, ASKS, may=ASKS)
    form = typedform.TypedForm(given, asked, examples=EXAMPLES, kept=system.config, known=known)
    if given is not None and form.is_valid():
        changed, typed = form.document({}, f"{name}_webhook")
        try:
            connecting.configure(system, changed, typed, by=person, why=f"webhooks set up by {person}")
        except connecting.Refused as refused:
            tell(form, refused, {**known, **typed})
        else:
            return back
    context = {"system": system, "form": form, "on": takes_hooks(system), "address": address(request, system)}
    status = 422 if form.errors else 200
    return shell(request, "syncadmin/hooks_settings.html", context, title=_title(system), status=status)


@require_POST
@page(CHANGE_SYSTEM)
def register(request: HttpRequest, name: str) -> HttpResponse:
    """Have the system send its webhooks to this hub, by its own API, or no longer."""
    system = get_object_or_404(System, name=name)
    person, where = request.user.get_username(), address(request, system)
    try:
        if "remove" in request.POST:
            gone = hooking.remove(system, where, by=person)
            messages.success(request, _("Registrations taken back: %(n)s") % {"n": gone})
        else:
            found = hooking.register(system, where, by=person)
            messages.success(
                request, _("The system sends its webhooks here: %(n)s registered") % {"n": len(found)}
            )
    except ConnectorError as error:
        messages.error(request, secrets.scrub(str(error), secrets.values_of(system)))
    return HttpResponseRedirect(reverse("syncadmin:hooks", args=[name]))


def address(request: HttpRequest, system: System) -> str:
    """The address to give to the other system."""
    path = reverse("syncadmin:hook", args=[system.name])
    return f"{settings.BASE_URL}{path}" if settings.BASE_URL else request.build_absolute_uri(path)


def _delivery(name: str, number: int) -> Delivery:
    rows = Delivery.objects.select_related("system", "replay_of")
    return get_object_or_404(rows, system__name=name, pk=number)


def _webhook(system: System) -> tuple[Webhook | None, str]:
    """The system's webhook, or why there is none although it is configured."""
    try:
        return webhook_of(system), ""
    except Misconfigured as error:
        return None, error.message


def _possible(system: System) -> bool:
    """Whether a system of this kind can send webhooks."""
    try:
        return isinstance(connector_class(system), Hooked)
    except Misconfigured:
        return False


def _title(system: System) -> str:
    return _("Webhooks of %(system)s") % {"system": system}
