"""Presets: the REST configuration of a known product as a file of data, to be laid under the user's own keys.

A preset has two parts, `system` and `resource`. The user's keys win; objects are merged key by
key, except where the user chooses another `type` (of auth, of paginator): then theirs replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from ruamel.yaml import YAML


def names() -> list[str]:
    """The presets there are."""
    folder = resources.files(__package__) / "presets"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


@cache
def preset(name: str) -> Mapping[str, Any]:
    """The data of a preset. Raises ValueError for a name there is none of."""
    if name not in names():
        raise ValueError(f"no preset {name!r}; there are: {', '.join(names())}")
    text = (resources.files(__package__) / "presets" / f"{name}.yaml").read_text("utf-8")
    data: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def merged(data: Any, part: str) -> Any:
    """The user's `data` laid over that part of the preset it names; other data unchanged."""
    if not isinstance(data, Mapping) or not isinstance(data.get("preset"), str):
        return data
    return lay_over(preset(data["preset"]).get(part, {}), data)


def lay_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, objects key by key. An object of another `type` replaces the one below."""
    result = dict(below)
    for name, value in above.items():
        under = below.get(name)
        if (
            isinstance(value, Mapping)
            and isinstance(under, Mapping)
            and value.get("type", under.get("type")) == under.get("type")
        ):
            result[name] = lay_over(under, value)
        else:
            result[name] = value
    return result
