"""A description as it is written: JSON or YAML, within bounds, with `$ref` followed and every place named.

Nothing is fetched: a reference that leaves the text is an error that says how to bundle it. References are
resolved one by one as they are met, since whole ones of real systems never end (a customer has orders, an
order has a customer).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MOST_BYTES = 64 * 2**20
MOST_YAML_BYTES = 16 * 2**20  # of YAML, which takes ten times as long to read
MOST_PATHS = 10_000
_HOPS = 20
Place = tuple[str, ...]


class BadDescription(Exception):
    """A text that is no usable description. `place` are the keys that lead to what is wrong."""

    def __init__(self, message: str, place: Place = ()) -> None:
        self.message, self.place = message, place
        where = " > ".join(place)
        super().__init__(f"{where}: {message}" if where else message)


class Document:
    """A parsed description of version 3."""

    def __init__(self, content: Any) -> None:
        """Raises BadDescription if it is not one."""
        if not isinstance(content, dict):
            raise BadDescription("is no OpenAPI description: it must hold the keys openapi, info and paths")
        self.version = str(content.get("openapi") or "")
        if "swagger" in content and not self.version:
            said = f"is Swagger {content['swagger']}, and only OpenAPI 3 is read"
            raise BadDescription(f"{said}: convert it first (swagger2openapi does)", ("swagger",))
        if not self.version.startswith("3."):
            said = f"must be a version such as 3.0.3 or 3.1.0, not {self.version!r}"
            raise BadDescription(
                said if self.version else "is missing: this is no OpenAPI description", ("openapi",)
            )
        self._resolver = (
            Registry().with_resource("", DRAFT202012.create_resource(content)).resolver(base_uri="")
        )
        self._known: dict[str, Any] = {}
        self.root = Node(self, content, ())
        self.paths = self.root.get("paths") or Node(self, {}, ("paths",))
        if not self.paths.keys():
            raise BadDescription("has no paths: it describes nothing that could be asked for", ("paths",))
        if len(self.paths.keys()) > MOST_PATHS:
            raise BadDescription(f"has more than {MOST_PATHS:,} paths", ("paths",))

    def followed(self, value: Any, place: Place) -> tuple[Any, Place]:
        """What a value is after all its references, and where that is. Raises BadDescription."""
        for _hop in range(_HOPS):
            if not isinstance(value, Mapping) or not isinstance(value.get("$ref"), str):
                return value, place
            reference = value["$ref"]
            if not reference.startswith("#"):
                raise BadDescription(
                    f"refers to another file ({reference[:80]!r}), which is not read: bundle the "
                    "description into one file first (`redocly bundle` does)",
                    (*place, "$ref"),
                )
            if reference not in self._known:
                try:
                    self._known[reference] = self._resolver.lookup(reference).contents
                except (Unresolvable, ValueError, TypeError) as error:
                    raise BadDescription(
                        f"refers to {reference[:80]!r}, which is not there", (*place, "$ref")
                    ) from error
            value = self._known[reference]
            place = tuple(
                part.replace("~1", "/").replace("~0", "~") for part in reference[1:].split("/") if part
            )
        raise BadDescription("refers to itself", place)


class Node:
    """One place of a document. Reading on follows references and names the place of what does not fit."""

    __slots__ = ("document", "place", "value")

    def __init__(self, document: Document, value: Any, place: Place) -> None:
        self.document = document
        self.value, self.place = document.followed(value, place)

    def keys(self) -> list[str]:
        """The keys here. Raises BadDescription if there can be none."""
        if not isinstance(self.value, dict):
            raise BadDescription("must hold keys (key: value)", self.place)
        return [str(key) for key in self.value]

    def get(self, name: str) -> Node | None:
        """What a key holds; None if nothing."""
        if not isinstance(self.value, dict):
            raise BadDescription("must hold keys (key: value)", self.place)
        found = self.value.get(name)
        if found is None and name.isdigit():  # YAML reads the status of an answer as a number
            found = self.value.get(int(name))
        return None if found is None else Node(self.document, found, (*self.place, name))

    def items(self) -> Iterator[tuple[str, Node]]:
        """Each key with what it holds; nothing is left out but empty ones."""
        for key in self.keys():
            if (found := self.get(key)) is not None:
                yield key, found

    def each(self, name: str) -> list[Node]:
        """The parts of a list; none if it is not there. Raises BadDescription if it is no list."""
        found = self.get(name)
        if found is None:
            return []
        if not isinstance(found.value, list):
            raise BadDescription("must be a list", found.place)
        return [
            Node(self.document, part, (*found.place, str(number))) for number, part in enumerate(found.value)
        ]

    def text(self, name: str) -> str:
        """A text under a key, '' if there is none."""
        found = self.get(name)
        return found.value if found is not None and isinstance(found.value, str) else ""

    def number(self, name: str) -> int | None:
        """A whole number under a key, if there is one."""
        found = self.get(name)
        value = found.value if found is not None else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 10**18:
            return None
        return int(value) if value == int(value) else None

    def flag(self, name: str) -> bool:
        """Is a key true?"""
        found = self.get(name)
        return found is not None and found.value is True


class _Plain(yaml.CSafeLoader):
    """YAML with JSON's idea of values: what looks like a time or like `no` is a text."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":timestamp", ":bool", ":merge"))]
    for first, known in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Plain.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), ["t", "f"])


def read(data: bytes) -> Document:
    """The description in these bytes. Raises BadDescription, with the line where the text itself is wrong."""
    if len(data) > MOST_BYTES:
        raise BadDescription(f"is larger than {MOST_BYTES // 2**20} MiB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDescription("is no text in UTF-8") from error
    try:
        content = json.loads(text) if text.lstrip()[:1] in ("{", "[") else _yaml(data)
    except json.JSONDecodeError as error:
        raise BadDescription(f"line {error.lineno}: is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise BadDescription("is nested too deeply") from error
    return Document(content)


def _yaml(data: bytes) -> Any:
    if len(data) > MOST_YAML_BYTES:
        raise BadDescription(
            f"is larger than {MOST_YAML_BYTES // 2**20} MiB, which is too much YAML: convert it to JSON first"
        )
    try:
        return yaml.load(data, _Plain)  # noqa: S506 - a safe loader with fewer kinds of values
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        raise BadDescription(f"{line}is not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise BadDescription(f"is not YAML: {' '.join(str(error).split())[:200]}") from error
