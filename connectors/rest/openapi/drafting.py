"""A draft of a system: what the parts of a description tell, put together resource by resource.

A resource is drafted if its records are listed, read by key and written. Which setting is told, guessed or
left open is said beside it. Texts of a description never become secrets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from . import entering, fields, listing, writes
from .document import BadDescription, Document
from .entering import Secret
from .finding import Found, resources
from .notes import Part, fill_in, guessed, remark
from .schemas import kind
from .words import LIMIT_PARAM, OFFSET_PARAM, PAGE_PARAM, TOKEN_PARAM, plain, singular

MOST_RESOURCES = 200
_RESERVED = ("path", "key", "version", "collection", "base_path")
_USUAL = r"(rest|api|apis|the|a|platform|public|official|cloud|openapi|spec|specification|of|for|v?\d\w*)"
_NAME = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(slots=True)
class Draft:
    """A system and its resources as a file would say them. `left_out`: other lists, with the reason."""

    name: str
    title: str
    described: str
    system: Part
    resources: dict[str, Part] = field(default_factory=dict)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def draft(document: Document, *, source: str = "", name: str = "", only: Sequence[str] = ()) -> Draft:
    """The draft. `only` are patterns of names or paths; without any, what can be read and written is drafted.

    `source` is where the description is from. Raises BadDescription.
    """
    info = document.root.get("info")
    title = (info.text("title") if info is not None else "") or "system"
    name = _short(name or title)
    chosen: list[tuple[str, Found]] = []
    left: list[tuple[str, str]] = []
    taken: set[str] = set()
    for found in resources(document.paths):
        wanted = _wanted(found, only)
        if wanted:
            left.append((found.path, wanted))
            continue
        if len(chosen) == MOST_RESOURCES:
            left.append((found.path, f"more than {MOST_RESOURCES} resources: ask for it by --only"))
            continue
        chosen.append((_unique(found, taken), found))
    if only and not chosen:
        there = ", ".join(path for path, _why in left[:20]) or "none"
        raise BadDescription(
            f"no list of records is named {' or '.join(only)}; there are: {there}", ("paths",)
        )
    used = [one for _name_, found in chosen for one in (found.listing, *found.operations.values())]
    system = entering.address(document, source)
    system.take(entering.letting_in(document, used, name, str(system.settings["base_url"])))
    drafted = Draft(name, title, f"OpenAPI {document.version}", system, left_out=left)
    for short, found in chosen:
        drafted.resources[short] = resource(found)
    for part in (system, *drafted.resources.values()):
        _fit_to_be_read(part.settings, ())
    return drafted


def _wanted(found: Found, only: Sequence[str]) -> str:
    """Why a list is not drafted; '' if it is."""
    if only:
        fits = any(fnmatchcase(found.stem, one) or fnmatchcase(found.path, one) for one in only)
        return "" if fits else "not asked for"
    if not found.item:
        return "no address of one record is described"
    if "read" not in found.operations:
        return "one record can't be read by its key"
    if not {"create", "update"} & found.operations.keys():
        return "its records can only be read"
    return ""


def resource(found: Found) -> Part:
    """The settings of one resource."""
    part = Part()
    path, blanks = _path(found.path)
    part.say("path", path, *([guessed(found.paired)] if found.paired else ()))
    if blanks:
        part.say(
            "blanks",
            dict.fromkeys(blanks, ""),
            fill_in(f"what stands for {' and for '.join(blanks)} in the path"),
        )
    key = _key(part, found)
    _item(part, found, blanks)
    if found.listing.method == "post":
        part.say(
            "listing", {"method": "POST", "params_in": "body"}, guessed("records are listed by a search")
        )
    _selectors(part, found)
    paging, changes = listing.paging(found), listing.changes(found)
    part.take(paging)
    needed = _needed(found)
    if needed or "params" in changes.settings:
        empty = [one for one, value in needed.items() if value == ""]
        notes = [fill_in(f"each list wants {', '.join(empty)}")] if empty else []
        part.say("params", needed | changes.settings.get("params", {}), *notes)
        changes.settings["params"] = part.settings["params"]
    part.take(changes)
    part.take(listing.searches(found))
    part.take(writes.writing(found, key))
    part.take(fields.of_records(found, key))
    return part


# ---------------------------------------------------------------- places and keys


def _path(path: str) -> tuple[str, list[str]]:
    """A path as ours has it, and the blanks in it."""
    names: list[str] = []

    def blank(match: re.Match[str]) -> str:
        names.append(_blank(match[1]))
        return "{" + names[-1] + "}"

    return re.sub(r"\{([^{}]+)\}", blank, path).lstrip("/"), list(dict.fromkeys(names))


def _blank(name: str) -> str:
    made = re.sub(r"\W+", "_", name, flags=re.ASCII)
    return f"{made}_" if made in _RESERVED else made


def _item(part: Part, found: Found, blanks: list[str]) -> None:
    """Where one record is, if not simply below the list."""
    if not found.item:
        part.add(remark("no address of one record is described: {path}/{key} is tried"))
        return
    if found.quoted:
        quoted = "'{" in found.item or kind_of_key(found) != "integer"
        part.say("item", "{path}({key})", guessed("keys stand in brackets, as in OData"))
        if quoted:
            part.say("key_quote", "doubled")
        return
    if found.item.rstrip("/") == f"{found.path.rstrip('/')}/{{{found.key_param}}}":
        return
    head, _, end = found.item.rpartition("{" + found.key_param + "}")
    path, more = _path(head)
    part.say("item", f"{path}{{key}}{end}")
    if extra := [one for one in more if one not in blanks]:
        part.say(
            "blanks",
            dict.fromkeys([*blanks, *extra], ""),
            fill_in("what stands for each of these in the paths"),
        )


def kind_of_key(found: Found) -> str:
    """The type of the key in paths."""
    read = found.operations.get("read")
    param = read.param("path").get(found.key_param) if read is not None else None
    return kind(param.get("schema") or param) if param is not None else "text"


def _key(part: Part, found: Found) -> str:
    properties = found.record.properties
    known = {plain(one): one for one in properties}
    param, short = plain(found.key_param), plain(singular(found.stem))
    if re.search(r"id_?or", found.key_param, re.IGNORECASE):
        param = "id"  # an id stays, a name for people may change
    guesses = [
        (known.get(param), f"records have the field that paths call {found.key_param}"),
        (
            next((known[end] for end in ("id", "key", "number", "code", "uuid", "guid", "name", "sku", "slug")
                  if param.endswith(end) and end in known), None),
            f"paths call it {found.key_param}",
        ),
        (known.get("id") or known.get("id_"), "its name is the usual one"),
        (known.get(f"{short}id") or known.get(f"{short}key"), "its name is the record's with id"),
        (known.get("uuid") or known.get("guid"), "its name is usual for keys"),
    ]  # fmt: skip
    for name, why in guesses:
        if name is None or (not param and name != known.get("id")):
            continue
        part.say("key", name, guessed(why))
        if kind(properties[name]) == "integer":
            part.say("key_type", "integer")
        return name
    part.say(
        "key",
        "id",
        fill_in(f"no field of the records looks like their key ({', '.join(list(properties)[:8])})"),
    )
    return "id"


def _selectors(part: Part, found: Found) -> None:
    if found.records != "@":
        others = len(found.envelope.properties) > 1
        part.say(
            "records",
            found.records,
            *([guessed("the list in the answer that looks most like the records")] if others else ()),
        )
    read = found.operations.get("read")
    if read is None:
        return
    record = writes.record_in(read.answered(), found)
    if record is None and read.answered().properties:
        part.add(fill_in("where the record is in an answer about one is not clear (`record`); @ is tried"))
    elif record not in (None, "@"):
        part.say("record", record, guessed("what is there looks like the record"))


def _needed(found: Found) -> dict[str, str]:
    """Parameters that each list must have."""
    needed = {}
    paged = {*LIMIT_PARAM, *OFFSET_PARAM, *PAGE_PARAM, *TOKEN_PARAM}
    for name, node in found.listing.param("query").items():
        if not node.flag("required") or plain(name) in paged:
            continue
        schema = node.get("schema")
        default = schema.get("default") if schema is not None else None
        needed[name] = str(default.value) if default is not None else ""
    return needed


# ---------------------------------------------------------------- names, and what must not be


def _short(text: str) -> str:
    """A short name of a system."""
    cut = re.sub(
        r"\b(rest|api|the|platform|public|cloud|openapi|specification|of|v?\d[\w.]*)\b", " ", text.lower()
    )
    made = _NAME.sub("_", cut).strip("_") or _NAME.sub("_", text.lower()).strip("_")
    return made[:40].strip("_") or "system"


def _unique(found: Found, taken: set[str]) -> str:
    """A short name of a resource that none has yet."""
    parts = [part for part in found.path.split("/") if part and "{" not in part]
    base = _NAME.sub("_", found.stem).strip("_")[:50].strip("_") or "records"
    name = base
    for above in reversed(parts[:-1]):
        if name not in taken:
            break
        name = f"{_NAME.sub('_', above).strip('_')}_{name}"[-50:].strip("_")
    number = 2
    while name in taken:
        name, number = f"{base[:45]}_{number}", number + 1
    taken.add(name)
    return name


def _fit_to_be_read(value: Any, place: tuple[str, ...]) -> None:
    """Raise BadDescription if a text of the description asks for a secret, or hides what it says."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _fit_to_be_read(str(key), place)
            _fit_to_be_read(inner, (*place, str(key)))
    elif isinstance(value, list | tuple):
        for inner in value:
            _fit_to_be_read(inner, place)
    elif isinstance(value, str) and not value.isprintable():
        raise BadDescription(f"{value[:80]!r} has letters that can't be seen", place)
    elif isinstance(value, str) and not isinstance(value, Secret) and re.search(r"\$\s*\{", value):
        raise BadDescription(
            f"{value[:80]!r} looks like one of our secrets, which a description must not ask for", place
        )
