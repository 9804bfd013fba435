"""Systems with their resources and secrets.

Secrets are write-only: a field sets a new value; what is stored is never sent to a browser.
"""

from __future__ import annotations

from collections.abc import Mapping as Given
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import StackedInline
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from connectors import registry
from connectors.base import Misconfigured
from syncadmin.config import secrets
from syncadmin.config.apply import activate
from syncadmin.config.checks import check_link, check_record_url
from syncadmin.config.connect import promises, try_connection
from syncadmin.config.errors import keys_of
from syncadmin.config.export import as_yaml
from syncadmin.config.problems import dotted
from syncadmin.config.systems import check_settings, found, redirected
from syncadmin.models import Mapping, Resource, System

from .base import ConfigurationAdmin
from .fields import YamlField, told

WRITTEN = 200  # writes by hand that the history shows
SECRET = "secret_"  # noqa: S105  prefix of the form fields that set a secret


def _known_keys(model: str, connector: str) -> str:
    """The keys that a connector understands (each one, if none is chosen yet), for a help text."""
    lines = []
    for kind in [connector] if connector in registry.kinds() else registry.kinds():
        try:
            lines.append(f"{kind}: {', '.join(keys_of(getattr(registry.get(kind), model)))}.")
        except Misconfigured:
            continue
    return " ".join(lines)


class SystemForm(forms.ModelForm):
    """A system's own settings, checked by its connector; with a write-only field for each secret it names."""

    config = YamlField(
        label=_("Settings"),
        rows=8,
        help_text=_("As in the file, one key a line; secrets as ${NAME}, set below."),
    )

    class Meta:
        model = System
        fields = ("name", "label", "connector", "config", "record_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if connector := self.fields.get("connector"):
            connector.widget = UnfoldAdminSelectWidget(choices=[(kind, kind) for kind in registry.kinds()])
        if config := self.fields.get("config"):
            keys = gettext("Keys: %(keys)s") % {"keys": _known_keys("Config", self.instance.connector)}
            config.help_text = f"{config.help_text} {keys}"
        self.instance.given = {}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        given = {k.removeprefix(SECRET): v for k, v in cleaned.items() if k.startswith(SECRET) and v}
        self.instance.given = given
        for problem in check_record_url(cleaned.get("record_url") or ""):
            self.add_error("record_url", told(problem))
        if "config" in cleaned and cleaned.get("connector"):
            try:
                connector = found(cleaned["connector"])
            except Misconfigured as error:
                self.add_error("connector", error.message)
                return cleaned
            known = {**secrets.values_of(self.instance), **given}
            config = cleaned["config"]  # which is gone from `cleaned` as soon as it has an error
            for problem in check_settings(connector.Config, config, known):
                self.add_error("config", told(problem, self.data.get(self.add_prefix("config"), "")))
            self._ask_again(config, given)
        return cleaned

    def _ask_again(self, config: dict[str, Any], given: Given[str, str]) -> None:
        """Stored secrets that the new settings could send elsewhere must be typed in again."""
        before = System.objects.filter(pk=self.instance.pk).values_list("config", flat=True).first()
        changed = redirected(before, config) if before is not None else []
        kept = secrets.names_in(config) & set(secrets.values_of(self.instance)) - set(given)
        for name in sorted(kept) if changed else []:
            words = gettext("%(key)s changed: give this secret again, so that no stranger gets it.")
            text = words % {"key": dotted(changed[0])}
            self.add_error(SECRET + name if SECRET + name in self.fields else "config", text)


class ResourceForm(forms.ModelForm):
    """A resource's settings, checked by the connector of its system."""

    config = YamlField(label=_("Settings"), rows=5)

    class Meta:
        model = Resource
        fields = ("name", "link", "changed_by", "config")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        system = getattr(self.instance, "system", None)
        if config := self.fields.get("config"):
            keys = _known_keys("ResourceConfig", system.connector if system else "")
            config.help_text = gettext("As in the file, one key a line. Keys: %(keys)s") % {"keys": keys}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for problem in check_link(cleaned.get("link") or ""):
            self.add_error("link", told(problem))
        system = getattr(self.instance, "system", None)
        if "config" not in cleaned or system is None or system.connector not in registry.kinds():
            return cleaned
        known = {**secrets.values_of(system), **getattr(system, "given", {})}
        model = registry.get(system.connector).ResourceConfig
        for problem in check_settings(model, cleaned["config"], known):
            self.add_error("config", told(problem, self.data.get(self.add_prefix("config"), "")))
        return cleaned


class ResourceInline(StackedInline):
    """Tables or collections."""

    model = Resource
    form = ResourceForm
    extra = 0
    readonly_fields = ("settings_text",)

    def get_fields(self, request: HttpRequest, obj: System | None = None) -> tuple[str, ...]:
        """Who may only look sees the settings as they are written."""
        settings = "config" if self.has_change_permission(request, obj) else "settings_text"
        return ("name", "link", "changed_by", settings)

    @display(description=_("Settings"))
    def settings_text(self, obj: Resource) -> str:
        return format_html('<pre class="sa-code">{}</pre>', as_yaml(obj.config))


@admin.register(System)
class SystemAdmin(ConfigurationAdmin):
    """Systems: how to reach what is kept in sync."""

    form = SystemForm
    inlines = (ResourceInline,)
    list_display = ("name", "label", "connector", "resource_count", "secrets_state")
    search_fields = ("name", "label")
    actions_detail = ("test_connection", "try_it", "webhooks", "tracking", "quota")
    actions = ()

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what of it, and who wrote what to the live system by hand."""
        log = self.visible(request, object_id).tried_writes.all()[:WRITTEN]
        return super().history_view(request, object_id, {"log": log, **(extra_context or {})})

    def get_queryset(self, request: HttpRequest) -> QuerySet[System]:
        """Systems with what the list shows, in two queries."""
        rows = super().get_queryset(request).prefetch_related("resources")
        return rows.annotate(resource_total=Count("resources"))

    def get_form(
        self, request: HttpRequest, obj: System | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The form with one write-only field for each secret."""
        made = {SECRET + info.name: _secret_field(info) for info in secrets.listed(obj)} if obj else {}
        kwargs["form"] = type("SystemForm", (SystemForm,), made)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: System | None = None) -> list[Any]:
        """Secrets come last; who may only look sees which are set."""
        if obj and not self.has_change_permission(request, obj):
            main = ("name", "label", "connector", "settings_text", "record_url", "secrets_state")
            return [(None, {"fields": main})]
        names = [SECRET + info.name for info in secrets.listed(obj)] if obj else []
        sets: list[Any] = [(None, {"fields": (("name", "label"), "connector", "config", "record_url")})]
        if names:
            told_once = _("Write-only: stored encrypted, never shown again. Leave empty to keep what is set.")
            sets.append((_("Secrets"), {"fields": names, "description": told_once}))
        return sets

    def save_model(self, request: HttpRequest, obj: System, form: Any, change: bool) -> None:
        """Secrets are stored with the system; the history tells their names only."""
        newly = [
            n for n, value in obj.given.items() if secrets.put(obj, n, value, by=request.user.get_username())
        ]
        obj._change_reason = secrets.reason(newly)
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Mappings that this system had stopped may run again."""
        super().save_related(request, form, formsets, change)
        system = form.instance
        activate(Mapping.objects.filter(left__system=system) | Mapping.objects.filter(right__system=system))
        system._prefetched_objects_cache = {}
        if unset := [info.name for info in secrets.listed(system) if info.needed and not info.is_set]:
            words = gettext("Not set yet: %(names)s. Passes can't run until every secret has a value.")
            messages.warning(request, words % {"names": ", ".join(unset)})

    def response_add(
        self, request: HttpRequest, obj: System, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A new system that names secrets is shown again, with the fields to set them."""
        response = super().response_add(request, obj, post_url_continue)
        if any(not info.is_set for info in secrets.listed(obj)):
            return HttpResponseRedirect(f"../{obj.pk}/change/")
        return response

    @display(description=_("Resources"), ordering="resource_total")
    def resource_count(self, obj: System) -> int:
        return obj.resource_total

    @display(description=_("Settings"))
    def settings_text(self, obj: System) -> str:
        return format_html('<pre class="sa-code">{}</pre>', as_yaml(obj.config))

    @display(description=_("Secrets"))
    def secrets_state(self, obj: System) -> str:
        return (
            format_html_join(", ", "{} {}", ((info.name, _state(info)) for info in secrets.listed(obj)))
            or "-"
        )

    @action(description=_("Test connection"), url_path="test", permissions=["change"], icon="lan")
    def test_connection(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Try the connection now and show what was found, with remedies."""
        row = self.visible(request, object_id)
        items = try_connection(row)
        well = all(item.ok for item in items)
        context = {"items": items, "well": well, "promises": promises(row) if well else {}}
        return self.page(
            request,
            row,
            "admin/syncadmin/system_test.html",
            gettext("Connection of %(system)s") % {"system": row},
            context,
        )

    @action(description=_("Try it"), url_path="try", permissions=["change"], icon="science")
    def try_it(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask the system, and see request, answer and records."""
        return HttpResponseRedirect(reverse("syncadmin:try", args=[self.visible(request, object_id).name]))

    @action(description=_("Webhooks"), url_path="hooks", permissions=["view"], icon="webhook")
    def webhooks(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the system tells the hub by itself."""
        return HttpResponseRedirect(reverse("syncadmin:hooks", args=[self.visible(request, object_id).name]))

    @action(description=_("Change tracking"), url_path="tracking", permissions=["view"], icon="track_changes")
    def tracking(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Triggers that log every change, by resource."""
        row = self.visible(request, object_id)
        return HttpResponseRedirect(reverse("syncadmin:tracking-list", args=[row.name]))

    @action(description=_("Daily quota"), url_path="quota", permissions=["view"], icon="speed")
    def quota(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What was asked of the system today, and how long that may go on."""
        return HttpResponseRedirect(reverse("syncadmin:quota", args=[self.visible(request, object_id).name]))


def _state(info: secrets.SecretInfo) -> str:
    if not info.is_set:
        return gettext("not set")
    ages = {"span": timesince(info.set_at) if info.set_at else "", "who": info.set_by}
    text = gettext("is set")
    if info.set_at and info.set_by:
        text = gettext("set %(span)s ago by %(who)s")
    elif info.set_at:
        text = gettext("set %(span)s ago")
    return text % ages + ("" if info.needed else gettext(", no longer used"))


def _secret_field(info: secrets.SecretInfo) -> forms.CharField:
    attrs = {
        "autocomplete": "new-password",
        "placeholder": "•••••••• " + _state(info) if info.is_set else gettext("not set"),
    }
    return forms.CharField(
        label=info.name, required=False, strip=False, widget=UnfoldAdminPasswordWidget(attrs=attrs)
    )
