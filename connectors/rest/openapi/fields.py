"""The fields of described records: type, bounds, whether they may be written; parts of objects with a dot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import Node
from .finding import Found
from .notes import Note, Part, remark
from .schemas import field_config, kind, shape
from .writes import record_in, writable

MOST = 80
_MOST_PARTS = 20


def of_records(found: Found, key: str) -> Part:
    """`fields`, with what is to be said of those that may be missing."""
    can = writable(found)
    fields: dict[str, Any] = {}
    required = found.record.required
    left = 0
    for name, node in found.record.properties.items():
        may = (not can or name in can) and not node.flag("readOnly") and name != key
        for full, one in _parts(name, node):
            if len(fields) == MOST or not full.isprintable():
                left += 1
                continue
            always = full == name and name in required
            fields[full] = field_config(one, required=always, writable=may and not one.flag("readOnly"))
    part = Part()
    part.say("fields", fields, *_notes(found, left, told=bool(can)))
    return part


def _parts(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    """A field, or the single values inside of it, if it is a small object of these."""
    inner = shape(node)
    names = inner.properties
    simple = [one for one in names if "." not in one and kind(names[one]) != "json"]
    if "." in name or inner.members is not None or not simple or len(names) > _MOST_PARTS:
        yield name, node
    elif any(shape(one).members is not None for one in names.values()):
        yield name, node  # a list in a wrapper of its own
    else:
        yield from ((f"{name}.{one}", names[one]) for one in simple)


def _notes(found: Found, left: int, *, told: bool) -> list[Note]:
    notes = []
    if not told:
        notes.append(remark("what may be written is not described: all is taken to be"))
    if left:
        notes.append(remark(f"{left} more are described; add those that you map"))
    if found.record.properties.keys() - found.record.required:
        notes.append(
            remark(
                "records may come without some of these. If a field that is left out is an empty one, say "
                "sparse: true; if lists leave out what single records have, don't map it"
            )
        )
    read = found.operations.get("read")
    if read is not None and record_in(read.answered(), found) == "@":
        more = sorted(read.answered().properties.keys() - found.record.properties.keys())
        if more:
            notes.append(remark(f"only single records have {', '.join(more[:12])}: they can't be mapped"))
    return notes
