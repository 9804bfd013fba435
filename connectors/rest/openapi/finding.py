"""The resources of a description: which address lists records, which holds one, what may be done to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .document import Node
from .schemas import Shape, is_object, shape
from .words import RECORDS, plain, selector, singular

_SEARCHES = ("search", "query", "list")
METHODS = ("get", "put", "post", "patch", "delete")
_PARAM = re.compile(r"\{([^{}]+)\}")
_ITEM = re.compile(
    r"(?P<list>.+?)(?:/\{(?P<key>[^{}]+)\}(?P<end>\.json)?|\('?\{(?P<predicate>[^{}]+)\}'?\))/?"
)
_JSON = re.compile(r"(application/(.+\+)?json|text/json|\*/\*)\s*(;.*)?", re.IGNORECASE)


@dataclass(slots=True)
class Operation:
    """One method of an address, with the parameters of both."""

    method: str
    path: str
    node: Node
    params: list[Node]

    def param(self, place: str) -> dict[str, Node]:
        """Parameters in the query, the header or the path, by name."""
        return {one.text("name"): one for one in self.params if one.text("in") == place and one.text("name")}

    @property
    def words(self) -> str:
        """What the description says of it."""
        return f"{self.node.text('summary')} {self.node.text('description')}"

    def answer(self) -> Node | None:
        """The response of a success."""
        answers = self.node.get("responses")
        if answers is None:
            return None
        for status in ("200", "201", "202", "203", "2XX", "2xx", "204", "default"):
            if (found := answers.get(status)) is not None:
                return found
        return None

    def answered(self) -> Shape:
        """What an answer's JSON looks like."""
        found = self.answer()
        return _content(found)[1] if found is not None else Shape()

    def schema(self) -> Node | None:
        """The schema of an answer's JSON."""
        found = self.answer()
        return _schema(found)[1] if found is not None else None

    def body(self) -> tuple[str, Shape]:
        """How a request's body is written (json, form, other, '' for none), and what is in it."""
        found = self.node.get("requestBody")
        return _content(found) if found is not None else ("", Shape())


def _schema(holder: Node) -> tuple[str, Node | None]:
    kinds = holder.get("content")
    if kinds is None:
        return "", None
    by_kind = dict(kinds.items())
    for written, pattern in (("json", _JSON), ("form", re.compile(r"application/x-www-form-urlencoded.*"))):
        for name, media in by_kind.items():
            if pattern.fullmatch(name):
                return written, media.get("schema")
    return ("other" if by_kind else ""), None


def _content(holder: Node) -> tuple[str, Shape]:
    written, found = _schema(holder)
    return written, shape(found)


@dataclass(slots=True)
class Found:
    """A list of records: its address, where they are in the answer, and what can be done to one."""

    path: str
    listing: Operation
    records: str
    record: Shape
    envelope: Shape
    stem: str
    """The last word of its address that is no parameter."""
    item: str = ""
    key_param: str = ""
    quoted: bool = False
    paired: str = ""
    """Why an item's address that is not below the list's is taken for it."""
    operations: dict[str, Operation] = field(default_factory=dict)


def resources(paths: Node) -> list[Found]:
    """Every address that lists records, with the address of one record where there is one."""
    by_path = {path: dict(operations(path, node)) for path, node in paths.items() if path.startswith("/")}
    items: dict[str, tuple[str, re.Match[str]]] = {}
    for path in by_path:
        if match := _ITEM.fullmatch(path):
            before = items.get(match["list"])
            if before is None or len(by_path[path]) > len(by_path[before[0]]):
                items[match["list"]] = path, match
    found = []
    for path, known in by_path.items():
        stem = path.removesuffix(".json").rstrip("/")
        if not stem or stem.endswith(("}", ")")):
            continue
        listing = known.get("get")
        if listing is None and stem.rpartition("/")[2] in _SEARCHES:
            listing = known.get("post")
        picked = _records(listing, _last(stem)) if listing is not None else None
        if listing is None or picked is None:
            continue
        names, record, envelope = picked
        if stem.rpartition("/")[2] in _SEARCHES and "get" in by_path.get(stem.rpartition("/")[0], {}):
            continue  # the list itself is there
        one = Found(path, listing, selector(*names) if names else "@", record, envelope, _last(stem))
        _with_item(one, stem, names, items, by_path)
        found.append(one)
    return found


def _with_item(
    one: Found,
    stem: str,
    names: list[str],
    items: dict[str, tuple[str, re.Match[str]]],
    by_path: dict[str, dict[str, Operation]],
) -> None:
    """Find where one record of a list is, and with it what can be done."""
    place = items.get(stem)
    prefix = stem.rpartition("/")[0]
    if place is None and one.stem in _SEARCHES:
        place = items.get(prefix)  # POST /customers/search beside /customers/{id}
        wanted = singular(names[-1]) if names else ""
        if place is None and wanted:
            place = next(
                (
                    items[path]
                    for path in items
                    if path == f"{prefix}/{wanted}" or path == f"{prefix}/{names[-1]}"
                ),
                None,
            )
        if place is not None:
            one.paired = f"its list is at {one.path}, whose records have the same name"
            one.stem = _last(place[1]["list"])
    creating = by_path.get(one.path, {})
    if place is not None:
        path, match = place
        known = by_path[path]
        one.item, one.key_param = path, match["key"] or match["predicate"]
        one.quoted = bool(match["predicate"])
        for name, method in (("read", "get"), ("delete", "delete")):
            if method in known:
                one.operations[name] = known[method]
        update = next((known[method] for method in ("patch", "put", "post") if method in known), None)
        if update is not None:
            one.operations["update"] = update
        if one.paired:
            creating = by_path.get(match["list"], {})
    if "post" in creating and creating["post"] is not one.listing:
        one.operations["create"] = creating["post"]
    elif "put" in creating:
        one.operations["create"] = creating["put"]


def operations(path: str, node: Node) -> Iterator[tuple[str, Operation]]:
    """The methods of an address; its own parameters count for each, unless a method has one of that name."""
    shared = node.each("parameters")
    for method in METHODS:
        if (one := node.get(method)) is None:
            continue
        own = one.each("parameters")
        named = {(param.text("in"), param.text("name")) for param in own}
        rest = [param for param in shared if (param.text("in"), param.text("name")) not in named]
        yield method, Operation(method, path, one, [*own, *rest])


def _last(path: str) -> str:
    """The last part of an address that is no parameter."""
    parts = [part for part in path.split("/") if part and not _PARAM.search(part)]
    return parts[-1] if parts else ""


def _records(listing: Operation, stem: str) -> tuple[list[str], Shape, Shape] | None:
    """Where the records are in an answer, what one is, and the answer itself. None: no list of objects."""
    answer = listing.answered()
    if answer.members is not None and is_object(record := shape(answer.members)):
        return [], record, answer
    found = sorted(_lists(answer), key=lambda one: _rank(one[0], stem))
    if not found:
        return None
    names, record = found[0]
    return names, record, answer


def _lists(answer: Shape, depth: int = 2, above: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Shape]]:
    for name, node in answer.properties.items():
        inner = shape(node)
        if inner.members is not None and is_object(record := shape(inner.members)):
            yield [*above, name], record
        elif depth > 1 and inner.properties and inner.members is None:
            yield from _lists(inner, depth - 1, (*above, name))


def _rank(names: list[str], stem: str) -> tuple[int, int]:
    """Which of several lists is the one: the one named like the address, then the usual names."""
    name = plain(names[-1])
    if name in (plain(stem), plain(singular(stem)), plain(stem) + "s"):
        return len(names), 0
    if name in RECORDS:
        return len(names), 1 + RECORDS.index(name)
    if name in ("errors", "warnings", "included", "links", "messages", "validationerrors"):
        return 9, 99
    return len(names), 50
