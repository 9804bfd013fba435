"""How the admin's shell looks: title, styles, and the sidebar with what a person may see.

Settings import this module, so it must not import models at its top.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def may(permission: str) -> Callable[[HttpRequest], bool]:
    """A test whether the request's user has a permission."""
    return lambda request: request.user.has_perm(permission)


def open_conflicts(request: HttpRequest) -> str:
    """The number of conflicts that wait, for the sidebar; empty if there is none."""
    from conflicts.selectors import waiting_label

    return waiting_label() if request.user.has_perm("conflicts.view_conflict") else ""


def _item(title: str, icon: str, to: str, permission: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(to), "permission": may(permission), **more}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "SyncAdmin",
    "SITE_HEADER": "SyncAdmin",
    "SITE_SYMBOL": "sync_alt",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("syncadmin/admin.css")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "title": "Work",
                "items": [
                    _item("Dashboard", "dashboard", "syncadmin:dashboard", "syncadmin.view_mapping"),
                    _item(
                        "Inbox",
                        "inbox",
                        "conflicts:list",
                        "conflicts.view_conflict",
                        badge="syncadmin.navigation.open_conflicts",
                    ),
                    _item("Passes", "sync", "syncadmin:passes", "syncadmin.view_pass"),
                    _item("History", "history", "syncadmin:history", "syncadmin.view_entry"),
                ],
            },
            {
                "title": "Configuration",
                "separator": True,
                "items": [
                    _item(
                        "Mappings", "compare_arrows", "admin:syncadmin_mapping_changelist", "syncadmin.view_mapping"
                    ),
                    _item("Systems", "dns", "admin:syncadmin_system_changelist", "syncadmin.view_system"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Users", "person", "admin:auth_user_changelist", "auth.view_user"),
                    _item("Groups", "group", "admin:auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
