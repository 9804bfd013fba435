"""Reading a configuration file: all its problems at once, each with its line, or a checked configuration.

What is stored already counts as known: a file may name systems, mappings and secrets that are configured
on this hub. Nothing is stored here.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils.translation import gettext as _
from pydantic import ValidationError

from .checks import World, check_mapping, check_world
from .errors import at, problems_of
from .lines import Lines
from .problems import BadConfig, Path, Problem
from .schema import Envelope, MappingSpec, SystemSpec
from .secrets import names_in
from .systems import check_system, missing_secrets, redirected

APPLY = "%s=... manage.py apply FILE"
SYSTEM_KEYS = tuple(SystemSpec.model_fields)


@dataclass
class Known:
    """What a file may refer to: the stored names, secrets and settings by system, and the environment."""

    world: World = field(default_factory=World)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Loaded:
    """A checked file. `secrets` are the values, by system and name, that the environment gave."""

    source: str
    systems: dict[str, SystemSpec]
    mappings: dict[str, MappingSpec]
    secrets: dict[str, dict[str, str]]


def load(text: str, known: Known, source: str = "") -> Loaded:
    """The checked configuration. Raises BadConfig with every problem, in the order of the lines."""
    lines = Lines(text, source)
    problems: list[Problem] = []
    content = _envelope(lines, problems)
    world = World(dict(known.world.systems), dict(known.world.mappings), set(known.world.broken))
    loaded = Loaded(source, {}, {}, {})
    for name, document in content.get("systems", {}).items():
        _system(name, document, known, loaded, world, problems)
    broken_fields: dict[str, frozenset[str]] = {}
    for name, document in content.get("mappings", {}).items():
        broken_fields[name] = _mapping(name, document, loaded, world, problems)
    for name, spec in loaded.mappings.items():
        problems += check_mapping(spec, world, ("mappings", name), broken_fields[name])
    for name, problem in check_world(world):
        if name in loaded.mappings:
            problems.append(Problem(("mappings", name, *problem.path), problem.message, problem.remedy))
    if problems:
        placed = dict.fromkeys(lines.placed(problem) for problem in problems)
        raise BadConfig(sorted(placed, key=lambda p: p.line or 0), source)
    return loaded


def _envelope(lines: Lines, problems: list[Problem]) -> dict[str, Any]:
    """The file's systems and mappings that are worth a closer look."""
    content = lines.content
    if not isinstance(content, dict):
        text = _("is not a configuration: it must hold the keys version, systems and mappings")
        raise BadConfig([Problem((), text)], lines.source)
    content = {key: {} if value is None and key != "version" else value for key, value in content.items()}
    try:
        Envelope.model_validate(content)
    except ValidationError as error:
        problems += problems_of(error, Envelope, content)
    bad = {problem.path for problem in problems}
    return {
        part: {
            name: document
            for name, document in content[part].items()
            if isinstance(document, dict) and (part, name) not in bad
        }
        for part in ("systems", "mappings")
        if isinstance(content.get(part), dict)
    }


def _system(
    name: str, document: dict[str, Any], known: Known, loaded: Loaded, world: World, problems: list[Problem]
) -> None:
    prefix: Path = ("systems", name)
    document = {**document, "resources": document.get("resources") or {}}
    secrets = {**known.secrets.get(name, {}), **known.environment}
    world.systems.setdefault(name, set())
    try:
        spec = SystemSpec.model_validate(document)
    except ValidationError as error:
        problems += problems_of(error, SystemSpec, document, prefix)
        world.broken.add(name)
        return
    for path, wanted in missing_secrets(spec.settings, secrets, prefix):
        text = _("the environment variable %(name)s is not set, and no secret of this name is stored")
        remedy = _("Set it and run the command again: %(command)s") % {"command": APPLY % wanted}
        problems.append(Problem(path, text % {"name": wanted}, remedy))
    problems += check_system(spec, secrets, prefix, own_keys=SYSTEM_KEYS)
    problems += _kept_secrets(name, spec, known)
    world.systems[name] = world.systems[name] | set(spec.resources)
    used = names_in(spec.settings)
    loaded.systems[name] = spec
    loaded.secrets[name] = {n: known.environment[n] for n in sorted(used) if n in known.environment}


def _kept_secrets(name: str, spec: SystemSpec, known: Known) -> list[Problem]:
    """Stored secrets that would go to another address than the one they were given for."""
    changed = redirected(known.settings[name], spec.config) if name in known.settings else []
    kept = names_in(spec.config) & set(known.secrets.get(name, ())) - set(known.environment)
    if not changed or not kept:
        return []
    text = _("this changes where stored secrets go: give them again (%(names)s)")
    remedy = _("Run the command again with them: %(command)s") % {"command": APPLY % min(kept)}
    return [Problem(("systems", name, *changed[0]), text % {"names": ", ".join(sorted(kept))}, remedy)]


def _mapping(
    name: str, document: dict[str, Any], loaded: Loaded, world: World, problems: list[Problem]
) -> frozenset[str]:
    """Takes in one mapping; answers the names of its field mappings that are too broken to be judged."""
    prefix: Path = ("mappings", name)
    broken: frozenset[str] = frozenset()
    try:
        spec = MappingSpec.model_validate(document)
    except ValidationError as error:
        found = problems_of(error, MappingSpec, document)
        problems += (Problem((*prefix, *p.path), p.message, p.remedy) for p in found)
        rest, broken = _without(document, [_whole(p, document) for p in found])
        try:
            spec = MappingSpec.model_validate(rest)
        except ValidationError:
            world.mappings.pop(name, None)
            world.broken.add(name)
            return broken
    world.mappings[name] = loaded.mappings[name] = spec
    return broken


def _whole(problem: Problem, document: dict[str, Any]) -> Problem:
    """A key that is missing makes what it is missing from unusable: the problem, told of that."""
    path = problem.path
    while len(path) > 1 and at(document, path) is None:
        path = path[:-1]
    return replace(problem, path=path)


def _object(path: Path) -> Path:
    """The path as far as the field mapping or the list item that it leads into."""
    if path[:1] == ("fields",):
        return path[:2]
    return next((path[: i + 1] for i, part in enumerate(path) if isinstance(part, int)), path)


def _without(document: dict[str, Any], problems: list[Problem]) -> tuple[dict[str, Any], frozenset[str]]:
    """The document without what has problems, so that the rest can still be checked."""
    rest = deepcopy(document)
    inside = [_object(p.path) for p in problems]
    for path in sorted(
        set(inside), key=str, reverse=True
    ):  # later list items first, so that places stay right
        parent = at(rest, path[:-1]) if path else None
        if isinstance(parent, dict):
            parent.pop(path[-1], None)
        elif isinstance(parent, list):
            del parent[path[-1]]
    if any(path[:1] == ("rows",) for path in inside):
        rest.pop("drift", None)  # whether it counts can't be told
    return rest, frozenset(str(path[1]) for path in inside if path[:1] == ("fields",) and len(path) > 1)
