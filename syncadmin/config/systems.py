"""Checks of a system's own keys: the connector, its settings, its resources, and secrets in clear text.

The connector's typed models decide; the file and the admin's form both come here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from django.utils.translation import gettext as _
from pydantic import BaseModel, SecretStr, ValidationError

from connectors import registry
from connectors.base import Connector, Misconfigured

from .checks import check_link, check_record_url
from .errors import field_type, literals, members, problems_of
from .problems import Path, Problem, quoted, unknown
from .schema import RESOURCE_KEYS, SystemSpec
from .secrets import NAME, fill, names_in, scrub

MALFORMED = re.compile(r"\$\{(?![A-Za-z_][A-Za-z0-9_]*\})[^}]*\}?")
PASSWORD_IN_URL = re.compile(r"^[\w+.-]+://[^/@\s]*:[^/@\s]+@")
ADDRESS = re.compile(r"^[\w+.-]+://")
CREDENTIAL = re.compile(r"auth|token|key|secret|password|cookie|session|credential", re.IGNORECASE)


def check_system(
    spec: SystemSpec, known: Mapping[str, str], prefix: Path = (), *, own_keys: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """All that is wrong in a system and its resources. `known` are the secrets that have a value.

    A setting whose secret has no value yet can't be judged, and is not. `own_keys` are named, beside the
    connector's, as allowed.
    """
    yield from check_record_url(spec.record_url, prefix)
    try:
        connector = found(spec.connector)
    except Misconfigured as error:
        yield Problem((*prefix, "connector"), error.message)
        return
    yield from check_settings(connector.Config, spec.config, known, prefix, own_keys)
    for name, resource in spec.resources.items():
        place = (*prefix, "resources", name)
        yield from check_link(resource.link, place)
        yield from check_settings(connector.ResourceConfig, resource.config, known, place, RESOURCE_KEYS)


def found(kind: str) -> type[Connector]:
    """The connector of this kind. Raises Misconfigured, with what is installed."""
    if kind not in registry.kinds():
        raise Misconfigured(unknown(_("unknown connector %(name)s"), kind, registry.kinds()))
    return registry.get(kind)


def missing_secrets(value: Any, known: Mapping[str, str], path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Each place that names a secret without a value, with the name."""
    for place, text in leaves(value, path):
        for name in NAME.findall(text):
            if name not in known:
                yield place, name


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every text in a document, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from leaves(item, (*path, position))


HARMLESS = (("schema",),)  # settings that say what is looked at there, and never where it is
DURATION = re.compile(r"\d+(\.\d+)?\s*(ms|s|m|min|h|d)?")


def redirected(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Path]:
    """The settings, changed from `old` to `new`, that could send stored secrets to somewhere else.

    Whoever may change an address must not get at what others have typed in: the secrets are asked for again.
    """
    before = dict(leaves(old))
    elsewhere: list[Path] = [("port",)] if old.get("port") != new.get("port") else []
    return elsewhere + [
        path
        for path, text in leaves(new)
        if before.get(path) != text
        and not DURATION.fullmatch(text.strip())
        and path not in (*HARMLESS, ("port",))
    ]


def check_settings(
    model: type[BaseModel],
    config: Mapping[str, Any],
    known: Mapping[str, str],
    prefix: Path = (),
    own_keys: tuple[str, ...] = (),
) -> Iterator[Problem]:
    """All that is wrong in the settings of a system or a resource, judged by the connector's `model`."""
    unsafe = list(_clear_text(model, config))
    for place, text in leaves(config):
        if found := MALFORMED.search(text):
            text = _("%(text)s is no secret's name; write %(example)s with letters, digits and _")
            yield Problem((*prefix, *place), text % {"text": quoted(found[0]), "example": "${NAME}"})
    for place in unsafe:
        how = _(
            "Write it as %(example)s, and set NAME in the environment of `apply` or on the page of the system"
        )
        text = _("holds a secret in clear text")
        yield Problem((*prefix, *place), text, how % {"example": "${NAME}"})
    unset = {place for place, name in missing_secrets(config, known)}
    given = {**known, **{name: "0" for name in names_in(config) if name not in known}}
    try:
        model.model_validate(fill(config, given))
    except ValidationError as error:
        for problem in problems_of(error, model, config, own_keys=own_keys):
            if any(problem.path[: len(place)] == place for place in unset) or problem.path in unsafe:
                continue
            yield Problem((*prefix, *problem.path), scrub(problem.message, known), problem.remedy)


def _clear_text(model: type[BaseModel], config: Mapping[str, Any]) -> Iterator[Path]:
    """Places that hold a credential and don't take it from a secret."""
    secret = set(_secret_places(model, config))
    for place, text in leaves(config):
        bare = NAME.sub("", text)
        kept_secret = place in secret and bare == text != "" and _is_credential(place, text)
        if kept_secret or PASSWORD_IN_URL.match(bare):
            yield place


def _is_credential(place: Path, text: str) -> bool:
    if ADDRESS.match(text):
        return False
    return place[0] != "headers" or bool(CREDENTIAL.search(str(place[-1])))


def _secret_places(annotation: Any, document: Any, path: Path = ()) -> Iterator[Path]:
    """Paths of all that the model keeps as a secret, whether the rest of the document is right or not."""
    for member in members(annotation):
        if member is SecretStr:
            yield path
        elif isinstance(member, type) and issubclass(member, BaseModel):
            if isinstance(document, Mapping) and _tagged(member, document):
                for key, item in document.items():
                    yield from _secret_places(field_type(member, key), item, (*path, key))
        elif isinstance(document, Mapping) and get_args(member):
            for key, item in document.items():
                yield from _secret_places(get_args(member)[-1], item, (*path, key))
        elif isinstance(document, list) and get_args(member):
            for position, item in enumerate(document):
                yield from _secret_places(get_args(member)[0], item, (*path, position))


def _tagged(member: type[BaseModel], document: Mapping[str, Any]) -> bool:
    tag = member.model_fields.get("type")
    allowed = literals(tag.annotation) if tag else ()
    return not allowed or document.get("type", allowed[0]) in allowed
