"""The reference part of docs/configuration.md: a table for every model that a file can hold.

`python -m syncadmin.config.reference` writes it anew between its markers; a test fails if it is out of date,
so no key can go undocumented.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from connectors import registry

from .errors import literals, members
from .published import BUILT_IN
from .schema import MappingSpec, SystemSpec
from .units import DURATION, SHARE, format_duration, format_share

BEGIN, END = "<!-- reference: begin -->", "<!-- reference: end -->"
FILE = Path(__file__).resolve().parent.parent.parent / "docs" / "configuration.md"
TITLES = {
    "MappingSpec": "A mapping",
    "FieldSpec": "A field mapping",
    "RowRuleSpec": "A row rule",
    "LearnedSpec": "A learned rule",
    "TableAnswers": "Assessment of a mapping",
    "FieldAnswers": "Assessment of a field mapping",
    "GuardsSpec": "Guards",
    "EscalateSpec": "Escalation",
    "ResourceName": "`left` and `right` of a mapping",
    "SideTexts": "A text for each side",
    "SystemSpec": "A system",
}
HEAD = "| key | value | default | meaning |\n| --- | --- | --- | --- |"
PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    dict: "keys",
    SecretStr: "secret",
}


def reference() -> str:
    """All tables, as Markdown."""
    parts = [*tables([SystemSpec], "", level=3)]
    for kind in BUILT_IN:
        connector = registry.get(kind)
        parts.append(f"### Connector `{kind}`\n")
        parts += tables([connector.Config], f"Keys of a `{kind}` system", level=4)
        parts += tables([connector.ResourceConfig], f"Keys of a `{kind}` resource", level=4)
    parts += tables([MappingSpec], "", level=3)
    return "\n".join(parts)


def placed(document: str) -> str:
    """The document with its reference part written anew."""
    before, rest = document.split(BEGIN)
    return f"{before}{BEGIN}\n\n{reference()}\n{END}{rest.split(END)[1]}"


def tables(start: list[type[BaseModel]], title: str, level: int) -> Iterator[str]:
    """The first model, then every model that it leads to, each once. Raises LookupError for an untold key."""
    waiting, seen = list(start), set(start)
    while waiting:
        model = waiting.pop(0)
        heading = title if model in start and title else TITLES.get(model.__name__, f"`{_tag(model)}`")
        about = " ".join((model.__doc__ or "").split())
        yield f"{'#' * level} {heading}\n\n{about}\n\n{HEAD}"
        rows = []
        for name, field in model.model_fields.items():
            cells = (
                f"`{field.alias or name}`",
                _kind(field),
                _default(field),
                _meaning(name, field),
            )
            rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
            for inner in _models(field.annotation):
                if inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
        yield "\n".join(rows) + "\n"


def _meaning(name: str, field: FieldInfo) -> str:
    """What a key is for. Raises LookupError if its model does not say: no key goes undocumented."""
    if name == "type" and len(literals(field.annotation)) == 1 and not field.description:
        return "Says that it is of this kind"
    if found := field.description or field.title:
        return found
    raise LookupError(f"{name} ({field.annotation}) has no description: give its Field one")


def _tag(model: type[BaseModel]) -> str:
    tag = model.model_fields.get("type")
    tags = literals(tag.annotation) if tag else ()
    return f"{model.__name__}: type {' or '.join(tags)}" if tags else model.__name__


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel):
            yield member
        else:
            for argument in get_args(member):
                yield from _models(argument)


def _kind(field: FieldInfo) -> str:
    patterns = [getattr(item, "json_schema", {}).get("pattern", "") for item in field.metadata]
    if f"^{DURATION.pattern}$" in patterns:
        return "duration: `30s`"
    if f"^{SHARE.pattern}$" in patterns:
        return "percentage: `5%`"
    return _type(field.annotation)


def _type(annotation: Any) -> str:
    found = members(annotation)
    if len(found) > 1:
        return ", or ".join(dict.fromkeys(_type(member) for member in found))
    (one,) = found or [None]
    origin, arguments = get_origin(one), get_args(one)
    if origin is Literal:
        return (
            "one of " + ", ".join(f"`{value}`" for value in arguments)
            if len(arguments) > 1
            else f"`{arguments[0]}`"
        )
    if isinstance(one, type) and issubclass(one, Enum):
        return "one of " + ", ".join(f"`{member.value}`" for member in one)
    if isinstance(one, type) and issubclass(one, BaseModel):
        return TITLES.get(one.__name__, f"`{_tag(one)}`")
    if origin in (list, tuple):
        return f"list of {_type(arguments[0])}"
    if origin in (dict,) or getattr(origin, "__name__", "") == "Mapping":
        return f"by name: {_type(arguments[-1])}"
    if origin in (Annotated, Union, types.UnionType):
        return _type(arguments[0])
    name = getattr(one, "__name__", "text")
    return PLAIN.get(
        one,
        {"timedelta": "duration: `30s`", "Selector": "JMESPath expression", "Any": "any"}.get(name, "text"),
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "**required**"
    value = field.default
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel) or value in ("", [], {}):
        return ""
    if isinstance(value, SecretStr):
        return ""
    if _kind(field).startswith("duration") and isinstance(value, float):
        return f"`{format_duration(value)}`"
    if _kind(field).startswith("percentage"):
        return f"`{format_share(value)}`"
    if hasattr(value, "total_seconds"):
        return f"`{format_duration(value.total_seconds())}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple | list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{getattr(value, 'text', value)}`"


if __name__ == "__main__":
    FILE.write_text(placed(FILE.read_text(encoding="utf-8")), encoding="utf-8")
