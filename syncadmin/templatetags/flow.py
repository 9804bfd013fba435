"""The step rail: where one is on the way to a running mapping."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext_lazy

from syncadmin.models import Mapping
from syncadmin.selectors import flow

register = template.Library()

# what the lines of a connection test are called by connectors, and what people read
CHECKS = {
    "reachable": gettext_lazy("Reachable"),
    "signed in": gettext_lazy("Signed in"),
    "authenticated": gettext_lazy("Signed in"),
    "clock": gettext_lazy("Clock"),
    "limits": gettext_lazy("Limits"),
    "schemas": gettext_lazy("Other schemas"),
    "configuration": gettext_lazy("Settings"),
    "readable": gettext_lazy("May be read"),
    "writable": gettext_lazy("May be written"),
    "complete": gettext_lazy("Shows everything"),
    "changes": gettext_lazy("Finds changes"),
}


@register.filter
def checked(name: str) -> Any:
    """The name of a line of a connection test, in the reader's language; of a resource's line, its part."""
    if name.startswith("resource "):
        return CHECKS["readable"]
    return CHECKS.get(name.rpartition(": ")[2], name)


@register.inclusion_tag("syncadmin/_flow_rail.html")
def flow_rail(at: str, of: Any) -> dict[str, Any]:
    """The rail on the page of the step `at`, of a mapping, a survey or a way; and on to the next step.

    Nothing is shown for a mapping that is switched on: it has arrived.
    """
    if isinstance(of, Mapping) and of.enabled:
        return {}
    way = of if isinstance(of, flow.Way) else flow.of_mapping(of) if isinstance(of, Mapping) else None
    found = flow.steps(way or flow.of_survey(of))
    return {"steps": found, "at": at, "next": _next(found, at) if isinstance(of, Mapping) else None}


def _next(found: list[flow.Step], at: str) -> flow.Step | None:
    """The step to go on with, once that of the page is behind."""
    behind = any(step.name == at and step.state in (flow.State.DONE, flow.State.NOT_NEEDED) for step in found)
    return flow.current(found) if behind else None
