"""The fields of a resource as the system itself describes them, where it does.

A name that the system does not know is an error before anything is asked or written: many systems
ignore unknown names without a word.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from decimal import Decimal
from typing import Any

from connectors.base import FieldInfo, Misconfigured

from .client import Client
from .judging import refused
from .resource import Shape


class Schema:
    """What is known of a resource's fields; asked for once, and again when a name is not among them."""

    def __init__(self, client: Client, shape: Shape) -> None:
        self._client, self._shape = client, shape
        self._known: dict[str, FieldInfo] | None = None

    def fields(self) -> dict[str, FieldInfo]:
        """The fields as they are now; none if the system does not describe them."""
        config = self._shape.config.description
        if config is None:
            return {}
        with self._shape.named():
            answer = self._client.read(
                self._shape.fill(config.path, path=self._shape.path),
                method=config.method,
                body=None if config.body is None else self._shape.body(config.body, {}),
            )
            refused(self._shape, self._client, answer)
            data = self._client.json(answer)
            listed = self._client.objects(
                _by_name(self._shape.selector(config.named)(data)) if config.named else data,
                config.fields,
                "schema.fields",
                answer.path,
            )
        self._known = {str(part["name"]): self._field(part) for part in listed if part.get("name")}
        self._shape.described({name: field.type for name, field in self._known.items()})
        return dict(self._known)

    def native(self, name: str) -> str:
        """What the system calls the kind of a field; '' if it does not describe it."""
        if name not in (self._known or {}):
            self.fields()
        field = (self._known or {}).get(name)
        return field.native if field else ""

    def require(self, names: Iterable[str]) -> None:
        """Raise Misconfigured if the system describes its fields and one of the names is not among them."""
        wanted = {name for name in names if not _covered(name, self._shape.config.fields)}
        if self._shape.config.description is None or not wanted:
            return
        if self._known is None or not all(_covered(name, self._known) for name in wanted):
            self.fields()
        known = self._known or {}
        self._absent({name.split(".")[0] for name in wanted if not _covered(name, known)}, known)

    def require_in(self, entry: Mapping[str, Any], names: Iterable[str]) -> None:
        """The same for a whole record just read: nothing is written into a field that has vanished."""
        if self._shape.config.description is not None and not self._shape.config.sparse:
            self._absent({name.split(".")[0] for name in names if name not in entry} - entry.keys(), entry)

    def _absent(self, missing: Iterable[str], there: Iterable[str]) -> None:
        if missing:
            raise Misconfigured(
                f"there is no field {', '.join(sorted(missing))}; there are {', '.join(list(there)[:30])}",
                system=self._shape.system,
                resource=self._shape.name,
            )

    def _field(self, part: Mapping[str, Any]) -> FieldInfo:
        config = self._shape.config.description
        native, longest = str(part.get("native") or ""), part.get("max_length")
        return FieldInfo(
            name=str(part["name"]),
            type=config.types.get(native, "unknown") if config else "unknown",
            nullable=part.get("nullable") is not False,
            writable=part.get("writable") is not False,
            max_length=longest if isinstance(longest, int) and longest > 0 else None,
            native=native,
            low=_whole(part.get("low")),
            high=_whole(part.get("high")),
            choices=tuple(str(c) for c in part.get("choices") or ()),
            needed=part.get("needed") is True,
        )


def _covered(name: str, known: Container[str]) -> bool:
    """Is a name known, or an object that it is a part of?"""
    parts = name.split(".")
    return any(".".join(parts[:end]) in known for end in range(1, len(parts) + 1))


def _by_name(found: Any, prefix: str = "") -> list[dict[str, Any]]:
    """An object of fields as a list; instead of an object among them, its parts."""
    listed: list[dict[str, Any]] = []
    for name, told in found.items() if isinstance(found, Mapping) else ():
        inner = told.get("properties") if isinstance(told, Mapping) else None
        if inner and isinstance(inner, Mapping):
            listed += _by_name(inner, f"{prefix}{name}.")
        elif isinstance(told, Mapping):
            listed.append({**told, "name": prefix + name})
    return listed


def _whole(bound: Any) -> int | None:
    """A bound that the system gives as a number; one with a fraction bounds no whole number exactly."""
    return int(bound) if isinstance(bound, (int, float, Decimal)) and bound == int(bound) else None
