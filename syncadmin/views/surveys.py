"""Surveys in the browser: start one, watch it, look at what was found, make a mapping of it."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connectors.base import ConnectorError
from syncadmin import surveypages, surveys
from syncadmin.config.problems import BadConfig
from syncadmin.config.schema import NAME
from syncadmin.engine.exposed import ask
from syncadmin.jobs import enqueue_survey
from syncadmin.models import Resource, Survey
from syncadmin.permissions import SURVEY
from syncadmin.survey import report as reporting
from syncadmin.watchpages import panel
from syncadmin.web import newest, page, shell, whole_number

MAKE = "syncadmin.add_mapping"
MOST_RECORDS, MOST_READS = 50_000_000, 1_000_000


class StartForm(forms.Form):
    """What a survey is asked to read."""

    left = forms.ModelChoiceField(Resource.objects.none(), label=gettext_lazy("Left resource"))
    right = forms.ModelChoiceField(Resource.objects.none(), label=gettext_lazy("Right resource"))
    sample = forms.IntegerField(
        label=gettext_lazy("Records of each side at most"),
        min_value=0,
        max_value=MOST_RECORDS,
        initial=surveys.SAMPLE,
        help_text=gettext_lazy("0 reads all of them"),
    )
    budget = forms.IntegerField(
        label=gettext_lazy("Reads of both systems at most"),
        min_value=2,
        max_value=MOST_READS,
        initial=surveys.BUDGET,
        help_text=gettext_lazy("each page of records is one"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs["class"] = "sa-input"
            if name in ("left", "right"):
                field.queryset = Resource.objects.select_related("system")
                field.empty_label = _("choose …")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("left") and cleaned.get("left") == cleaned.get("right"):
            self.add_error("right", _("This is the same resource as on the left."))
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@page(SURVEY)
def list_(request: HttpRequest) -> HttpResponse:
    """All surveys, newest first, and the form that starts one."""
    form = StartForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        survey = surveys.start(
            asked["left"], asked["right"], sample=asked["sample"], budget=asked["budget"], user=request.user
        )
        enqueue_survey(survey.pk)
        return HttpResponseRedirect(reverse("syncadmin:survey", args=[survey.pk]))
    rows = _surveys().defer("result", "left_profile", "right_profile")
    context = {
        "form": form,
        "shown": newest(rows, request.GET.get("before")),
        "resources": Resource.objects.count(),
    }
    status = 422 if form.errors else 200
    return shell(request, "syncadmin/surveys.html", context, title=_("Surveys"), status=status)


@require_GET
@page(SURVEY)
def show(request: HttpRequest, survey_id: int) -> HttpResponse:
    """One survey: how far it is, or what it found. HTMX asks again while it is at work."""
    return _page(request, _survey(survey_id))


@require_POST
@page(SURVEY)
def cancel(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Stop a survey; what was read of a whole side is kept."""
    survey = _survey(survey_id)
    surveys.cancel(survey.pk)
    return _back(request, survey)


@require_POST
@page(SURVEY)
def resume(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Carry on a survey that was interrupted or stopped."""
    survey = _survey(survey_id)
    if surveys.resume(survey.pk):
        enqueue_survey(survey.pk)
    return _back(request, survey)


@require_http_methods(["GET", "HEAD", "POST"])
@page(SURVEY)
def file(request: HttpRequest, survey_id: int) -> HttpResponse:
    """The mapping that would be made, as a file: shown beneath the form, or downloaded."""
    survey = _survey(survey_id)
    name, key, chosen = _asked(request, survey)
    text = surveys.mapping_text(survey, name, key=key, chosen=chosen)
    if request.htmx:
        return shell(request, "syncadmin/survey_file.html", {"text": text}, title="")
    response = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{re.sub(r"[^A-Za-z0-9_-]", "_", name)}.yaml"'
    return response


@require_POST
@page(MAKE)
def make(request: HttpRequest, survey_id: int) -> HttpResponse:
    """Make the mapping, switched off, exactly as `apply` would of its file."""
    survey = _survey(survey_id)
    name, key, chosen = _asked(request, survey)
    try:
        mapping = surveys.make_mapping(survey, name, key=key, chosen=chosen, by=request.user.get_username())
    except BadConfig as error:
        return _page(request, survey, problems=[problem.text for problem in error.problems], status=422)
    with suppress(ConnectorError):  # what is not told now, the risk's page asks again
        ask(mapping)
    return HttpResponseRedirect(reverse("syncadmin:setup", args=[mapping.name]))


def _asked(request: HttpRequest, survey: Survey) -> tuple[str, int, list[str]]:
    """The name, match key and field mappings that the form asks for. Raises Http404 without a result."""
    asked = request.POST if request.method == "POST" else request.GET
    key = whole_number(asked.get("key")) or 0
    if survey.result is None or key >= len(survey.result["keys"]):
        raise Http404("There is no such match key.")
    return asked.get("name", "").strip() or _name(survey), key, asked.getlist("field")


def _name(survey: Survey) -> str:
    """A name for the mapping: that of the left resource."""
    return survey.left.name if re.fullmatch(NAME, survey.left.name) else "survey"


def _page(
    request: HttpRequest, survey: Survey, *, problems: list[str] | None = None, status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "survey": survey,
        "working": survey.state in surveys.WORKING,
        "at_work_on": getattr(survey, survey.side) if survey.side else None,
        "problems": problems or [],
        "may_make": request.user.has_perm(MAKE),
    }
    if survey.result is not None:
        found = reporting.read(survey.result)
        asked = request.POST if problems else None
        context |= {
            "found": found,
            "keys": surveypages.keys(survey, found),
            "pairs": surveypages.pairs(found),
            "ages": surveypages.ages(found),
            "facts": surveypages.facts(survey, found),
            "name": asked.get("name", "") if asked else _name(survey),
            "key": (whole_number(asked.get("key")) or 0) if asked else 0,
            "watch": panel(survey.left, survey.right, reverse("syncadmin:survey-watch", args=[survey.pk])),
            "may_watch": True,
            "ticked": asked.getlist("field") if asked else None,
        }
    title = _("Survey #%(number)s") % {"number": survey.pk}
    return shell(request, "syncadmin/survey.html", context, title=title, status=status)


def _back(request: HttpRequest, survey: Survey) -> HttpResponse:
    if request.htmx:
        return _page(request, _survey(survey.pk))
    return HttpResponseRedirect(reverse("syncadmin:survey", args=[survey.pk]))


def _surveys() -> Any:
    return Survey.objects.select_related("left__system", "right__system", "mapping")


def _survey(survey_id: int) -> Survey:
    return get_object_or_404(_surveys().defer("left_profile", "right_profile"), pk=survey_id)
