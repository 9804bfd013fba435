"""Versions of a mapping for showing: what differs, what that does, what came out when it was compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from syncadmin.config.differences import KeyChange, Unchangeable, differences
from syncadmin.config.versions import spec_of
from syncadmin.models import Comparing, MappingVersion

SHOWN = 3  # examples of a kind on the command line


def changes(version: MappingVersion) -> list[KeyChange]:
    """What a version changes of its base; nothing where that can't be told."""
    if version.base is None:
        return []
    try:
        return differences(spec_of(version.base.document), spec_of(version.document))
    except (ValidationError, Unchangeable):
        return []


def summary(version: MappingVersion) -> dict[str, Any]:
    """One line of the list, as plain data."""
    return {
        "mapping": version.mapping.name,
        "version": version.number,
        "state": version.state,
        "how": version.how,
        "made_by": version.made_name or None,
        "made_at": version.made_at.isoformat(),
        "approved_by": version.approved_name or None,
        "active_at": version.active_at.isoformat() if version.active_at else None,
        "closed_at": version.closed_at.isoformat() if version.closed_at else None,
        "closed_how": version.closed_how or None,
    }


def document(version: MappingVersion) -> dict[str, Any]:
    """All of a version as plain data."""
    return {
        **summary(version),
        "changes": [
            {"key": c.key, "old": c.old, "new": c.new, "harmless": c.harmless, "does": str(c.does)}
            for c in changes(version)
        ],
        "comparing": version.comparing or None,
        "message": version.message or None,
        "compared_at": version.compared_at.isoformat() if version.compared_at else None,
        "digest": version.digest or None,
        "comparison": version.comparison,
        "document": version.document,
    }


def lines(version: MappingVersion) -> Iterator[str]:
    """A version in words, for a terminal."""
    yield f"{version.mapping.name}, version {version.number}: {version.state} {version.how}".rstrip()
    for change in changes(version):
        yield f"  {change.key}: {_shown(change.old)} -> {_shown(change.new)}"
        yield f"    {change.does}"
    if version.comparison is None:
        return
    told = version.comparison
    at = f", {version.compared_at:%Y-%m-%d %H:%M} UTC" if version.compared_at else ""
    yield f"On today's data ({told['new']['read']} records read{at}):"
    rows = [row for row in told["rows"] if row["gained"] or row["lost"]]
    for row in rows:
        what = " ".join(filter(None, (row["what"], row["side"], row["field"])))
        yield f"  {what}: {row['old']} now, {row['new']} then"
        for sign, kept in (("+", row["more"]), ("-", row["less"])):
            for one in kept[:SHOWN]:
                yield f"    {sign} {one['label']}: {_shown(one['from'])} -> {_shown(one['to'])}"
    if told["old"]["linked"] != told["new"]["linked"]:
        yield f"  linked silently: {told['old']['linked']} now, {told['new']['linked']} then"
    if not rows:
        yield "  the plans are the same: nothing would be written that is not written now"
    if told["new"]["guard"]:
        yield f"  a guard would say: {told['new']['guard']}"
    past = told["history"]
    if not past["changes"]:
        yield "No changes were captured yet that could be decided again."
        return
    yield f"On {past['changes']} captured changes since {past['since'][:10]}:"
    for row in past["rows"]:
        yield f"  {row['field'] or 'record'}: {row['old']} -> {row['new']}: {row['count']}"
    for row in past["asked"]:
        if row["old"] != row["new"]:
            about = row["field"] or "the record"
            yield f"  questions on {about}: {row['old']} then, {row['new']} by this version"
    if not past["rows"]:
        yield "  every one of them would have come out the same"


def is_compared(version: MappingVersion) -> bool:
    """Whether there is something to look at before approving it."""
    return version.comparing == Comparing.DONE and version.comparison is not None


def _shown(value: Any) -> str:
    return "nothing" if value in (None, "", [], {}) else str(value)
