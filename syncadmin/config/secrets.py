"""Secrets: named in a configuration as `${NAME}`, kept encrypted with the system, never given out again.

A value goes in by `put` and comes out only inside a connector's configuration. What people may see is
the name, when it was set and by whom.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from syncadmin.models import System

NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
ONLY_NAMES = re.compile(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\})+")


class MissingSecret(Exception):
    """A configuration names a secret that is set nowhere."""

    def __init__(self, name: str) -> None:
        super().__init__(_("the secret %(name)s is not set") % {"name": name})
        self.name = name


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """What may be shown of a secret. `needed`: the configuration names it; `is_set`: a value is stored."""

    name: str
    is_set: bool
    needed: bool
    set_at: datetime | None = None
    set_by: str = ""


def names_in(value: Any) -> set[str]:
    """The names of all `${NAME}` in a JSON-like value."""
    if isinstance(value, str):
        return set(NAME.findall(value))
    if isinstance(value, Mapping):
        return set().union(*(names_in(item) for item in value.values())) if value else set()
    if isinstance(value, (list, tuple)):
        return set().union(*(names_in(item) for item in value)) if value else set()
    return set()


def fill(value: Any, secrets: Mapping[str, str]) -> Any:
    """The same value with every `${NAME}` replaced. Raises MissingSecret."""
    if isinstance(value, str):
        return NAME.sub(lambda found: _known(found.group(1), secrets), value)
    if isinstance(value, Mapping):
        return {key: fill(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, secrets) for item in value]
    return value


def _known(name: str, secrets: Mapping[str, str]) -> str:
    if name not in secrets:
        raise MissingSecret(name)
    return secrets[name]


def scrub(text: str, secrets: Mapping[str, str]) -> str:
    """A message in which no secret's value is left (short values are too common to be searched for)."""
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if len(value) >= 4:
            text = text.replace(value, f"${{{name}}}")
    return text


def values_of(system: System) -> dict[str, str]:
    """Stored values by name. For filling a configuration only: never show, log or export them."""
    return {
        name: entry["value"] if isinstance(entry, dict) else entry
        for name, entry in (system.secrets or {}).items()
    }


def put(system: System, name: str, value: str, *, by: str = "") -> bool:
    """Store a value (not saved yet). Answers whether it differs from what was stored."""
    if values_of(system).get(name) == value:
        return False
    entry = {"value": value, "set_at": timezone.now().isoformat(), "set_by": by}
    system.secrets = {**(system.secrets or {}), name: entry}
    return True


def reason(names: Iterable[str], before: str = "") -> str:
    """What the history of configuration says of secrets that were set: their names, as its reason."""
    told = f"secret set: {', '.join(names)}" if names else ""
    return "; ".join(part for part in (before, told) if part)[:100]


def forget(system: System, name: str) -> bool:
    """Drop a value (not saved yet). Answers whether there was one."""
    if name not in (system.secrets or {}):
        return False
    system.secrets = {key: entry for key, entry in system.secrets.items() if key != name}
    return True


def needed_by(system: System, resources: Iterable[Mapping[str, Any]] | None = None) -> set[str]:
    """The names that the configuration of a system and its resources uses."""
    configs = (
        resources
        if resources is not None
        else [r.config for r in system.resources.all()]
        if system.pk
        else []
    )
    return names_in(system.config).union(*(names_in(config) for config in configs))


def listed(system: System) -> list[SecretInfo]:
    """Every secret that is needed or set, by name, with what may be shown of it."""
    needed, stored = needed_by(system), system.secrets or {}
    infos = []
    for name in sorted(needed | set(stored)):
        entry = stored.get(name)
        details = entry if isinstance(entry, dict) else {}
        set_at = datetime.fromisoformat(details["set_at"]) if details.get("set_at") else None
        infos.append(SecretInfo(name, entry is not None, name in needed, set_at, details.get("set_by", "")))
    return infos
