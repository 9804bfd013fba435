"""Versions of a mapping: what is proposed, what it would do differently, and the approval of exactly that."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import versions
from syncadmin.config import versions as stored
from syncadmin.config.differences import Unchangeable
from syncadmin.config.versions import Overtaken
from syncadmin.jobs import enqueue_comparison, enqueue_pass
from syncadmin.models import Comparing, Mapping, MappingVersion, VersionState
from syncadmin.permissions import APPROVE_GUARD_STOP, CHANGE_MAPPING, VIEW_MAPPING
from syncadmin.selectors.versions import document, is_compared
from syncadmin.versionpages import page_of
from syncadmin.web import page, shell

SHOWN = 100
LOOKS = {
    VersionState.PROPOSED: "warn",
    VersionState.ACTIVE: "ok",
    VersionState.REPLACED: "info",
    VersionState.WITHDRAWN: "info",
}


@require_GET
@page(VIEW_MAPPING)
def list_(request: HttpRequest, name: str) -> HttpResponse:
    """All versions of a mapping, newest first."""
    mapping = _mapping(name)
    rows = mapping.versions.defer("document", "comparison")[:SHOWN]
    context = {"mapping": mapping, "rows": [(row, LOOKS[VersionState(row.state)]) for row in rows]}
    context["may_change"] = request.user.has_perm(CHANGE_MAPPING)
    return shell(request, "syncadmin/versions.html", context, title=_("Versions"))


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One version, and what it would do differently from what runs."""
    return _page(request, _version(name, number))


@require_GET
@page(VIEW_MAPPING)
def compared(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """All that was found, as a file."""
    version = _version(name, number)
    answer = JsonResponse(document(version), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{name}-version-{number}.json"'
    return answer


@require_POST
@page(APPROVE_GUARD_STOP)
def approve(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Let it take effect, as it was shown."""
    version = _version(name, number)
    try:
        versions.approve(version.pk, request.POST.get("digest", ""), request.user)
    except (Overtaken, versions.NotYet) as error:
        version.refresh_from_db()
        if version.comparing == Comparing.WAITING:
            enqueue_comparison(version.pk)
        return _page(request, version, problem=str(error), status=200 if request.htmx else 409)
    enqueue_pass(version.mapping_id, "reconcile")
    messages.success(request, _("It is in force, and the next pass works by it."))
    return _back(version)


@require_POST
@page(CHANGE_MAPPING)
def withdraw(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Take a proposal back."""
    version = _version(name, number)
    try:
        stored.withdraw(version.pk, request.user)
    except Overtaken as error:
        messages.error(request, str(error))
    return _back(version)


@require_POST
@page(VIEW_MAPPING)
def compare(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Have a proposal compared anew."""
    version = _version(name, number)
    if version.state == VersionState.PROPOSED:
        versions.compare_again(version)
        enqueue_comparison(version.pk)
    return _back(version)


@require_POST
@page(CHANGE_MAPPING)
def propose(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Propose an earlier version again."""
    version = _version(name, number)
    try:
        made = versions.back_to(version, request.user)
    except (Overtaken, Unchangeable) as error:
        return _page(request, version, problem=str(error), status=409)
    enqueue_comparison(made.pk)
    return _back(made)


def _mapping(name: str) -> Mapping:
    return get_object_or_404(Mapping.objects.select_related("left__system", "right__system"), name=name)


def _version(name: str, number: int) -> MappingVersion:
    related = ("mapping__left__system", "mapping__right__system", "base")
    found = MappingVersion.objects.select_related(*related).filter(mapping__name=name, number=number).first()
    if found is None:
        raise Http404("There is no such version.")
    return found


def _back(version: MappingVersion) -> HttpResponse:
    return HttpResponseRedirect(reverse("syncadmin:version", args=[version.mapping.name, version.number]))


def _page(
    request: HttpRequest, version: MappingVersion, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "version": version,
        "mapping": version.mapping,
        "look": LOOKS[VersionState(version.state)],
        "compared": is_compared(version),
        "problem": problem,
        "may_approve": request.user.has_perm(APPROVE_GUARD_STOP),
        "may_change": request.user.has_perm(CHANGE_MAPPING) and not version.mapping.retired,
        **page_of(version),
    }
    return shell(request, "syncadmin/version.html", context, title=_("Version"), status=status)
