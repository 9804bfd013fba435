"""Schemas made plain: the properties of an object over all its parts, and what a value is for us.

A schema may be put together of others, refer to itself, or leave its type out; what can't be told is
`unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .document import BadDescription, Node

_DEPTH = 6
_MOMENT = re.compile(
    r"^(?!.*YYYY-MM-DD\b(?!.?T)).*\btime.*\b(RFC ?3339|ISO ?8601)", re.IGNORECASE | re.DOTALL
)
MOST_CHOICES = 50


@dataclass(slots=True)
class Shape:
    """An object's properties, and which of them are always there; of a list, what its members are."""

    properties: dict[str, Node] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    members: Node | None = None
    kinds: set[str] = field(default_factory=set)
    nullable: bool = False
    said: Node | None = None
    """Where format and bounds are said: the schema itself, or the only one that it may be."""


def shape(node: Node | None, depth: int = 0) -> Shape:
    """What a schema describes, its parts laid together. Of alternatives, the one that says most."""
    found = Shape()
    if node is None or depth > _DEPTH or not isinstance(node.value, dict):
        return found
    found.kinds, found.nullable = _kinds(node)
    found.said = node
    if (properties := node.get("properties")) is not None:
        found.properties = dict(properties.items())
        found.kinds = found.kinds or {"object"}
    found.required = (
        {str(name.value) for name in node.each("required")} if _is_list(node, "required") else set()
    )
    found.members = node.get("items") if isinstance(node.value.get("items"), dict) else None
    if found.members is not None:
        found.kinds = found.kinds or {"array"}
    for part in node.each("allOf"):
        _lay(found, shape(part, depth + 1))
    for name in ("oneOf", "anyOf"):
        variants = [shape(part, depth + 1) for part in node.each(name)]
        found.nullable = found.nullable or any(one.kinds == {"null"} or one.nullable for one in variants)
        real = [one for one in variants if one.kinds != {"null"}]
        if not real:
            continue
        simple = next((one for one in real if "string" in one.kinds and not one.properties), None)
        if len(real) == 1 and not found.kinds:
            found.said = real[0].said
        if simple is not None and "x-expansionResources" in node.value:
            _lay(found, simple)  # an id, as long as nobody asks for the whole object
        else:
            _lay(found, max(real, key=lambda one: (len(one.properties), one.members is not None)))
    return found


def _is_list(node: Node, name: str) -> bool:
    return isinstance(node.value.get(name), list)


def _lay(below: Shape, part: Shape) -> None:
    below.properties = {**below.properties, **part.properties}
    below.required |= part.required
    below.members = below.members or part.members
    below.kinds = below.kinds or part.kinds
    below.nullable = below.nullable or part.nullable


def _kinds(node: Node) -> tuple[set[str], bool]:
    told = node.value.get("type")
    kinds = (
        {str(one) for one in told} if isinstance(told, list) else {told} if isinstance(told, str) else set()
    )
    nullable = "null" in kinds or node.value.get("nullable") is True or node.value.get("x-nullable") is True
    return (kinds - {"null"} if kinds != {"null"} else kinds), nullable


def is_object(found: Shape) -> bool:
    """Has it properties of its own?"""
    return bool(found.properties)


# ---------------------------------------------------------------- values


def kind(node: Node) -> str:
    """The canonical type of a value: text, integer, decimal, boolean, date, datetime, choice, set, json."""
    found = shape(node)
    node = found.said or node
    form = node.text("format") if isinstance(node.value, dict) else ""
    if "array" in found.kinds:
        members = shape(found.members) if found.members is not None else Shape()
        return "set" if members.kinds == {"string"} else "json"
    if found.properties or "object" in found.kinds:
        return "json"
    if found.kinds == {"boolean"}:
        return "boolean"
    if found.kinds == {"integer"}:
        return "integer"
    if found.kinds and found.kinds <= {"number", "integer"}:
        return "decimal"
    if "string" in found.kinds or not found.kinds:
        if form in ("date-time", "datetime"):
            return "datetime"
        if form == "date":
            return "date"
        if not form and "string" in found.kinds and _MOMENT.search(node.text("description")):
            return "datetime"
        if form == "decimal":
            return "decimal"
        if choices(node):
            return "choice"
        return "text" if "string" in found.kinds else "unknown"
    return "unknown"


def choices(node: Node) -> list[str]:
    """The texts that a value may be, if all are listed; none where there are too many to be worth it."""
    listed = node.value.get("enum") if isinstance(node.value, Mapping) else None
    if not isinstance(listed, list) or len(listed) > MOST_CHOICES:
        return []
    texts = [one for one in listed if one is not None and one != ""]
    whole = all(isinstance(one, str) and one.isprintable() for one in texts)
    return [str(one) for one in texts] if whole else []


def field_config(node: Node, *, required: bool, writable: bool) -> Any:
    """What our configuration says of a field: its type alone, if there is no more to say."""
    if not isinstance(node.value, dict):
        raise BadDescription("must be a schema", node.place)
    told: dict[str, Any] = {"type": kind(node)}
    found = shape(node)
    if (
        required
        and not found.nullable
        and told["type"] in ("boolean", "integer", "decimal", "datetime", "date")
    ):
        told["nullable"] = False
    if not writable:
        told["writable"] = False
    longest = node.number("maxLength")
    if told["type"] == "text" and longest and longest < 100_000:
        told["max_length"] = longest
    if told["type"] == "integer":
        told |= {
            name: bound
            for name, key in (("low", "minimum"), ("high", "maximum"))
            if (bound := node.number(key)) is not None
        }
    if told["type"] == "choice":
        told["choices"] = choices(node)
    return told["type"] if len(told) == 1 else told
