"""What the configuration's admin pages share: history with differences, result pages, permissions."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from syncadmin.config.history import revisions


class ConfigurationAdmin(ModelAdmin):
    """An admin of something that a file can say: its history is that of all its parts."""

    list_per_page = 50
    list_max_show_all = 50
    list_fullwidth = True
    compressed_fields = True
    warn_unsaved_form = True
    show_full_result_count = False

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Who changed what, when, and from what to what."""
        row = self.visible(request, object_id)
        context = {"revisions": revisions(row), **(extra_context or {})}
        return self.page(
            request, row, "admin/syncadmin/history.html", _("History of %(name)s") % {"name": row}, context
        )

    def visible(self, request: HttpRequest, object_id: str) -> Any:
        """The row, if the user may look at it. Raises Http404, PermissionDenied."""
        row = get_object_or_404(self.get_queryset(request), pk=object_id)
        if not self.has_view_or_change_permission(request, row):
            raise PermissionDenied
        return row

    def page(
        self, request: HttpRequest, row: Any, template: str, title: str, context: dict[str, Any]
    ) -> HttpResponse:
        """A page about one row, in the admin's shell."""
        opts = self.model._meta
        change = f"{self.admin_site.name}:{opts.app_label}_{opts.model_name}_change"
        return TemplateResponse(
            request,
            template,
            {
                **self.admin_site.each_context(request),
                "title": title,
                "opts": opts,
                "original": row,
                "back": reverse(change, args=[row.pk]),
                **context,
            },
        )
