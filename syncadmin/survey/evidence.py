"""Who edits what, as far as a survey tells: defaults for what people are asked when a mapping is assessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncadmin.core.assess import Who

from .report import Report
from .traffic import edits_a_day


@dataclass(frozen=True, slots=True)
class Evidence:
    """`table`: who edits the records, None if nobody can tell; `fields` by (left, right) source name."""

    table: Who | None = None
    fields: Mapping[tuple[str, str], Who] = field(default_factory=dict)


def evidence(found: Report) -> Evidence:
    """What a survey tells of who edits."""
    left, right = edits_a_day(found.left), edits_a_day(found.right)
    table = None
    if left is not None and right is not None and (left or right):
        table = Who.BOTH if left and right else Who.LEFT if left else Who.RIGHT
    suggested = [*found.fields, *(one for key in found.key_fields for one in key)]
    fields = {
        (one.left, one.right): Who(one.document["owner"]) for one in suggested if one.document.get("owner")
    }
    return Evidence(table, fields)
