"""Where a described system is, and how it lets one in: servers, security schemes, headers it always wants."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urljoin

from .document import Document, Node
from .finding import Operation
from .notes import Note, Part, fill_in, guessed, remark
from .words import plain

NOWHERE = "https://fill-in.invalid/"
_OWN = (
    "authorization",
    "accept",
    "contenttype",
    "ifmatch",
    "ifnonematch",
    "ifmodifiedsince",
    "idempotencykey",
)


def address(document: Document, source: str) -> Part:
    """`base_url`, from the description's servers."""
    part = Part()
    servers = document.root.each("servers")
    if not servers:
        base = urljoin(source, "/") if source.startswith("http") else NOWHERE
        why = "the description names no server; this is where it was found" if base != NOWHERE else ""
        part.say(
            "base_url",
            base,
            guessed(why) if why else fill_in("the description names no server: where is it?"),
        )
        return part
    first = servers[0]
    url, notes = _filled(first)
    if not re.match(r"https?://", url):
        if source.startswith("http"):
            url = urljoin(source, url)
            notes.append(guessed("the description's address is relative to where it was found"))
        else:
            url = urljoin(NOWHERE, url)
            notes.append(
                fill_in("the description names only a path: put the host of your system in its place")
            )
    if (
        re.search(r"\b(your|example|sandbox|domain|tenant|subdomain|localhost)\b", url, re.IGNORECASE)
        and not notes
    ):
        notes.append(fill_in("this looks like an example: put your own address in its place"))
    others = [_filled(one)[0] for one in servers[1:6]]
    if others:
        notes.append(remark(f"the first of several; the others: {', '.join(others)}"))
    part.say("base_url", url, *notes)
    return part


def _filled(server: Node) -> tuple[str, list[Note]]:
    """A server's address with the defaults of its variables."""
    url, notes = server.text("url"), []
    variables = server.get("variables")
    for name, told in variables.items() if variables is not None else ():
        default = told.get("default")
        value = str(default.value) if default is not None else "fill-in"
        url = url.replace("{" + name + "}", value)
        notes.append(fill_in(f"{value!r} stands for {name}: put your own in its place if it is another one"))
    for name in re.findall(r"\{([^{}]+)\}", url):
        url = url.replace("{" + name + "}", "fill-in")
        notes.append(fill_in(f"'fill-in' stands for {name}"))
    return url, notes


def letting_in(document: Document, used: Iterable[Operation], name: str, base: str) -> Part:
    """`auth` and fixed `headers`."""
    part, prefix, used = Part(), _upper(name), list(used)
    components = document.root.get("components")
    told = components.get("securitySchemes") if components is not None else None
    schemes = dict(told.items()) if told is not None else {}
    ways = _requirements(document, used) or [{one: []} for one in schemes]
    options = [
        option
        for way in ways
        if way and all(one in schemes for one in way)
        for option in [_option([(schemes[one], scopes) for one, scopes in way.items()], prefix, base)]
        if option is not None
    ]
    options.sort(key=lambda one: one[0])
    if options:
        _, auth, notes = options[0]
        if len(options) > 1:
            others = dict.fromkeys(str(one[1]["type"]) for one in options[1:])
            notes = [*notes, remark(f"the description has other ways too ({', '.join(others)})")]
        part.say("auth", auth, *notes)
    else:
        part.say("auth", {"type": "none"}, fill_in("the description does not say how one is let in"))
    headers = _headers(used, prefix, part.settings["auth"])
    if headers:
        part.say("headers", *headers)
    return part


def _requirements(document: Document, used: list[Operation]) -> list[dict[str, list[str]]]:
    """The ways to be let in; the system's own, or those of the operations that are drafted."""
    asked = document.root.each("security") or [
        one for operation in used for one in operation.node.each("security")
    ]
    found: list[dict[str, list[str]]] = []
    for node in asked:
        way = {name: [str(one) for one in scopes.value or ()] for name, scopes in node.items()}
        same = next((known for known in found if known.keys() == way.keys()), None)
        if same is None:
            found.append(way)
            continue
        for name, scopes in way.items():
            same[name] = list(dict.fromkeys([*same[name], *scopes]))
    return found


def _option(
    schemes: list[tuple[Node, list[str]]], prefix: str, base: str
) -> tuple[int, dict[str, Any], list[Note]] | None:
    """One way to be let in: how good it is for a program, its settings, what to say of it."""
    if len(schemes) > 1:
        keys = [
            one for one, _scopes in schemes if one.text("type") == "apiKey" and one.text("in") == "header"
        ]
        if len(keys) != len(schemes):
            return None
        names = [one.text("name") for one in keys]
        return 2, {"type": "header", "headers": {n: Secret.of(prefix, n) for n in names}}, []
    node, scopes = schemes[0]
    kind, scheme = node.text("type"), node.text("scheme").lower()
    if kind == "http" and scheme == "bearer":
        return 0, {"type": "bearer", "token": Secret.of(prefix, "TOKEN")}, []
    if kind == "http" and scheme == "basic":
        user, password = Secret.of(prefix, "USER"), Secret.of(prefix, "PASSWORD")
        return 2, {"type": "basic", "username": user, "password": password}, []
    if kind == "apiKey" and node.text("in") in ("header", "query", "cookie"):
        name, place = node.text("name"), node.text("in")
        if name.lower() == "authorization" and place == "header":
            words = fill_in("the word before the token (scheme) is not told: Bearer is only the usual one")
            return 3, {"type": "bearer", "token": Secret.of(prefix, "TOKEN")}, [words]
        told = {"type": "api_key", "name": name, "location": place, "api_key": Secret.of(prefix, "KEY")}
        return (1 if place == "header" else 4), told, []
    if kind == "oauth2" and (flows := node.get("flows")) is not None:
        return _oauth(flows, scopes, prefix, base)
    return None


def _oauth(flows: Node, scopes: list[str], prefix: str, base: str) -> tuple[int, dict[str, Any], list[Note]]:
    client = {
        "client_id": Secret.of(prefix, "CLIENT_ID"),
        "client_secret": Secret.of(prefix, "CLIENT_SECRET"),
    }
    wanted = {"scope": " ".join(scopes)} if scopes else {}
    about = [guessed("scopes: all that the drafted operations ask for")] if scopes else []
    machine = flows.get("clientCredentials")
    if machine is not None:
        url = urljoin(base, machine.text("tokenUrl"))
        return 3, {"type": "oauth2_client_credentials", "access_token_url": url, **client, **wanted}, about
    person = flows.get("authorizationCode")
    if person is not None:
        url = urljoin(base, person.text("refreshUrl") or person.text("tokenUrl"))
        about.append(
            remark(
                "a person agrees once, and the refresh token that comes of it goes here. If the system also "
                "gives fixed tokens to programs, auth: {type: bearer, token: ...} is simpler"
            )
        )
        token = Secret.of(prefix, "REFRESH_TOKEN")
        told = {"type": "oauth2_refresh_token", "access_token_url": url, **client, "refresh_token": token}
        return 5, {**told, **wanted}, about
    words = guessed("only ways of OAuth 2 for browsers are described; a token for programs may do as well")
    return 6, {"type": "bearer", "token": Secret.of(prefix, "TOKEN")}, [words]


def _headers(used: list[Operation], prefix: str, auth: dict[str, Any]) -> tuple[dict[str, str], Note] | None:
    """Headers that each request must carry."""
    headers: dict[str, str] = {}
    known = {*_OWN, plain(str(auth.get("name", ""))), *map(plain, auth.get("headers", ()))}
    for operation in used:
        for name, node in operation.param("header").items():
            if not node.flag("required") or plain(name) in known:
                continue
            schema = node.get("schema")
            fixed = None
            for key in ("const", "default"):
                fixed = fixed or (schema.get(key) if schema is not None else None)
            listed = schema.value.get("enum") if schema is not None else None
            value = (
                fixed.value
                if fixed is not None
                else listed[0]
                if isinstance(listed, list) and listed
                else None
            )
            headers[name] = str(value) if value is not None else Secret.of(prefix, name)
    if not headers:
        return None
    return headers, guessed(f"operations want {', '.join(headers)} with each request")


class Secret(str):
    """`${NAME}`: a secret that the environment gives. Made here only: a description can't ask for one."""

    __slots__ = ()

    @classmethod
    def of(cls, prefix: str, name: str) -> Secret:
        """The secret of this name for a system."""
        return cls("${" + f"{prefix}_{_upper(name)}" + "}")


def _upper(name: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", name.upper()).strip("_") or "SYSTEM"
