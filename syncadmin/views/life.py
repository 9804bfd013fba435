"""Pausing and resuming a mapping, and taking it out of service step by step."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin import leaving
from syncadmin.core.side import SIDES
from syncadmin.jobs import enqueue_pass
from syncadmin.models import Mapping
from syncadmin.permissions import CHANGE_MAPPING, VIEW_MAPPING
from syncadmin.web import page, shell

IN_MEMORY = 4_000_000
CHUNK = 65_536


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """How the mapping stands, and the ways to stop it."""
    return _page(request, _mapping(name))


@require_POST
@page(CHANGE_MAPPING)
def act(request: HttpRequest, name: str, what: str) -> HttpResponse:
    """Pause, resume, begin to take out of service, compare again, give that up, confirm it."""
    mapping = _mapping(name)
    try:
        if what == "pause":
            leaving.pause(mapping, request.user)
        elif what == "resume":
            leaving.resume(mapping, request.user)
            enqueue_pass(mapping.pk)
        elif what == "begin":
            leaving.begin(mapping, request.user)
            enqueue_pass(mapping.pk, "reconcile")
        elif what == "compare" and leaving.current(mapping) is not None:
            enqueue_pass(mapping.pk, "reconcile")
        elif what == "give-up":
            leaving.give_up(mapping, request.user)
        elif what == "confirm":
            leaving.confirm(mapping, request.user, anyway=bool(request.POST.get("anyway")))
    except leaving.Impossible as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("syncadmin:life", args=[mapping.name]))


@require_GET
@page("syncadmin.view_entry")
def files(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """Configuration, links and history as a zip."""
    mapping = _mapping(name)
    answer = StreamingHttpResponse(_archive(mapping), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{mapping.name}.zip"'
    return answer


def _archive(mapping: Mapping) -> Iterator[bytes]:
    """The zip, made once somebody reads it; in memory only while it is small."""
    with SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        leaving.export(mapping, file)
        file.seek(0)
        yield from iter(lambda: file.read(CHUNK), b"")


def _mapping(name: str) -> Mapping:
    return get_object_or_404(
        Mapping.objects.select_related("left__system", "right__system", "state"), name=name
    )


def _page(request: HttpRequest, mapping: Mapping) -> HttpResponse:
    found = leaving.standing(mapping)
    under_way = leaving.current(mapping)
    context: dict[str, Any] = {
        "mapping": mapping,
        "leaving": under_way,
        "retired": mapping.state.retired_at,
        "last": mapping.leavings.first(),
        "found": found,
        "waiting": under_way is not None and not found["compared"] and not found["message"],
        "alone": [(mapping.resource(side).system, found["alone"][side.value]) for side in SIDES],
        "may_change": request.user.has_perm(CHANGE_MAPPING),
        "may_export": request.user.has_perm("syncadmin.view_entry"),
    }
    return shell(request, "syncadmin/life.html", context, title=_("Pause and stop"))
