"""Change tracking of a system's resources: how it stands, the SQL of it, installing and removing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connectors.base import ConnectorError
from connectors.tracked import COUNTED
from syncadmin import connecting, tracking
from syncadmin.models import Resource, System
from syncadmin.permissions import CHANGE_RESOURCE, VIEW_SYSTEM
from syncadmin.web import page, shell


@require_GET
@page(VIEW_SYSTEM)
def list_(request: HttpRequest, name: str) -> HttpResponse:
    """The resources of a system, and how changes of each are found."""
    system = get_object_or_404(System, name=name)
    context = {
        "system": system,
        "resources": system.resources.order_by("name"),
        "possible": tracking.trackable(system),
    }
    return shell(request, "syncadmin/tracking_list.html", context, title=_title(system))


@require_GET
@page(VIEW_SYSTEM)
def show(request: HttpRequest, name: str, resource: str) -> HttpResponse:
    """How tracking of a resource stands in its system now, and what would be run."""
    row = _resource(name, resource)
    context: dict[str, Any] = {
        "resource": row,
        "system": row.system,
        "used": row.config.get("changes") == "tracking",
        "counted": COUNTED,
        "may_change": request.user.has_perm(CHANGE_RESOURCE),
    }
    try:
        context["state"] = found = tracking.state(row)
        context["rights"] = "".join(f"{right};\n" for right in found.found.rights)
        context["remove"] = found.found.script(remove=True)
    except ConnectorError as error:
        context["problem"] = str(error)
    return shell(request, "syncadmin/tracking.html", context, title=_title(row.system))


@require_POST
@page(CHANGE_RESOURCE)
def act(request: HttpRequest, name: str, resource: str, what: str) -> HttpResponse:
    """Install it or bring it up to date, have the hub read it, or remove it; each is confirmed."""
    row, by = _resource(name, resource), request.user.get_username()
    try:
        if what in ("install", "remove") and "sure" not in request.POST:
            messages.error(request, _("Nothing was done: it was not confirmed."))
        elif what == "install":
            tracking.install(row)
            messages.success(request, _("Every change is logged in the system from now on."))
        elif what == "use":
            tracking.use(row, by=by)
            messages.success(request, _("The hub reads the log from now on. All is compared once before."))
        elif what == "remove":
            tracking.use_no_more(row, by=by)
            tracking.remove(row)
            messages.success(request, _("Nothing of it is left in the system."))
    except ConnectorError as error:
        messages.error(request, str(error))
    except connecting.Refused as refused:
        messages.error(request, "; ".join(problem.text for problem in refused.problems))
    return HttpResponseRedirect(reverse("syncadmin:tracking", args=[name, resource]))


def _resource(name: str, resource: str) -> Resource:
    return get_object_or_404(Resource.objects.select_related("system"), system__name=name, name=resource)


def _title(system: System) -> str:
    return _("Change tracking in %(system)s") % {"system": system}
