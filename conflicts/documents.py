"""Items of the inbox as JSON documents, for commands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .models import Conflict, ConflictField


def document(conflict: Conflict) -> dict[str, Any]:
    """One item with everything needed to decide it."""
    linked = conflict.link
    return {
        "id": conflict.pk,
        "revision": conflict.revision,
        "state": conflict.state,
        "kind": conflict.kind,
        "mapping": conflict.mapping.name,
        "label": conflict.label,
        "reason": conflict.reason,
        "said": conflict.said,
        "left_key": linked.left_key if linked else (conflict.key if conflict.side == "left" else None),
        "right_key": linked.right_key if linked else (conflict.key if conflict.side == "right" else None),
        "candidates": conflict.candidates,
        "twins": conflict.twins,
        "moved": conflict.moved,
        "fields": [_field(field) for field in conflict.fields.all()],
        "decision": conflict.decision,
        "decided_by": conflict.decided_by.get_username() if conflict.decided_by else None,
        "opened_at": _time(conflict.opened_at),
        "decided_at": _time(conflict.decided_at),
        "closed_at": _time(conflict.closed_at),
        "closed_how": conflict.closed_how,
    }


def _field(field: ConflictField) -> dict[str, Any]:
    base = {"left": field.base_left, "right": field.base_right} if field.has_base else None
    return {
        "field": field.field,
        "left": field.left,
        "right": field.right,
        "base": base,
        "reason": field.reason,
        "pick": field.pick,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None
