"""Watching two systems without writing: begun, stopped and looked at on a survey's or a mapping's page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from syncadmin import watches
from syncadmin.jobs import enqueue_look
from syncadmin.models import Mapping, Resource, Survey, Watch
from syncadmin.permissions import SURVEY
from syncadmin.selectors.watches import newest
from syncadmin.watchpages import panel
from syncadmin.web import page, shell, whole_number


@require_http_methods(["GET", "HEAD", "POST"])
@page(SURVEY)
def mapping(request: HttpRequest, name: str) -> HttpResponse:
    """The panel of a mapping's resources, and what its buttons do."""
    mappings = Mapping.objects.select_related("left__system", "right__system")
    found = get_object_or_404(mappings, name=name)
    back = reverse("syncadmin:assessment", args=[name])
    return _panel(request, found.left, found.right, back, lambda **asked: watches.of_mapping(found, **asked))


@require_http_methods(["GET", "HEAD", "POST"])
@page(SURVEY)
def survey(request: HttpRequest, survey_id: int) -> HttpResponse:
    """The same of the resources of a survey."""
    surveys = Survey.objects.select_related("left__system", "right__system", "mapping")
    found = get_object_or_404(surveys, pk=survey_id)
    back = reverse("syncadmin:survey", args=[survey_id])
    return _panel(request, found.left, found.right, back, lambda **asked: watches.of_survey(found, **asked))


def _panel(
    request: HttpRequest, left: Resource, right: Resource, back: str, begin: Callable[..., Watch]
) -> HttpResponse:
    problem = ""
    if request.method == "POST":
        try:
            _act(request, newest(left, right), begin)
            return HttpResponseRedirect(f"{back}#watch")
        except watches.NotWatched as error:
            problem = str(error)
    context: dict[str, Any] = {"watch": panel(left, right, request.path, problem), "may_watch": True}
    template = "syncadmin/_watch.html" if request.htmx else "syncadmin/watch.html"
    return shell(request, template, context | {"back": back}, title="", status=409 if problem else 200)


def _act(request: HttpRequest, watch: Watch | None, begin: Callable[..., Watch]) -> None:
    """Do what a button says. Raises NotWatched."""
    act = request.POST.get("act", "")
    if act == "start":
        minutes = whole_number(request.POST.get("every")) or watches.EVERY // 60
        days = whole_number(request.POST.get("days")) or watches.DAYS
        watch = begin(every=min(60 * minutes, watches.MOST_EVERY), days=days, user=request.user)
        enqueue_look(watch.pk)
    elif act == "resume" and watch is not None:
        watches.resume(watch.pk)
        enqueue_look(watch.pk)
    elif act == "stop" and watch is not None:
        watches.stop(watch.pk, request.user.get_username())
