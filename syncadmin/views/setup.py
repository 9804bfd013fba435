"""A mapping on its way to running: all steps with what was found of each, and the switch at the end."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import services
from syncadmin.jobs import enqueue_pass
from syncadmin.models import Mapping
from syncadmin.permissions import CHANGE_MAPPING, VIEW_MAPPING
from syncadmin.selectors import flow
from syncadmin.web import page, shell


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """How far the mapping has come, and what is next."""
    return _page(request, _mapping(name))


@require_POST
@page(CHANGE_MAPPING)
def switch_on(request: HttpRequest, name: str) -> HttpResponse:
    """Switch the mapping on, if it fits both systems as they are now; its first pass is asked for."""
    mapping = _mapping(name)
    if problems := services.switch_on(mapping, by=request.user.get_username()):
        return _page(request, mapping, problems=problems, status=409)
    enqueue_pass(mapping.pk)
    return HttpResponseRedirect(reverse("syncadmin:setup", args=[mapping.name]))


def _mapping(name: str) -> Mapping:
    related = ("left__system", "right__system", "state")
    return get_object_or_404(Mapping.objects.select_related(*related), name=name)


def _page(
    request: HttpRequest, mapping: Mapping, *, problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    found = flow.steps(flow.of_mapping(mapping))
    context = {
        "mapping": mapping,
        "steps": found,
        "now": flow.current(found),
        "problems": problems or [],
        "may_change": request.user.has_perm(CHANGE_MAPPING),
    }
    return shell(request, "syncadmin/setup.html", context, title=_("On the way"), status=status)
