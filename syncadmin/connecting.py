"""Connecting systems and naming their resources: test first, then store what a file would say.

What is stored goes through the same checks and the same `apply` as a file, with the same history. A system
that can't be reached, or does not let the hub in, is not stored; what is wrong is told of its setting.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from pydantic import BaseModel

from connectors import registry
from connectors.base import CheckItem, ConnectorError, Misconfigured, ResourceInfo
from connectors.offers import Offer, Offering
from syncadmin.config import apply as configuration
from syncadmin.config import secrets
from syncadmin.config.connect import open_connector, try_connection
from syncadmin.config.convert import system_document
from syncadmin.config.export import as_yaml
from syncadmin.config.problems import BadConfig, Path, Problem
from syncadmin.config.schema import RESOURCE_KEYS
from syncadmin.core.spelling import spelled
from syncadmin.models import Resource, System

LONGEST = 50  # characters of a name
PLACES = ("table", "collection", "path")  # the setting of a resource that says which one it is


@dataclass
class Refused(Exception):
    """A system was not stored. `problems` are of its settings, by path; `items` what the test said."""

    problems: list[Problem] = field(default_factory=list)
    items: list[CheckItem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to connect: the connector and what it offers."""

    connector: str
    offer: Offer

    @property
    def model(self) -> type[BaseModel]:
        """The typed settings of its systems."""
        return registry.get(self.connector).Config

    @property
    def resource_model(self) -> type[BaseModel]:
        """The typed settings of its resources."""
        return registry.get(self.connector).ResourceConfig


def ways() -> list[Way]:
    """All ways to connect, of every connector that is installed; one that can't be loaded is left out."""
    found = []
    for kind in sorted(registry.kinds(), key=lambda kind: kind != "sql"):
        try:
            connector = registry.get(kind)
        except Misconfigured:
            continue
        offers = connector.offers if isinstance(connector, Offering) else (_plain(kind, connector.Config),)
        found += [Way(kind, offer) for offer in offers]
    return found


def _plain(kind: str, model: type[BaseModel]) -> Offer:
    """What a connector that offers nothing by itself asks for: what it needs."""
    needed = [info.alias or name for name, info in model.model_fields.items() if info.is_required()]
    return Offer(kind, kind, " ".join((model.__doc__ or "").split()), needed)


def way_named(name: str) -> Way | None:
    """The way to connect of this name."""
    return next((way for way in ways() if way.offer.name == name), None)


def way_of(system: System) -> Way | None:
    """The way by which a system is connected, if its settings are such as that way makes."""
    fitting = [
        way
        for way in ways()
        if way.connector == system.connector
        and all(system.config.get(key) == value for key, value in way.offer.settings.items())
        and not ("preset" in system.config and "preset" not in way.offer.settings)
        and "url" not in system.config
    ]
    return max(fitting, key=lambda way: len(way.offer.settings), default=None)


def name_for(text: str, taken: Iterable[str], otherwise: str) -> str:
    """A short name made of what people call something, that is not taken yet."""
    base = re.sub(r"[^A-Za-z0-9]+", "_", spelled(text)).strip("_").lower()[: LONGEST - 4] or otherwise
    known, number = set(taken), 2
    name = base
    while name in known:
        name, number = f"{base}_{number}", number + 1
    return name


def connect(
    name: str, document: Mapping[str, Any], given: Mapping[str, str], *, by: str
) -> tuple[System, list[CheckItem]]:
    """Test a system with these settings, and store it if it lets the hub in.

    `document` is what a file says of the system, its resources aside; `given` are typed secrets by name.
    Answers the system and what the test found. Raises Refused.
    """
    loaded = _read(name, document, given)
    spec = loaded.systems[name]
    stored = System.objects.filter(name=name).first()
    trial = System(
        name=name,
        connector=spec.connector,
        config=spec.config,
        secrets=dict(stored.secrets) if stored else {},
    )
    for secret, value in given.items():
        secrets.put(trial, secret, value, by=by)
    items = try_connection(trial)
    if not all(item.ok for item in items if item.settings or item.name == "configuration"):
        raise Refused(items=items)
    configuration.apply(loaded, by=by, reason=f"connected by {by}"[:100])
    return System.objects.get(name=name), items


def _read(name: str, document: Mapping[str, Any], given: Mapping[str, str]) -> configuration.Loaded:
    text = as_yaml({"version": 1, "systems": {name: document}})
    try:
        return configuration.read(text, "", environment=given)
    except BadConfig as error:
        raise Refused([_inside(problem, name) for problem in error.problems]) from None


def _inside(problem: Problem, name: str) -> Problem:
    """A problem of a file, with its path from the system on."""
    path: Path = problem.path[2:] if problem.path[:2] == ("systems", name) else problem.path
    return Problem(path, problem.message, problem.remedy)


def configure(
    system: System, config: Mapping[str, Any], given: Mapping[str, str], *, by: str, why: str
) -> None:
    """Store other settings of a system, without a test. `given` are typed secrets by name. Raises Refused."""
    stored = system_document(system)
    own = {key: stored[key] for key in ("connector", "label", "record_url", "resources") if key in stored}
    loaded = _read(system.name, {**own, **config}, given)
    configuration.apply(loaded, by=by, reason=why[:100])


# ---------------------------------------------------------------- resources


@dataclass(frozen=True, slots=True)
class Found:
    """A resource that a system has. `row` if it is configured already, `config` what would be stored."""

    info: ResourceInfo
    config: dict[str, Any]
    row: Resource | None

    @property
    def keyless(self) -> bool:
        """Whether nothing tells its records apart, so that they can't be kept in step."""
        return self.info.complete and not self.info.key


def resources_of(system: System) -> list[Found]:
    """What a system has, and what is configured of it, by name. Raises ConnectorError."""
    rows = list(system.resources.all())
    with closing(open_connector(system)) as connector:
        infos = connector.discover()
        suggest = connector.suggested if isinstance(connector, Offering) else lambda info: {}
        found = []
        for info in infos:
            config = suggest(info)
            row = next((row for row in rows if row.name == info.name or same(row, config)), None)
            found.append(Found(info, config, row))
    named = {one.row.pk for one in found if one.row is not None}
    missing = [
        Found(ResourceInfo(row.name, "", complete=False), row.config, row)
        for row in rows
        if row.pk not in named
    ]
    return sorted([*found, *missing], key=lambda one: one.info.name)


def same(row: Resource, config: Mapping[str, Any]) -> bool:
    """Whether a configured resource is the one that these settings would make."""
    for key in PLACES:
        if key in config:
            return row.config.get(key, row.name if key == "collection" else None) == config[key]
    return False


def take(system: System, found: Found, *, by: str) -> Resource:
    """The resource, configured now if it was not. Raises Refused."""
    if found.row is not None:
        return found.row
    taken = system.resources.values_list("name", flat=True)
    return name_resource(system, name_for(found.info.name, taken, "records"), found.config, by=by)


def name_resource(system: System, name: str, config: Mapping[str, Any], *, by: str) -> Resource:
    """Store a resource with these settings, new ones in place of old. Raises Refused."""
    document = system_document(system)
    before = document["resources"].get(name, {})
    kept = {key: before[key] for key in RESOURCE_KEYS if key in before}
    document["resources"][name] = {**kept, **config}
    loaded = _read(system.name, document, {})
    configuration.apply(loaded, by=by, reason=f"resource {name} named by {by}"[:100])
    return Resource.objects.select_related("system").get(system=system, name=name)


def try_resource(
    system: System, name: str, config: Mapping[str, Any], *, by: str
) -> tuple[Resource | None, str]:
    """Store a described resource if its records can be read; else None, and why not. Raises Refused."""
    with transaction.atomic():
        row = name_resource(system, name, config, by=by)
        try:
            with closing(open_connector(row.system)) as connector:
                connector.describe(name)
        except ConnectorError as error:
            transaction.set_rollback(True)
            return None, secrets.scrub(str(error), secrets.values_of(system))
    return row, ""


def look_at(resource: Resource) -> tuple[ResourceInfo | None, list[CheckItem]]:
    """A resource as its system has it now, and what the test says of it and of the system."""
    items = try_connection(resource.system)
    try:
        with closing(open_connector(resource.system)) as connector:
            return connector.describe(resource.name), _of_resource(items, resource.name)
    except ConnectorError as error:
        told = secrets.scrub(str(error), secrets.values_of(resource.system))
        known = _of_resource(items, resource.name)
        return None, known or [CheckItem("readable", False, told)]


def _of_resource(items: list[CheckItem], name: str) -> list[CheckItem]:
    """The lines of a test that tell of one resource, or why the system could not be asked."""
    others = [item for item in items if not item.ok and item.settings]
    mine = [item for item in items if item.name.startswith(f"{name}: ") or item.name == f"resource {name}"]
    return [*others, *mine]
