"""What all pages of ours share: who may see them, the admin's shell around them, keyset pages.

A page asked for by HTMX is rendered from the same template without the shell. Nothing here knows what a
page is about.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect

logger = logging.getLogger(__name__)
P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def page(permission: str) -> Callable[[View[P]], View[P]]:
    """A view for signed-in staff with `permission`. Others are sent to sign in, or told what they lack."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def checked(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if getattr(request, "htmx", False):
                    back = urlencode({"next": request.htmx.current_url_abs_path or "/"})
                    return HttpResponseClientRedirect(f"{reverse('admin:login')}?{back}")
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            if not (request.user.is_active and request.user.is_staff and request.user.has_perm(permission)):
                return forbidden(request, permission)
            return view(request, *args, **kwargs)

        checked.permission = permission  # type: ignore[attr-defined]
        return checked

    return decorate


def forbidden(request: HttpRequest, permission: str) -> HttpResponse:
    """Says which right is missing and who gives it."""
    context = {"permission": permission}
    return shell(request, "shell/forbidden.html", context, title=_("Not allowed"), status=403)


def shell(
    request: HttpRequest,
    template: str,
    context: dict[str, Any],
    *,
    title: str,
    full: str = "shell/page.html",
    partial: str = "shell/partial.html",
    status: int = 200,
) -> HttpResponse:
    """Render `template`, which extends `layout`: the whole page, or its part for HTMX."""
    htmx = getattr(request, "htmx", None)
    whole = not htmx or htmx.history_restore_request
    frame = admin.site.each_context(request) if whole else {}
    context = {**frame, "title": title, "layout": full if whole else partial, "whole": whole, **context}
    response = render(request, template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    add_never_cache_headers(response)
    return response


@dataclass(frozen=True, slots=True)
class Keyset:
    """A page of rows, newest first; `next` is the id that the following page starts below."""

    items: list[Any]
    next: int | None


def newest(queryset: QuerySet[Model], before: str | None, size: int = 50) -> Keyset:
    """The `size` newest rows with an id below `before`."""
    rows = queryset.order_by("-pk")
    if (number := whole_number(before)) is not None:
        rows = rows.filter(pk__lt=number)
    items = list(rows[: size + 1])
    return Keyset(items[:size], items[size - 1].pk if len(items) > size else None)


def whole_number(text: str | None) -> int | None:
    """A positive number from a query string, None if it is none that a database takes."""
    if text and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return None


def query_without(request: HttpRequest, *names: str) -> str:
    """The query string without some of its parameters, for links that keep the rest."""
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()
