"""What a resource is made of: told by the system, declared in the configuration, or seen in a sample."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from connectors.base import CheckItem, ConnectorError, FieldInfo, Misconfigured, ResourceInfo, Unreadable

from .auth import NoLogin
from .client import Client
from .config import FieldConfig
from .reading import Reader
from .resource import Shape
from .schema import Schema
from .selectors import Selector, shortened
from .values import pick
from .waiting import limits

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_PLACE = ("base_url",)
_LET_IN = ("auth.password", "auth.token", "auth.username", "auth")
_SKEW = 5.0  # seconds between two clocks from which a check mentions it


class Describer:
    """Describes and checks one resource."""

    def __init__(self, shape: Shape, reader: Reader, schema: Schema) -> None:
        self._shape, self._reader, self._schema = shape, reader, schema

    def describe(self) -> ResourceInfo:
        """The resource as it is now. Raises Misconfigured if its key or its modified field is not there."""
        shape = self._shape
        told = self._schema.fields()
        entries, _ = ([], None) if told else self._reader.sample()
        found = told or sampled(entries)
        declared = {name: _declared(name, config) for name, config in shape.config.fields.items()}
        fields = {**found, **declared}
        if told or entries:
            self._must_have(shape.config.key, "key", fields, entries)
            if shape.config.modified:
                self._must_have(shape.config.modified, "modified", fields, entries)
        for name in (shape.config.key, shape.config.modified):
            if name in fields and name not in declared:
                fields[name] = replace(fields[name], writable=False)
        return ResourceInfo(
            name=shape.name,
            key=shape.config.key,
            fields=tuple(fields.values()),
            complete=bool(told),
            count=self._reader.count(),
        )

    def check(self) -> list[CheckItem]:
        """Is the resource readable, and does it have what the configuration says?"""
        name = self._shape.name
        try:
            info = self.describe()
        except ConnectorError as error:
            return [CheckItem(f"resource {name}", False, error.said, error.message)]
        count = "" if info.count is None else f"{info.count} records, "
        told = f"{count}{len(info.fields)} fields, key {info.key}"
        writable = sum(one.writable for one in info.fields)
        return [
            CheckItem(f"resource {name}", True, told),
            CheckItem(
                f"{name}: writable", True, f"{writable} fields; whether it is allowed, a write will tell"
            ),
        ]

    def _must_have(
        self, name: str, option: str, fields: Mapping[str, FieldInfo], entries: Iterable[Mapping[str, Any]]
    ) -> None:
        missing = name not in fields and name.split(".")[0] not in fields
        for entry in entries:
            try:
                pick(entry, name)
            except KeyError:
                missing = True
        if missing:
            there = ", ".join(list(fields)[:20])
            raise Misconfigured(
                f"records have no field {name!r} (`{option}: {name}`); their fields are: {there}",
                system=self._shape.system,
                resource=self._shape.name,
            )


def check_system(client: Client, describers: Iterable[Describer], probe: str) -> list[CheckItem]:
    """The lines of a connection test. Raises nothing of its own."""
    try:
        before = datetime.now(UTC)
        answer = client.send("GET", probe)
    except Misconfigured as error:
        wrong = _PLACE if isinstance(error, NoLogin) else _LET_IN
        refused = CheckItem("authenticated", False, error.said, error.message, wrong)
        return [CheckItem("reachable", True), refused]
    except ConnectorError as error:
        remedy = "check base_url, the network, and whether the system is running"
        return [CheckItem("reachable", False, str(error), remedy, _PLACE)]
    items = [CheckItem("reachable", True, f"answered with status {answer.status}")]
    failure, describers = None if answer.ok else client.failure(answer), list(describers)
    if failure is not None and answer.status in (401, 403):
        items.append(CheckItem("authenticated", False, failure.said, failure.message, _LET_IN))
    elif failure is not None and probe and not describers:
        items = [CheckItem("reachable", False, failure.said, failure.message, _PLACE)]
    elif answer.ok:
        items.append(CheckItem("authenticated", True))
    if answer.date:
        skew = (answer.date - before).total_seconds()
        told = f"the system's clock differs from ours by about {abs(round(skew))} s"
        ok = abs(skew) <= _SKEW
        items.append(
            CheckItem("clock", ok, told, "" if ok else "set both clocks by NTP; `newest` decides by them")
        )
    items.append(CheckItem("limits", True, limits(answer.headers)))
    for describer in describers:
        items += describer.check()
    return items


def sampled(entries: Iterable[Mapping[str, Any]]) -> dict[str, FieldInfo]:
    """Fields and their types as far as some records show them; objects also by their inner fields."""
    seen: dict[str, list[Any]] = {}
    for entry in entries:
        for name, value in entry.items():
            seen.setdefault(name, []).append(value)
            if isinstance(value, Mapping):
                for inner, part in value.items():
                    seen.setdefault(f"{name}.{inner}", []).append(part)
    return {name: FieldInfo(name, _guess(values)) for name, values in seen.items()}


def _guess(values: Iterable[Any]) -> str:
    kinds = {_kind(value) for value in values if value not in (None, "")}
    if kinds == {"integer", "decimal"}:
        return "decimal"
    if kinds == {"datetime", "date"}:
        return "datetime"
    if kinds and kinds <= {"text", "date", "datetime"}:
        return kinds.pop() if len(kinds) == 1 else "text"
    return kinds.pop() if len(kinds) == 1 else "unknown"


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case Decimal() | float():
            return "decimal"
        case str():
            return "datetime" if _MOMENT.fullmatch(value) else "date" if _DAY.fullmatch(value) else "text"
        case list():
            return "set" if all(isinstance(part, str) for part in value) else "json"
        case _:
            return "json"


def _declared(name: str, config: FieldConfig) -> FieldInfo:
    return FieldInfo(
        name,
        config.type,
        config.nullable,
        config.writable,
        config.max_length,
        precision=config.precision,
        scale=config.scale,
        low=config.low,
        high=config.high,
        choices=config.choices,
    )


def discover(
    client: Client, path: str, selector: Selector, *, method: str = "GET", body: Any = None
) -> list[ResourceInfo]:
    """The resources that the system lists. Raises Unreadable if the selector finds no names."""
    answer = client.read(path, method=method, body=body)
    names = selector(client.json(answer))
    if not isinstance(names, list):
        raise Unreadable(
            f"{answer.path}: `discover.names: {selector.text}` must select a list of names",
            system=client.system,
            said=shortened(names, 80) if names else client.words(answer),
        )
    return [ResourceInfo(name=str(name), key="", complete=False) for name in names]
