"""Queries and bodies as bytes: parameters percent-encoded exactly, forms with nested names, envelopes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from .values import decode

_BLANK = re.compile(r"\{(\w+)(?::(int|list|items))?\}")
Lists = Literal["brackets", "indexed", "repeated"]


def query(params: Mapping[str, str], safe: str = "") -> str:
    """Parameters of an address: a blank is %20, and names keep their brackets and dollars."""
    return "&".join(
        f"{quote(name, safe='[]$' + safe)}={quote(str(value), safe=safe)}" for name, value in params.items()
    )


def form(body: Any, lists: Lists = "brackets") -> bytes:
    """A body as a form: `a[b]=c`, lists as `a[]`, `a[0]` or `a` again and again; nothing is an empty text."""
    written = pairs(body, "", lists)
    return "&".join(f"{quote(name, safe='[]')}={quote(text, safe='')}" for name, text in written).encode()


def pairs(value: Any, name: str, lists: Lists) -> Iterator[tuple[str, str]]:
    """The parameters that a value becomes: `name[b]` for the parts of an object, lists as `form` has them."""
    match value:
        case Mapping():
            for inner, part in value.items():
                yield from pairs(part, f"{name}[{inner}]" if name else str(inner), lists)
        case list() | tuple():
            for place, part in enumerate(value):
                end = {"brackets": "[]", "indexed": f"[{place}]", "repeated": ""}[lists]
                yield from pairs(part, f"{name}{end}", lists)
        case None:
            yield name, ""
        case bool():
            yield name, "true" if value else "false"
        case Decimal():
            yield name, format(value, "f")
        case _:
            yield name, str(value)


def enveloped(envelope: str, body: Any) -> Any:
    """The body inside its envelope: `data.contact`, or `data[]` for a list of one."""
    for name in reversed(envelope.split(".") if envelope else []):
        inner = [body] if name.endswith("[]") else body
        body = {name.removesuffix("[]"): inner} if name.removesuffix("[]") else inner
    return body


def laid_over(fixed: Mapping[str, Any], body: Any) -> Any:
    """Fixed parts beside what an envelope holds, objects completed; what it holds counts."""
    if not fixed or not isinstance(body, Mapping):
        return body
    both = {name: laid_over(fixed[name], body[name]) for name in fixed if name in body and _open(fixed[name])}
    return {**fixed, **body, **both}


def _open(part: Any) -> bool:
    return isinstance(part, Mapping)


def keyed(template: Any, known: Mapping[str, Any], *, sparse: bool = False) -> Any:
    """A template with its {names} filled in; a text that is nothing else becomes the value itself.

    `{name:int}` becomes a number, `{name:list}` a list of texts that commas part, `{name:items}` a list of
    JSON values that commas part. A name that is not known stays; if `sparse`, a member of an object that is
    nothing but one goes. Raises ValueError for what is no number, or no JSON.
    """
    if isinstance(template, str):
        whole = _BLANK.fullmatch(template)
        if whole and whole[1] in known:
            return _typed(known[whole[1]], whole[2])
        if whole and whole[2] and not sparse:
            raise ValueError(f"{template} stands for nothing: give it under `blanks`")
        return _BLANK.sub(lambda found: str(known.get(found[1], found[0])), template)
    if isinstance(template, Mapping):
        open_ = {name for name, part in template.items() if sparse and _is_open(part, known)}
        told = {keyed(n, known): part for n, part in template.items() if n not in open_}
        return {name: keyed(part, known, sparse=sparse) for name, part in told.items()}
    if isinstance(template, Sequence):
        return [keyed(part, known, sparse=sparse) for part in template]
    return template


def _is_open(part: Any, known: Mapping[str, Any]) -> bool:
    whole = _BLANK.fullmatch(part) if isinstance(part, str) else None
    return whole is not None and whole[1] not in known


def _typed(value: Any, how: str | None) -> Any:
    match how:
        case "int":
            return int(value)
        case "list":
            return str(value).split(",")
        case "items":
            return decode(f"[{value}]".encode())
        case _:
            return value


class Text(str):
    """A parameter that stays a text in a body, even if it looks like a number: a searched value, a token."""

    __slots__ = ()


def typed(params: Mapping[str, str]) -> dict[str, Any]:
    """Parameters as a body: dotted names are objects, whole numbers are numbers unless they are values."""
    body: dict[str, Any] = {}
    for name, value in params.items():
        *way, last = name.split(".")
        inner = body
        for part in way:
            inner = inner.setdefault(part, {})
        number = value.isdecimal() and len(value) < 16 and not isinstance(value, Text)
        inner[last] = int(value) if number else str(value)
    return body


def asked_by(params: Mapping[str, str], parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Parameters as a body, each that has a part of its own as that part."""
    body = typed({name: value for name, value in params.items() if name not in parts})
    for name, part in parts.items():
        if name in params:
            body = laid_over(body, keyed(part, {"value": str(params[name])}))
    return body
