"""Exporting the configuration as a file that, applied again, changes nothing. Secrets are `${NAME}` only."""

from __future__ import annotations

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from .convert import document

BLOCKS = {"systems", "resources", "mappings", "fields"}


def export() -> str:
    """The whole stored configuration as YAML."""
    return as_yaml(document())


def as_yaml(value: Any) -> str:
    """Any plain document as YAML, short mappings on one line as in the documentation."""
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = StringIO()
    yaml.dump(_styled(value, block=True), out)
    return out.getvalue()


def _styled(value: Any, *, block: bool, named: bool = False) -> Any:
    """`block` mappings have a line for each key; `named` ones hold objects by name, long ones as blocks."""
    if isinstance(value, dict):
        made = CommentedMap()
        for key, item in value.items():
            lines = key in BLOCKS or (named and _long(item))
            made[key] = _styled(item, block=lines or _long(item), named=key in BLOCKS)
        if not block:
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        made_list = CommentedSeq(_styled(item, block=False) for item in value)
        if all(not isinstance(item, dict) for item in value):
            made_list.fa.set_flow_style()
        return made_list
    return str(value) if isinstance(value, str) else value


def _long(value: Any) -> bool:
    return isinstance(value, dict) and (len(str(value)) > 110 or any(key in BLOCKS for key in value))
