"""The dashboard: every mapping with its state, live; and the button that runs a pass now."""

from __future__ import annotations

from django.apps import apps
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import services
from syncadmin.jobs import enqueue_pass
from syncadmin.models import Mapping
from syncadmin.selectors import probing
from syncadmin.selectors.mappings import standings, totals
from syncadmin.web import page, shell

VIEW = "syncadmin.view_mapping"
RUN = "syncadmin.run_pass"


@require_GET
@page(VIEW)
def dashboard(request: HttpRequest) -> HttpResponse:
    """All mappings. HTMX polls the same page without its shell."""
    return _dashboard(request)


@require_POST
@page(RUN)
def run(request: HttpRequest, name: str) -> HttpResponse:
    """Have a pass of the mapping run now."""
    mapping = get_object_or_404(Mapping, name=name)
    services.make_due(mapping.pk)
    enqueue_pass(mapping.pk)
    if request.htmx:
        return _dashboard(request, asked=mapping.pk)
    messages.success(request, _("A pass of %(mapping)s has been asked for.") % {"mapping": mapping})
    return HttpResponseRedirect(reverse("syncadmin:dashboard"))


def _dashboard(request: HttpRequest, asked: int | None = None) -> HttpResponse:
    rows = standings()
    context = {
        "rows": rows,
        "totals": totals(rows),
        "asked": asked,
        "demo": apps.is_installed("syncadmin.demo"),
        "probes": list(probing.owed(timezone.now())),
        "busy": asked is not None or any(row.running or row.marks or row.deciding for row in rows),
        "may_see_alone": request.user.has_perm("syncadmin.view_unlinked"),
        "may_run": request.user.has_perm(RUN),
        "may_decide": request.user.has_perm("conflicts.view_conflict"),
        "may_approve": request.user.has_perm("syncadmin.approve_guardstop"),
        "may_configure": request.user.has_perm("syncadmin.add_mapping"),
    }
    return shell(request, "syncadmin/dashboard.html", context, title=_("Dashboard"))
