"""The step rail: where one is on the way to a running mapping."""

from __future__ import annotations

from typing import Any

from django import template

from syncadmin.models import Mapping
from syncadmin.selectors import flow

register = template.Library()


@register.inclusion_tag("syncadmin/_flow_rail.html")
def flow_rail(at: str, of: Any) -> dict[str, Any]:
    """The rail on the page of the step `at`, of a mapping, a survey or a way.

    Nothing is shown for a mapping that is switched on: it has arrived.
    """
    if isinstance(of, Mapping) and of.enabled:
        return {}
    way = of if isinstance(of, flow.Way) else flow.of_mapping(of) if isinstance(of, Mapping) else None
    found = flow.steps(way or flow.of_survey(of))
    return {"steps": found, "at": at, "name": of.name if isinstance(of, Mapping) else ""}
