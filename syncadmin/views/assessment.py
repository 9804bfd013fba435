"""Who owns what: the questions of an assessment, what is recommended, its sheets, and taking it over."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from syncadmin import assessing
from syncadmin.config.problems import BadConfig
from syncadmin.core.side import SIDES, Side
from syncadmin.jobs import enqueue_comparison
from syncadmin.models import AssessmentVersion, Mapping
from syncadmin.permissions import ACCEPT_RISK, CHANGE_MAPPING, SURVEY, VIEW_MAPPING
from syncadmin.selectors.assessment import Answers, Standing, assessment, standing
from syncadmin.sheetpdf import pdf
from syncadmin.sheets import printed
from syncadmin.watchpages import panel
from syncadmin.web import page, shell

from .asking import BadAnswers, asked, questions, rows_as_text

LOOKS = {
    Standing.MISSING: ("warn", gettext_lazy("not answered")),
    Standing.SUGGESTED: ("info", gettext_lazy("suggested, not answered")),
    Standing.ANSWERED: ("info", gettext_lazy("answered, no sheet yet")),
    Standing.DONE: ("ok", gettext_lazy("done")),
    Standing.OUTDATED: ("warn", gettext_lazy("changed since the last sheet")),
}


class SignForm(forms.Form):
    """Who signed a sheet, for which side, and when."""

    side = forms.ChoiceField(label=gettext_lazy("For"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=150)
    role = forms.CharField(label=gettext_lazy("Role"), max_length=100, required=False)
    on = forms.DateField(
        label=gettext_lazy("Signed on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, data: Any, sides: list[tuple[str, str]]) -> None:
        super().__init__(data, initial={"on": timezone.localdate()})
        self.fields["side"].choices = sides
        for field in self.fields.values():
            field.widget.attrs["class"] = "sa-input"


@require_GET
@page(VIEW_MAPPING)
def show(request: HttpRequest, name: str) -> HttpResponse:
    """The questions with what counts now, the recommendation, and the sheets there are."""
    mapping = _mapping(name)
    return _page(request, mapping, Answers.stored(mapping))


@require_POST
@page(CHANGE_MAPPING)
def preview(request: HttpRequest, name: str) -> HttpResponse:
    """What would be recommended for the answers as they are typed; nothing is stored."""
    mapping = _mapping(name)
    try:
        answers = asked(mapping, request.POST)
    except BadAnswers as error:
        return shell(request, "syncadmin/_assessment_error.html", {"problems": error.problems}, title="")
    context = {**_found(mapping, answers), "unsaved": answers != Answers.stored(mapping), "live": True}
    return shell(request, "syncadmin/_assessment_live.html", context, title="")


@require_POST
@page(CHANGE_MAPPING)
def save(request: HttpRequest, name: str) -> HttpResponse:
    """Keep the answers; with `keep`, make a sheet of them."""
    mapping = _mapping(name)
    try:
        answers = asked(mapping, request.POST)
    except BadAnswers as error:
        return _page(request, mapping, error.answers, problems=error.problems)
    assessing.store(mapping, answers, request.user)
    if "keep" in request.POST:
        version = assessing.keep(_mapping(name), request.user.get_username())
        messages.success(request, _("Sheet %(number)s is made.") % {"number": version.number})
        return HttpResponseRedirect(f"{_address(mapping)}#sheets")
    messages.success(request, _("The answers are kept."))
    return HttpResponseRedirect(_address(mapping))


@require_POST
@page(CHANGE_MAPPING)
def take(request: HttpRequest, name: str) -> HttpResponse:
    """Configure what is recommended, as it was shown."""
    mapping = _mapping(name)
    shown, running = request.POST.get("shown", ""), "running" in request.POST
    try:
        taken = assessing.take_over(mapping, by=request.user.get_username(), shown=shown, running=running)
    except assessing.NotDone as error:
        messages.error(request, str(error))
    except BadConfig as error:
        for problem in error.problems:
            messages.error(request, f"{problem.place}: {problem.text}")
    else:
        if taken.proposal is not None:
            enqueue_comparison(taken.proposal.pk)
            messages.info(request, _("Nothing has been changed yet: this is a proposal."))
            return HttpResponseRedirect(
                reverse("syncadmin:version", args=[mapping.name, taken.proposal.number])
            )
        if taken.changes:
            messages.success(
                request, _("The recommendation is taken over. The history of the mapping has it.")
            )
    return HttpResponseRedirect(f"{_address(mapping)}#take")


@require_GET
@page(VIEW_MAPPING)
def sheet(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One sheet, as it is printed."""
    version = _version(name, number)
    context = {"sheet": printed(version.sheet, version), "version": version, "mapping": version.mapping}
    return shell(request, "syncadmin/sheet.html", context, title=_("Field authority sheet"))


@require_GET
@page(VIEW_MAPPING)
def sheet_pdf(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """The same as PDF."""
    version = _version(name, number)
    response = HttpResponse(pdf(printed(version.sheet, version), version.at), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{name}-sheet-{number}.pdf"'
    return response


@require_POST
@page(ACCEPT_RISK)
def sign(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Put down that somebody has signed a sheet."""
    version = _version(name, number)
    form = SignForm(request.POST, [(side.value, side.value) for side in SIDES])
    if form.is_valid():
        given = form.cleaned_data
        try:
            assessing.sign(
                version,
                Side(given["side"]),
                given["name"],
                given["role"],
                given["on"],
                request.user.get_username(),
            )
            messages.success(request, _("The signature is put down."))
        except assessing.NotDone as error:
            messages.error(request, str(error))
    else:
        for problems in form.errors.values():
            messages.error(request, " ".join(problems))
    return HttpResponseRedirect(f"{_address(version.mapping)}#sheets")


def _mapping(name: str) -> Mapping:
    related = ("left__system", "right__system", "state")
    mappings = Mapping.objects.select_related(*related).prefetch_related("fields__target", "row_rules")
    return get_object_or_404(mappings, name=name)


def _version(name: str, number: int) -> AssessmentVersion:
    versions = AssessmentVersion.objects.select_related("mapping").prefetch_related("signatures")
    return get_object_or_404(versions, mapping__name=name, number=number)


def _address(mapping: Mapping) -> str:
    return reverse("syncadmin:assessment", args=[mapping.name])


def _found(mapping: Mapping, answers: Answers) -> dict[str, Any]:
    """What is recommended, in words, with the questions it comes from."""
    found = assessment(mapping, answers)
    told = printed(assessing.sheet_of(found), None)
    table, lines = questions(found)
    return {
        "mapping": mapping,
        "told": told,
        "found": found,
        "table": table,
        "lines": list(zip(lines, told.rows, strict=True)),
    }


def _page(
    request: HttpRequest, mapping: Mapping, answers: Answers, problems: list[str] | None = None
) -> HttpResponse:
    context = _found(mapping, answers)
    listed = [] if problems else assessing.planned(mapping, context["found"])
    versions = list(AssessmentVersion.objects.filter(mapping=mapping).prefetch_related("signatures")[:50])
    context |= {
        "status": LOOKS[standing(mapping)],
        "teams": [
            (side.value, mapping.resource(side), answers.table.get("teams", {}).get(side.value, ""))
            for side in SIDES
        ],
        "rows": rows_as_text(answers),
        "problems": problems or [],
        "changes": [_change(one) for one in listed],
        "shown": assessing.digest(listed),
        "in_use": mapping.in_use,
        "versions": [_listed(version, context["found"].teams) for version in versions],
        "watch": panel(mapping.left, mapping.right, reverse("syncadmin:watch", args=[mapping.name])),
        "may_watch": request.user.has_perm(SURVEY),
        "may_change": request.user.has_perm(CHANGE_MAPPING),
        "may_sign": request.user.has_perm(ACCEPT_RISK),
    }
    status = 422 if problems else 200
    return shell(request, "syncadmin/assessment.html", context, title=_("Who owns what"), status=status)


def _change(change: assessing.Change) -> dict[str, str]:
    """One change of the configuration as a line."""
    none = _("none")
    if not change.key:
        return {"what": change.field, "key": "", "old": "", "new": _("no longer mapped")}
    old, new = (none if value is None else str(value) for value in (change.old, change.new))
    return {"what": change.field or _("mapping"), "key": change.key, "old": old, "new": new}


def _listed(version: AssessmentVersion, teams: Any) -> dict[str, Any]:
    """A sheet in the list, with the form for the sides that have not signed."""
    signed = {one.side: one for one in version.signatures.all()}
    open_sides = [
        (side.value, version.sheet[side.value]["team"]) for side in SIDES if side.value not in signed
    ]
    return {
        "version": version,
        "told": printed(version.sheet, version),
        "form": SignForm(None, open_sides) if open_sides else None,
    }
