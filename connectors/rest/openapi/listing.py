"""How a described list goes on, and whether it can be asked what changed: told by names and shapes."""

from __future__ import annotations

import re
from typing import Any

from .document import Node
from .finding import Found
from .notes import Part, guessed, remark
from .schemas import Shape, choices, kind, shape
from .words import (
    ABOUT_CHANGES,
    AFTER_PARAM,
    LAST,
    LIMIT_PARAM,
    MODIFIED,
    MORE,
    MOST,
    NEXT_TOKEN,
    NEXT_URL,
    OFFSET_PARAM,
    PAGE_PARAM,
    PERHAPS_SINCE,
    SINCE,
    TOKEN_PARAM,
    TOTAL,
    plain,
    selector,
)

ODATA = {
    "param": "$filter",
    "equals": "{field} eq {value}",
    "greater": "{field} gt {value}",
    "at_least": "{field} ge {value}",
    "both": "({left} and {right})",
    "either": "{left} or {right}",
    "quote": "doubled",
    "moment": "{value}",
}


def paging(found: Found) -> Part:
    """How a list goes on, as far as parameters and answer tell."""
    params, part = parameters(found), Part()
    leaves = {plain(names[-1]): (names, node) for names, node in _leaves(found)}
    limit = _named(params, LIMIT_PARAM)
    more: dict[str, Any] = {}
    if limit:
        more["limit_param"] = limit
        if most := _most(params[limit]):
            more["max_limit"] = most
    told = _way(found, params, leaves, limit)
    if told is None:
        if limit:
            part.add(
                remark(
                    f"no way to the next page is described, only a size ({limit}): "
                    "check that all records come"
                )
            )
        else:
            part.add(remark("no paging is described: everything is taken to come in one answer"))
        return part
    way, why = told
    if way["type"] in ("page", "offset", "after", "cursor"):
        for names, text in ((MORE, "{}"), (LAST, "!{}")):
            place = next(
                (leaves[name][0] for name in names if name in leaves and _is(leaves[name][1], "boolean")),
                None,
            )
            if place and "has_more" not in way:
                way["has_more"] = text.format(selector(*place))
    if way["type"] in ("page", "offset"):
        place = next(
            (leaves[name][0] for name in TOTAL if name in leaves and _is(leaves[name][1], "integer")), None
        )
        if place:
            way["total"] = selector(*place)
    notes = [guessed(why)]
    if "total" in way:
        notes.append(guessed(f"{way['total']} is taken for an exact count; leave `total` out if it is not"))
    if "max_limit" in more:
        notes.append(guessed(f"{limit} goes up to {more['max_limit']}, as its description says"))
    part.say("paginator", {**way, **more}, *notes)
    return part


def _way(
    found: Found, params: dict[str, Node], leaves: dict[str, tuple[list[str], Node]], limit: str | None
) -> tuple[dict[str, Any], str] | None:
    after = _named(params, AFTER_PARAM)
    for name in NEXT_URL:
        place = leaves.get(name)
        if place and _is(place[1], "string") and _like_url(place[0], place[1]):
            return {"type": "next_url", "next": selector(*place[0])}, (
                f"the answer has {'.'.join(place[0])}, which looks like the address of the next page"
            )
    if after and any(name in leaves for name in MORE):
        return {"type": "after", "param": after}, (
            f"the parameter {after} and the answer's flag for more pages: pages go on behind the last record"
        )
    tokens = [name for name in NEXT_TOKEN if name in leaves and _is(leaves[name][1], "string")]
    for token in tokens:
        for name in TOKEN_PARAM:
            param = _named(params, [name])
            if param and (name == token or name != "page") and not _is_number(params[param]):
                place = leaves[token]
                return {"type": "cursor", "next": selector(*place[0]), "param": param}, (
                    f"the answer has {'.'.join(place[0])}, and the parameter {param} looks made for it"
                )
    answer = found.listing.answer()
    headers = answer.get("headers") if answer is not None else None
    named = {name.lower(): name for name, _told in headers.items()} if headers else {}
    if "link" in named:
        return {"type": "link_header"}, "the answer is described with a Link header"
    if "next-page" in named:
        return {"type": "header_next", "header": named["next-page"]}, "the answer has a header Next-Page"
    if after:
        return {
            "type": "after",
            "param": after,
        }, f"the parameter {after} looks like the last record of a page"
    if (offset := _named(params, OFFSET_PARAM)) and _is_number(params[offset]):
        first = 1 if _number(params[offset], "minimum", "default") == 1 else 0
        way = {"type": "offset", "param": offset} | ({"first": 1} if first else {})
        return way | ({} if limit else {"limit_param": None}), (
            f"the number parameter {offset} looks like how many records are skipped"
        )
    if page := _named(params, PAGE_PARAM):
        low = _number(params[page], "minimum", "default")
        first = 0 if low == 0 else 1
        return {"type": "page", "param": page, "first": first}, (
            f"the parameter {page} looks like a page's number; that the first one is {first} "
            + ("is what its default says" if low is not None else "is usual")
        )
    return None


def changes(found: Found) -> Part:
    """The field that tells of changes, and how to ask by it."""
    part, params = Part(), parameters(found)
    candidates = {plain(name): name for name in found.record.properties}
    modified = next((candidates[name] for name in MODIFIED if name in candidates), None)
    if modified is None:
        part.add(remark("no field looks like the time of the last change: each pass reads all and compares"))
        return part
    node = found.record.properties[modified]
    part.say("modified", modified, guessed("its name looks like the time of the last change"))
    form, why = _times(node)
    since = _since(params)
    if "$filter" in params:
        part.say("filter", dict(ODATA), guessed("the parameter $filter is the filter language of OData"))
        if "$orderby" in params:
            key = modified
            part.say(
                "order",
                {"param": "$orderby", "modified": f"{key}", "newest": f"{key} desc"},
                guessed("the parameter $orderby is OData's way to ask for an order"),
            )
        part.say("incremental", {"format": form} if form != "iso" else {}, guessed(why))
        return part
    headers = {name.lower(): name for name in found.listing.param("header")}
    if since:
        told: dict[str, Any] = {"param": since} | ({"format": form} if form != "iso" else {})
        part.say("incremental", told, guessed(f"the parameter {since} looks made for it"), guessed(why))
        _sorted(part, found, modified)
    elif "if-modified-since" in headers:
        part.say(
            "incremental",
            {"header": headers["if-modified-since"], "format": form},
            guessed(f"lists take the header {headers['if-modified-since']}"),
            guessed(why),
            remark(
                "the cursor is sent as records have it: drop `incremental` if the header wants it otherwise"
            ),
        )
    else:
        part.add(remark(f"no parameter asks for what changed since ({modified}): each pass reads all"))
    return part


def _since(params: dict[str, Node]) -> str | None:
    for name, node in params.items():
        bare = plain(name)
        if bare in SINCE:
            return name
        about = ABOUT_CHANGES.search(node.text("description"))
        if (
            bare in PERHAPS_SINCE
            and about
            and (kind_of(node) in ("datetime", "date") or "ISO 8601" in node.text("description"))
        ):
            return name
    return None


def _sorted(part: Part, found: Found, modified: str) -> None:
    """An order by last change, where the values that a sort parameter takes are listed."""
    params = parameters(found)
    for name in ("sort", "sort_by", "sortBy", "order_by", "orderBy", "ordering"):
        listed = choices(params[name].get("schema") or params[name]) if name in params else []
        known = {plain(one): one for one in listed}
        wanted = known.get(plain(modified)) or next(
            (known[one] for one in ("updated", "updatedat", "modified", "lastmodified") if one in known), None
        )
        if wanted is None:
            continue
        fixed = {}
        for direction in ("direction", "order", "sort_order", "sortOrder", "sort_direction", "dir"):
            if direction in params and "asc" in choices(params[direction].get("schema") or params[direction]):
                fixed[direction] = "asc"
                break
        part.say(
            "order",
            {"param": name, "modified": wanted},
            guessed(f"{name} takes {wanted}, so that changes can be read oldest first"),
        )
        if fixed:
            part.say("params", fixed, guessed("so that the order is the oldest first"))
        return


def _times(node: Node) -> tuple[str, str]:
    """How a time is written, and why it seems so."""
    said = (
        f"{node.text('description')} {node.text('format')} {node.text('example')} {node.text('x-is-msdate')}"
    )
    if "/Date(" in said or node.flag("x-is-msdate") or node.flag("x-is-msdate-time"):
        return "dotnet", "its times are written as /Date(1767322984678)/"
    if "string" not in shape(node).kinds and shape(node).kinds & {"integer", "number"}:
        if re.search(r"milli", said, re.IGNORECASE):
            return "milliseconds", "it is a number, described as milliseconds"
        return "seconds", "it is a number, which is usually seconds since 1970"
    if node.text("format") == "date":
        return "date", "it holds a day only: whole days are read again each time"
    return "iso", "its times are taken for ISO 8601, such as 2026-01-02T03:04:05Z"


def searches(found: Found) -> Part:
    """How several records are read at once, and what can be searched for."""
    part, params = Part(), parameters(found)
    key = plain(found.key_param)
    for name, node in params.items():
        if plain(name) in ("ids", "idin", f"{key}s", f"{key}in") and key:
            inner = shape(node.get("schema"))
            commas = "array" in inner.kinds and node.get("explode") is not None and not node.flag("explode")
            if commas or "comma" in node.text("description").lower():
                part.say(
                    "fetch",
                    {"many": {"param": name}, "limit": 25},
                    guessed(f"the parameter {name} takes several keys, with commas; how many is not told"),
                )
                break
    same = [
        name
        for name, node in params.items()
        if name in found.record.properties
        and kind_of(node) in ("text", "unknown", "choice")
        and plain(name) not in ("expand", "fields", "sort", "order", "include")
    ]
    if same and "filter" not in part.settings:
        listed = ", ".join(same[:8])
        part.add(
            remark(
                f"lists can be asked by {listed}. If a mapping matches by one of these, say "
                "find: {many: {param: '{field}'}, limit: 1}"
            )
        )
    return part


def parameters(found: Found) -> dict[str, Node]:
    """What a list can be asked with: query parameters, or the fields of a search's body."""
    if found.listing.method == "post":
        return found.listing.body()[1].properties
    return found.listing.param("query")


def kind_of(param: Node) -> str:
    """The canonical type of a parameter."""
    return kind(param.get("schema") or param)


def _leaves(found: Found, depth: int = 3) -> list[tuple[list[str], Node]]:
    """All single values of a list's answer outside of its records."""
    result: list[tuple[list[str], Node]] = []

    def walk(at: Shape, above: list[str], left: int) -> None:
        for name, node in at.properties.items():
            inner = shape(node)
            if inner.members is not None:
                continue
            if inner.properties and left > 1:
                walk(inner, [*above, name], left - 1)
            else:
                result.append(([*above, name], node))

    walk(found.envelope, [], depth)
    return sorted(result, key=lambda one: -len(one[0]))  # the outermost of a name counts


def _like_url(names: list[str], node: Node) -> bool:
    said = node.text("format") in ("uri", "url", "uri-reference") or re.search(
        r"\bur[li]\b|\blink\b|http", node.text("description") + node.text("example"), re.IGNORECASE
    )
    return bool(said) or any(re.search(r"url|link|uri|href", name, re.IGNORECASE) for name in names)


def _named(params: dict[str, Node], wanted: Any) -> str | None:
    """The parameter whose name is one of these, the likelier first."""
    known: dict[str, str] = {}
    for name in params:
        known.setdefault(plain(name), name)
        known.setdefault(plain(name.removeprefix("page[")), name)  # page[size]
    return next((known[name] for name in wanted if name in known), None)


def _is(node: Node, wanted: str) -> bool:
    kinds = shape(node).kinds
    return wanted in kinds or (wanted == "integer" and "number" in kinds) or not kinds


def _is_number(param: Node) -> bool:
    return bool(shape(param.get("schema") or param).kinds & {"integer", "number"})


def _number(param: Node, *names: str) -> int | None:
    node = param.get("schema") or param
    return next((found for name in names if (found := node.number(name)) is not None), None)


def _most(param: Node) -> int | None:
    """The largest page that a parameter asks for."""
    told = _number(param, "maximum")
    if told is None and (match := MOST.search(param.text("description"))):
        told = int(match[1])
    return told if told and 1 < told <= 10_000 else None
