"""Who may do what: the groups that every installation starts with, as data.

Pages ask for single permissions (`syncadmin.web.page`); a group is only a bundle of them, and an installation
may change its bundles. Whoever shall see any page must be staff (`is_staff`), because all pages live in the
admin's shell; users themselves are managed by superusers.
"""

from __future__ import annotations

from typing import Any

RUN_PASS = "syncadmin.run_pass"  # noqa: S105 - a permission, no password
APPROVE_GUARD_STOP = "syncadmin.approve_guardstop"
ACCEPT_RISK = "syncadmin.accept_risk"
RESOLVE_CONFLICT = "conflicts.resolve_conflict"
COMMENT = "conflicts.add_comment"
BULK_RESOLVE_CONFLICT = "conflicts.bulk_resolve_conflict"
SHARE_VIEW = "conflicts.share_savedview"
ADD_SYSTEM = "syncadmin.add_system"
VIEW_SYSTEM = "syncadmin.view_system"
CHANGE_SYSTEM = "syncadmin.change_system"
ADD_RESOURCE = "syncadmin.add_resource"
CHANGE_RESOURCE = "syncadmin.change_resource"
CHANGE_MAPPING = "syncadmin.change_mapping"
SURVEY = "syncadmin.add_survey"
REHEARSE = "syncadmin.add_rehearsal"
VIEW_MAPPING = "syncadmin.view_mapping"

CONFIGURED = ("system", "resource", "mapping", "fieldmapping", "rowrule")
DOMAIN = ("syncadmin", "conflicts")


def _changing(model: str) -> list[str]:
    return [f"syncadmin.{verb}_{model}" for verb in ("add", "change", "delete")]


# what a group may do beyond looking; all of them may look at everything in the domain
ACTIONS: dict[str, list[str]] = {
    "Integrator": [
        COMMENT,
        SHARE_VIEW,
        ACCEPT_RISK,
        SURVEY,
        REHEARSE,
        *(permission for model in CONFIGURED for permission in _changing(model)),
    ],
    "Reviewer": [COMMENT, RESOLVE_CONFLICT, BULK_RESOLVE_CONFLICT],
    "Auditor": ["auth.view_user", "auth.view_group"],
    "Operator": [COMMENT, SHARE_VIEW, RUN_PASS, REHEARSE, APPROVE_GUARD_STOP],
}


def make_groups(group_model: Any, permission_model: Any) -> None:
    """Make the groups, or give those that exist what they lack. Takes nothing away."""
    rows = permission_model.objects.filter(content_type__app_label__in=(*DOMAIN, "auth"))
    found = {
        f"{row.content_type.app_label}.{row.codename}": row for row in rows.select_related("content_type")
    }
    looking = [
        name for name in found if name.split(".")[0] in DOMAIN and name.split(".")[1].startswith("view_")
    ]
    for name, actions in ACTIONS.items():
        group, _ = group_model.objects.get_or_create(name=name)
        group.permissions.add(
            *(found[permission] for permission in (*looking, *actions) if permission in found)
        )
