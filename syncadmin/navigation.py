"""How the admin's shell looks: title, styles, and the sidebar with what a person may see.

Settings import this module, so it must not import models at its top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _

ADMIN = "admin:syncadmin"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of links that the request's user may follow."""
    groups = [
        {
            "title": _("Work"),
            "items": [
                _item(request, _("Dashboard"), "dashboard", "syncadmin:dashboard", "syncadmin.view_mapping"),
                _item(request, _("Inbox"), "inbox", "conflicts:list", "conflicts.view_conflict", _waiting),
                _item(
                    request,
                    _("Team"),
                    "groups",
                    "conflicts:team",
                    "conflicts.view_conflict",
                    lambda: _asked(request),
                ),
                _item(request, _("Rules"), "rule", "conflicts:rules", "conflicts.view_conflict"),
                _item(request, _("Passes"), "sync", "syncadmin:passes", "syncadmin.view_pass"),
                _item(request, _("History"), "history", "syncadmin:history", "syncadmin.view_entry"),
                _item(
                    request,
                    _("Only on one side"),
                    "link_off",
                    "syncadmin:one-sided",
                    "syncadmin.view_unlinked",
                ),
                _item(
                    request,
                    _("Notifications"),
                    "notifications",
                    "syncadmin:notifications",
                    "conflicts.view_conflict",
                ),
            ],
        },
        {
            "title": _("Configuration"),
            "separator": True,
            "items": [
                _item(
                    request,
                    _("Mappings"),
                    "compare_arrows",
                    f"{ADMIN}_mapping_changelist",
                    "syncadmin.view_mapping",
                ),
                _item(request, _("Systems"), "dns", f"{ADMIN}_system_changelist", "syncadmin.view_system"),
                _item(request, _("Surveys"), "travel_explore", "syncadmin:surveys", "syncadmin.add_survey"),
            ],
        },
        {
            "title": _("People"),
            "separator": True,
            "items": [
                _item(request, _("Users"), "person", "admin:auth_user_changelist", "auth.view_user"),
                _item(request, _("Groups"), "group", "admin:auth_group_changelist", "auth.view_group"),
            ],
        },
    ]
    for group in groups:
        group["items"] = [item for item in group["items"] if item]
    at = max(
        (item["link"] for group in groups for item in group["items"] if item["active"]), default="", key=len
    )
    for group in groups:
        for item in group["items"]:
            item["active"] = item["link"] == at  # of pages below pages, only the one
    return [group for group in groups if group["items"]]


def _waiting() -> str:
    from conflicts.selectors import waiting_label

    return waiting_label()


def _asked(request: HttpRequest) -> str:
    from conflicts.team import asked_label

    return asked_label(request.user) if request.user.has_perm("conflicts.resolve_conflict") else ""


def _item(
    request: HttpRequest,
    title: str,
    icon: str,
    to: str,
    permission: str,
    badge: Callable[[], str] | None = None,
) -> dict[str, Any]:
    """One link; empty if the user lacks the permission. An empty badge is left out."""
    if not request.user.has_perm(permission):
        return {}
    link = reverse(to)
    active = request.path == link if link == "/" else request.path.startswith(link)
    item: dict[str, Any] = {"title": title, "icon": icon, "link": link, "active": active}
    if badge and (text := badge()):
        item["badge"] = text
    return item


# a calm blue; left, right and the states have tints of their own (app.css)
PRIMARY = {
    "50": "oklch(97% .014 254.604)",
    "100": "oklch(93.2% .032 255.585)",
    "200": "oklch(88.2% .059 254.128)",
    "300": "oklch(80.9% .105 251.813)",
    "400": "oklch(72% .145 254.624)",
    "500": "oklch(62% .175 259.815)",
    "600": "oklch(51% .19 262.881)",
    "700": "oklch(45% .18 264.376)",
    "800": "oklch(39% .15 265.638)",
    "900": "oklch(35% .12 265.522)",
    "950": "oklch(28.2% .091 267.935)",
}

UNFOLD: dict[str, Any] = {
    "COLORS": {"primary": PRIMARY},
    "SITE_TITLE": "SyncAdmin",
    "SITE_HEADER": "SyncAdmin",
    "SITE_SYMBOL": "sync_alt",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "STYLES": [lambda request: static("syncadmin/admin.css")],
    "SCRIPTS": [lambda request: static("syncadmin/admin.js")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": sidebar,
    },
}
