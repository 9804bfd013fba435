"""The daily quota of a system: what was asked today and for what, how long it lasts, what it puts off."""

from __future__ import annotations

from datetime import UTC

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from syncadmin.config.surroundings import QueuePacer
from syncadmin.models import System
from syncadmin.permissions import VIEW_SYSTEM
from syncadmin.selectors import quota
from syncadmin.web import page, shell

WORDS = {
    "live": gettext_lazy("Live: changes, webhooks, decisions"),
    "backfill": gettext_lazy("First comparisons"),
    "verify": gettext_lazy("Later full comparisons"),
}


@require_GET
@page(VIEW_SYSTEM)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """Today's requests by purpose, with a forecast."""
    system = get_object_or_404(System, name=name)
    now = timezone.now().astimezone(UTC)
    told = quota.told(system, QueuePacer(), now)
    context = {
        "system": system,
        "told": told,
        "now": now,
        "shares": [(WORDS[share.purpose], share) for share in told.forecast.shares] if told.forecast else [],
    }
    return shell(
        request, "syncadmin/quota.html", context, title=_("Daily quota of %(system)s") % {"system": system}
    )
