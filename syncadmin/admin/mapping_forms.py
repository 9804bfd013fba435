"""Forms of a mapping, its field mappings and its row rules.

Each form turns what was typed into the document that a file would hold, and asks `syncadmin.config` what is
wrong with it. Problems that concern several forms are found once, by the field mappings' formset.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ObjectDoesNotExist
from django.forms.models import BaseInlineFormSet
from django.utils.functional import lazy
from django.utils.text import capfirst, format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError
from unfold.forms import PaginationInlineFormSet
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from syncadmin.config import versions
from syncadmin.config.checks import check_mapping, check_world
from syncadmin.config.convert import FIELD_KEYS, MAPPING_KEYS, mapping_document, stored_world
from syncadmin.config.differences import Unchangeable
from syncadmin.config.errors import problems_of
from syncadmin.config.problems import Problem
from syncadmin.config.schema import EscalateSpec, FieldSpec, MappingSpec, RowRuleSpec
from syncadmin.core.policy import FirstContact
from syncadmin.core.side import SIDES
from syncadmin.core.values import Normalize
from syncadmin.models import FieldMapping, Mapping, RowRule
from syncadmin.models.mappings import choices_of

from .fields import NamesField, YamlField, duration, share, told

CODE = {"rows": 2, "class": "sa-code", "spellcheck": "false"}
HELP = {
    "enabled": _("Passes run."),
    "left": _("A resource of one system."),
    "right": _("A resource of the other."),
}
ELSEWHERE = _("Something in this mapping needs attention: see the marked fields.")
# by fields of their own; on the pages of the rules, and of the assessment
ELSEWHERE_ENTERED = ("separators", "zones", "learned", "assessment")


def _plain(description: str) -> str:
    return gettext(description).replace("`", "") if description else ""


_unquoted = lazy(_plain, str)


def _help(model: Any, key: str, before: Any = "") -> Any:
    """What the file's reference says of a key, after a sentence of the form's own; said when it is shown."""
    text = _unquoted(model.model_fields[key].description or "")
    return format_lazy("{} {}", before, text) if before else text


class MappingForm(forms.ModelForm):
    """A mapping's own settings."""

    match = NamesField(
        help_text=_help(MappingSpec, "match", _("Names of field mappings, separated by commas."))
    )
    clock_tolerance = duration(help_text=_help(MappingSpec, "clock_tolerance"))
    schedule = duration(help_text=_help(MappingSpec, "schedule", _("Such as 30s, 5m or 1h.")))
    reconcile_every = duration(label=_("Reconcile"), help_text=_help(MappingSpec, "reconcile"))
    due = duration(required=False, help_text=_help(MappingSpec, "due", _("Such as 4h.")))
    escalate_after = duration(required=False, help_text=_help(EscalateSpec, "after"))
    max_deletes = share(help_text=_("Such as 5%. A pass that would delete a larger share stops and asks."))
    max_changes = share(help_text=_("A pass that would change a larger share stops and asks."))
    max_blanks = share(help_text=_("A pass that would empty values in a larger share stops and asks."))
    max_shrinks = share(
        help_text=_("A pass that would cut off or mask one field's values in a larger share stops and asks.")
    )
    max_same = share(
        help_text=_("A pass that would set one field to one same value in a larger share stops and asks.")
    )

    class Meta:
        model = Mapping
        fields = ("name", *(a for a in MAPPING_KEYS.values() if a not in ELSEWHERE_ENTERED))
        widgets = {
            "left_filter": UnfoldAdminTextareaWidget(attrs=CODE),
            "right_filter": UnfoldAdminTextareaWidget(attrs=CODE),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _label(self)
        for attribute in HELP.keys() & self.fields.keys():
            self.fields[attribute].help_text = HELP[attribute]
        self.instance.form = self  # where the formset reports what concerns the mapping itself
        for attribute, key in {a: k for k, a in MAPPING_KEYS.items()}.items():
            field = self.fields.get(attribute)
            if field and key in MappingSpec.model_fields and not field.help_text:
                field.help_text = _help(MappingSpec, key)
        for name in ("person", "group"):
            if f"escalate_{name}" in self.fields:
                self.fields[f"escalate_{name}"].help_text = _help(EscalateSpec, name)
        if "owner" in self.fields:
            self.fields["owner"].choices = [("", _("nobody: by row or field")), *_sides()]


class RowRuleForm(forms.ModelForm):
    """Rows that one side owns."""

    class Meta:
        model = RowRule
        fields = ("when", "owner", "position")
        widgets = {"when": UnfoldAdminTextareaWidget(attrs={**CODE, "rows": 1})}
        help_texts = {"when": _help(RowRuleSpec, "when")}


class FieldMappingForm(forms.ModelForm):
    """A field mapping; what belongs to some types only is in fields of its own, a side each."""

    normalize = forms.MultipleChoiceField(
        required=False,
        choices=[(n.value, _(n.value.replace("_", " "))) for n in Normalize],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=_("For text, choice and set: evened out before comparing, and so in what is written."),
    )
    choices = YamlField(
        label=_("Values"), rows=3, help_text=_("For choice, one a line: left value: right value.")
    )
    separator_left = forms.CharField(
        label=_("Separator left"), required=False, strip=False, widget=UnfoldAdminTextInputWidget
    )
    separator_right = forms.CharField(
        label=_("Separator right"), required=False, strip=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("For a set that this side keeps as text: what is between its members."),
    )  # fmt: skip
    zone_left = forms.CharField(label=_("Zone left"), required=False, widget=UnfoldAdminTextInputWidget)
    zone_right = forms.CharField(
        label=_("Zone right"), required=False, widget=UnfoldAdminTextInputWidget,
        help_text=_("For datetimes that come without a zone, such as Europe/Berlin; UTC if empty."),
    )  # fmt: skip

    weight = forms.FloatField(
        required=False, initial=1.0, min_value=0.01, max_value=1000, widget=UnfoldAdminTextInputWidget,
        help_text=_help(FieldSpec, "weight"),
    )  # fmt: skip

    class Meta:
        model = FieldMapping
        fields = ("name", "position", *(a for a in FIELD_KEYS.values() if a not in ELSEWHERE_ENTERED))
        widgets = {"rule": UnfoldAdminTextareaWidget(attrs=CODE)}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _label(self)
        for key, attribute in FIELD_KEYS.items():
            if attribute in self.fields and not self.declared_fields.get(attribute):
                self.fields[attribute].help_text = _help(FieldSpec, key)
        row = self.instance
        row.get_inline_title = _title(row)
        for side in SIDES:
            self.fields[f"separator_{side}"].initial = (row.separators or {}).get(side.value, "")
            self.fields[f"zone_{side}"].initial = (row.zones or {}).get(side.value, "")
        self.fields["owner"].choices = [("", _("shared")), *_sides()]
        self.fields["first_contact"].choices = [("", _("as the mapping")), *choices_of(FirstContact)]
        self.fields["target"].empty_label = _("none")

    def clean_weight(self) -> float:
        """As much as any other field, unless something is typed."""
        return 1.0 if self.cleaned_data["weight"] is None else float(self.cleaned_data["weight"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        row = self.instance
        row.separators = _by_side(cleaned, "separator")
        row.zones = _by_side(cleaned, "zone")
        return cleaned

    def tell(self, key: str, problem: Problem) -> None:
        """Show a problem at the form field that stands for a key of the file."""
        side = problem.path[-1] if problem.path and problem.path[-1] in ("left", "right") else "left"
        names = {"separators": f"separator_{side}", "zones": f"zone_{side}"}
        name = names.get(key) or FIELD_KEYS.get(key)
        self.add_error(name if name in self.fields else None, told(problem))


class FieldMappingFormSet(PaginationInlineFormSet, BaseInlineFormSet):
    """All field mappings of a mapping, and the one place where the mapping is checked as a whole."""

    def clean(self) -> None:
        super().clean()
        self._place_new_ones_last()
        parent = getattr(self.instance, "form", None)
        if any(self.errors) or parent is None or parent.errors:
            return
        rows = {
            f.instance.name: f
            for f in self.forms
            if f not in self.deleted_forms and f.has_changed() | bool(f.instance.pk)
        }
        try:
            document = mapping_document(
                self.instance,
                [f.instance for f in rows.values()],
                _rules(getattr(self.instance, "rules", None)),
            )
        except ObjectDoesNotExist:
            return  # no left or no right: the form says so
        self.instance.document = document  # what is to be stored, or proposed
        found = [*_problems(self.instance.name, document), *_unchangeable(self.instance, document)]
        for problem in found:
            self._tell(problem, rows, parent)
        if found:
            raise forms.ValidationError(ELSEWHERE)

    def _place_new_ones_last(self) -> None:
        last = max((form.instance.position or 0 for form in self.forms), default=0)
        for form in self.extra_forms:
            if not form.instance.position:
                last += 1
                form.instance.position = last

    def _tell(self, problem: Problem, rows: dict[str, FieldMappingForm], parent: MappingForm) -> None:
        path = problem.path
        if path[:1] == ("fields",) and len(path) > 1 and path[1] in rows:
            rows[str(path[1])].tell(str(path[2]) if len(path) > 2 else "", problem)
            return
        if path[:1] == ("rows",) and (rules := getattr(self.instance, "rules", None)) is not None:
            form = _live(rules)[int(path[1])]
            form.add_error(str(path[2]) if len(path) > 2 else None, told(problem))
            return
        dotted = (
            ".".join(str(part) for part in path[:2])
            if path[:1] in (("filter",), ("guards",), ("escalate",))
            else str(path[0])
        )
        name = MAPPING_KEYS.get(dotted)
        parent.add_error(name if name in parent.fields else None, told(problem))


def _problems(name: str, document: dict[str, Any]) -> Iterable[Problem]:
    """What is wrong with the document of a mapping, among everything that is stored."""
    try:
        spec = MappingSpec.model_validate(document)
    except ValidationError as error:
        return problems_of(error, MappingSpec, document)
    world = stored_world(leaving_out=name)
    world.mappings[name] = spec
    found = list(check_mapping(spec, world))
    return [*found, *(problem for of, problem in check_world(world) if of == name)]


def _unchangeable(row: Mapping, document: dict[str, Any]) -> Iterable[Problem]:
    """That a mapping in use can't become this."""
    try:
        stored = Mapping.objects.filter(pk=row.pk).first()
        if stored is not None and stored.in_use:
            versions.changes_to(stored, MappingSpec.model_validate(document))
    except Unchangeable as error:
        yield Problem(("left",), str(error))
    except ValidationError:
        return  # told already


def _label(form: forms.ModelForm) -> None:
    """Form fields of our own bear the names of what they set, too."""
    for name in form.declared_fields.keys() & form.fields.keys():
        if form.fields[name].label is None:
            form.fields[name].label = capfirst(form._meta.model._meta.get_field(name).verbose_name)


def _live(rules: Any) -> list[Any]:
    """The forms of row rules that will be there, in their order."""
    forms_ = [f for f in rules.forms if f not in rules.deleted_forms and (f.instance.pk or f.has_changed())]
    return sorted(forms_, key=lambda f: f.instance.position or 0)


def _rules(rules: Any) -> list[RowRule] | None:
    if rules is None:
        return None
    return [form.instance for form in _live(rules)] if rules.is_valid() else []


def _sides() -> list[tuple[str, str]]:
    return [(side.value, _(side.value)) for side in SIDES]


def _by_side(cleaned: dict[str, Any], name: str) -> dict[str, str]:
    return {side.value: text for side in SIDES if (text := cleaned.get(f"{name}_{side}"))}


def _title(row: FieldMapping) -> str:
    """A field mapping on one line: `phone: phone = tel, text, shared (review)`."""
    if not row.pk:
        return ""
    decided = (
        gettext("owner %(owner)s") % {"owner": gettext(row.owner)}
        if row.owner
        else gettext("shared (%(merge)s)") % {"merge": gettext(row.merge)}
    )
    return f"{row.name}: {row.left} = {row.right}, {gettext(row.type)}, {decided}"
