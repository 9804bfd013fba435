"""Saved views in the browser: keep the filter that is set, rename, share, delete, start with."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from conflicts.models import SavedView
from conflicts.services import Invalid, views
from syncadmin.permissions import SHARE_VIEW
from syncadmin.web import page, shell

from .inbox import VIEW


@require_GET
@page(VIEW)
def list_(request: HttpRequest) -> HttpResponse:
    """All views that the person sees, to be kept in order."""
    found = views.default(request.user)
    context = {
        "views": views.visible(request.user),
        "default": found.pk if found else None,
        "may_share": request.user.has_perm(SHARE_VIEW),
    }
    return shell(request, "conflicts/views.html", context, title=_("Saved views"))


@require_POST
@page(VIEW)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filter of the posted address under a name."""
    query = request.POST.get("query", "")[:2000]
    try:
        views.save(request.user, request.POST.get("name", ""), query, _shared(request))
    except Invalid as error:
        messages.error(request, str(error))
    kept = {name: value for name, value in parse_qsl(query) if name != "after"}
    return HttpResponseRedirect(f"{reverse('conflicts:list')}?{urlencode(kept or {'view': 'list'})}")


@require_POST
@page(VIEW)
def change(request: HttpRequest, view_id: int) -> HttpResponse:
    """Rename or share, delete, or start with a view, as the button says that was pressed."""
    act = request.POST.get("act", "")
    try:
        if act == "rename":
            views.rename(request.user, view_id, request.POST.get("name", ""), _shared(request))
        elif act == "delete":
            views.delete(request.user, view_id)
        elif act == "start":
            views.start_with(request.user, view_id)
        elif act == "stop":
            views.start_with(request.user, None)
    except SavedView.DoesNotExist as error:
        raise Http404("There is no such view.") from error
    except Invalid as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("conflicts:views"))


def _shared(request: HttpRequest) -> bool:
    return bool(request.POST.get("shared")) and request.user.has_perm(SHARE_VIEW)
