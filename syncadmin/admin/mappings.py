"""Mappings with their field mappings and row rules."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline, TabularInline
from unfold.decorators import action, display

from connectors.base import ConnectorError
from syncadmin.config import versions
from syncadmin.config.apply import activate
from syncadmin.config.connect import promises
from syncadmin.config.export import export
from syncadmin.config.problems import Problem
from syncadmin.config.schema import MappingSpec
from syncadmin.config.verify import verify_live
from syncadmin.core.side import SIDES
from syncadmin.jobs import enqueue_comparison
from syncadmin.models import FieldMapping, Mapping, MappingVersion, RowRule

from .base import ConfigurationAdmin
from .mapping_forms import FieldMappingForm, FieldMappingFormSet, MappingForm, RowRuleForm


class FieldMappingInline(StackedInline):
    """Field mappings, one closed line each until it is opened."""

    model = FieldMapping
    fk_name = "mapping"
    form = FieldMappingForm
    formset = FieldMappingFormSet
    extra = 0
    tab = True
    collapsible = True
    ordering_field = "position"
    hide_ordering_field = True
    fieldsets = (
        (None, {"fields": (("name", "type"), ("left", "right"), ("owner", "drift"), ("merge", "rule"))}),
        (_("Conversion"), {"fields": ("normalize", ("scale", "target"), "choices")}),
        (_("Sides"), {"fields": (("separator_left", "separator_right"), ("zone_left", "zone_right"))}),
        (_("Decision"), {"fields": (("group", "first_contact"), ("weight", "two_people"), "position")}),
    )

    # shown to those who may only look; for others, form fields of the same names take their place

    def separator_left(self, obj: FieldMapping) -> str:
        return obj.separators.get("left", "")

    def separator_right(self, obj: FieldMapping) -> str:
        return obj.separators.get("right", "")

    def zone_left(self, obj: FieldMapping) -> str:
        return obj.zones.get("left", "")

    def zone_right(self, obj: FieldMapping) -> str:
        return obj.zones.get("right", "")


class RowRuleInline(TabularInline):
    """Rows that one side owns."""

    model = RowRule
    form = RowRuleForm
    extra = 0
    tab = True
    ordering_field = "position"
    hide_ordering_field = True
    fields = ("when", "owner", "position")


@admin.register(Mapping)
class MappingAdmin(ConfigurationAdmin):
    """Mappings: what is kept in step with what, and who decides."""

    form = MappingForm
    inlines = (FieldMappingInline, RowRuleInline)
    list_display = ("name", "label", "left_resource", "right_resource", "field_count", "runs", "stands")
    list_filter = ("enabled",)
    search_fields = ("name", "label")
    actions_detail = ("check_mapping", "way")
    actions_list = ("export_file",)
    fieldsets = (
        (None, {"fields": (("name", "label"), ("left", "right"), ("match", "title"), "enabled")}),
        (
            _("Ownership"),
            {
                "classes": ["tab"],
                "fields": (("owner", "drift"), ("left_filter", "right_filter"), "left_scope"),
            },
        ),
        (
            _("Creating and deleting"),
            {"classes": ["tab"], "fields": ("create", "deletes", "edit_vs_delete")},
        ),
        (
            _("Conflicts"),
            {
                "classes": ["tab"],
                "fields": (
                    "first_contact",
                    "clock_tolerance",
                    ("whole_record", "value"),
                    ("due", "escalate_after"),
                    ("escalate_person", "escalate_group"),
                ),
            },
        ),
        (
            _("Schedule and guards"),
            {
                "classes": ["tab"],
                "fields": (
                    ("schedule", "reconcile_every"),
                    ("max_deletes", "max_changes"),
                    ("max_blanks", "max_shrinks"),
                    ("max_same", "guard_floor"),
                    ("risk", "rehearse"),
                ),
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mapping]:
        """Mappings with what the list shows, in one query."""
        rows = super().get_queryset(request).select_related("left__system", "right__system", "state")
        return rows.annotate(field_total=Count("fields"))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Resources are named with their systems, in one query."""
        if db_field.name in ("left", "right"):
            kwargs["queryset"] = db_field.related_model.objects.select_related("system")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """No deleting in bulk: a mapping has links and a journal."""
        return {}

    def has_delete_permission(self, request: HttpRequest, obj: Mapping | None = None) -> bool:
        """Only what never ran may be deleted: links and the journal are the proof that nothing was lost."""
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or not (obj.entries.exists() or obj.links.exists()))

    def _create_formsets(self, request: HttpRequest, obj: Mapping, change: bool) -> Any:
        """The field mappings' formset checks the whole mapping: it needs the row rules beside it."""
        formsets, inlines = super()._create_formsets(request, obj, change)
        obj.rules = (
            next((f for f in formsets if f.model is RowRule), None) if request.method == "POST" else None
        )
        return formsets, inlines

    def has_change_permission(self, request: HttpRequest, obj: Mapping | None = None) -> bool:
        """What is out of service for good is only looked at."""
        return super().has_change_permission(request, obj) and not (isinstance(obj, Mapping) and obj.retired)

    def save_model(self, request: HttpRequest, obj: Mapping, form: Any, change: bool) -> None:
        """What could write is proposed, where records are linked; all else is saved."""
        obj.proposed = self._propose(request, obj) if change else None
        if obj.proposed is None:
            super().save_model(request, obj, form, change)

    def _propose(self, request: HttpRequest, obj: Mapping) -> MappingVersion | None:
        stored, spec = Mapping.objects.get(pk=obj.pk), MappingSpec.model_validate(obj.document)
        if not versions.must_wait(stored, spec):
            return None
        if stored.enabled != spec.enabled:  # whether passes run is no part of a version
            stored.enabled = spec.enabled
            stored.save()
        made = versions.propose(stored, spec, user=request.user, how="admin")
        enqueue_comparison(made.pk)
        return made

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """A corrected mapping may run again."""
        if getattr(form.instance, "proposed", None) is not None:
            return
        super().save_related(request, form, formsets, change)
        activate([form.instance])
        if change and form.instance.in_use:
            versions.current(form.instance, user=request.user, how="admin")

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """What was only proposed has changed nothing yet."""
        if getattr(form.instance, "proposed", None) is not None:
            return []
        return super().construct_change_message(request, form, formsets, add)

    def log_change(self, request: HttpRequest, obj: Mapping, message: Any) -> Any:
        """Nothing was changed by a proposal."""
        return super().log_change(request, obj, message) if getattr(obj, "proposed", None) is None else None

    def response_change(self, request: HttpRequest, obj: Mapping) -> HttpResponse:
        """Who proposed something is shown what it would do."""
        made = getattr(obj, "proposed", None)
        if made is None:
            return super().response_change(request, obj)
        messages.info(request, gettext("Nothing has been changed yet: this is a proposal."))
        return HttpResponseRedirect(reverse("syncadmin:version", args=[obj.name, made.number]))

    @display(description=_("Left"), ordering="left__system__name")
    def left_resource(self, obj: Mapping) -> str:
        return str(obj.left)

    @display(description=_("Right"), ordering="right__system__name")
    def right_resource(self, obj: Mapping) -> str:
        return str(obj.right)

    @display(description=_("Fields"), ordering="field_total")
    def field_count(self, obj: Mapping) -> int:
        return obj.field_total

    @display(description=_("Enabled"), boolean=True, ordering="enabled")
    def runs(self, obj: Mapping) -> bool:
        return obj.enabled

    @display(description=_("State"), label={"runs": "success", "off": "info", "stopped": "danger"})
    def stands(self, obj: Mapping) -> tuple[str, str]:
        """Whether passes run, and if not, why."""
        if not obj.enabled:
            return "off", gettext("switched off")
        stopped = getattr(obj, "state", None) and obj.state.stopped
        if stopped:
            return "stopped", gettext("stopped: %(why)s") % {"why": gettext(stopped)}
        return "runs", gettext("runs")

    @action(description=_("Check mapping"), url_path="check", permissions=["change"], icon="rule")
    def check_mapping(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Compare the mapping with both systems as they are now."""
        row = self.visible(request, object_id)
        try:
            problems = verify_live(row)
        except ConnectorError as error:
            problems = [Problem((), str(error))]
        found = {}
        for side in SIDES:
            resource = row.resource(side)
            found[f"{gettext(side)}: {resource}"] = promises(resource.system).get(resource.name, "")
        context = {"problems": problems, "promises": found}
        return self.page(
            request,
            row,
            "admin/syncadmin/mapping_check.html",
            gettext("Check of %(mapping)s") % {"mapping": row},
            context,
        )

    @action(description=_("Steps to running"), url_path="way", permissions=["view"], icon="route")
    def way(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """How far the mapping has come on its way to running."""
        return HttpResponseRedirect(reverse("syncadmin:setup", args=[self.visible(request, object_id).name]))

    @action(description=_("Export as file"), url_path="export", permissions=["view"], icon="download")
    def export_file(self, request: HttpRequest) -> HttpResponse:
        """The whole configuration as YAML, secrets as ${NAME}."""
        response = HttpResponse(export(), content_type="application/yaml; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="syncadmin.yaml"'
        return response
