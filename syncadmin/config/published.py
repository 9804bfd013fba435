"""The published JSON Schema of the configuration file, for editors and other programs.

Made from the typed models: ours for the file, the installed connectors' for systems and resources. What must
fit together (`checks`) is beyond a schema. `python -m syncadmin.config.published` writes it anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from connectors import registry

from .schema import NAME, Envelope, MappingSpec, ResourceSpec, SystemSpec

FILE = Path(__file__).with_name("schema.json")
BUILT_IN = ("rest", "sql")
SECRET = {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}
SCALARS = ("integer", "number", "boolean")


def json_schema() -> dict[str, Any]:
    """The schema of the whole file, with the connectors that come with SyncAdmin."""
    _, shared = models_json_schema(
        [(model, "validation") for model in (Envelope, SystemSpec, MappingSpec)],
        ref_template="#/$defs/{model}",
    )
    definitions = dict(shared["$defs"])
    envelope, system, mapping = (definitions.pop(m.__name__) for m in (Envelope, SystemSpec, MappingSpec))
    kinds = [_system(kind, system, definitions) for kind in BUILT_IN]
    definitions |= {"mapping": mapping, "secret": SECRET}
    envelope["properties"]["systems"] = _named({"oneOf": kinds}, "Systems by name.")
    envelope["properties"]["mappings"] = _named({"$ref": "#/$defs/mapping"}, "Mappings by name.")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **envelope,
        "title": "SyncAdmin configuration, version 1",
        "$defs": dict(sorted(definitions.items())),
    }


def text() -> str:
    """The schema as it is kept in the file."""
    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"


def _system(kind: str, base: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A system of one kind: our keys and its connector's, side by side."""
    connector = registry.get(kind)
    config = _connector_model(kind, connector.Config, definitions)
    resource = _connector_model(kind, connector.ResourceConfig, definitions)
    resource["properties"] = {**ResourceSpec.model_json_schema()["properties"], **resource["properties"]}
    return {
        "type": "object",
        "title": f"{kind} system",
        "properties": {
            **base["properties"],
            "connector": {"const": kind, "description": base["properties"]["connector"]["description"]},
            "resources": _named(resource, "Tables or collections, by name."),
            **config["properties"],
        },
        "required": ["connector", *(() if "preset" in config["properties"] else config.get("required", ()))],
        "additionalProperties": False,
    }


def _connector_model(kind: str, model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{kind}.{{model}}")
    for name, definition in made.pop("$defs", {}).items():
        definitions[f"{kind}.{name}"] = _with_secrets(definition)
    if "preset" in made.get("properties", {}):
        made.pop("required", None)  # what a preset says need not be written
    return _with_secrets(made)


def _with_secrets(node: Any) -> Any:
    """Wherever a setting is no text, `${NAME}` may stand for it; durations may be written as 30s."""
    if isinstance(node, list):
        return [_with_secrets(item) for item in node]
    if not isinstance(node, dict):
        return node
    if node.get("format") == "duration":
        kept = {key: value for key, value in node.items() if key not in ("type", "format")}
        return {"type": ["string", "number"], **kept}
    if node.get("type") in SCALARS and "const" not in node:
        outer = {key: node[key] for key in ("description", "default", "title") if key in node}
        inner = {key: value for key, value in node.items() if key not in outer}
        return {"anyOf": [inner, {"$ref": "#/$defs/secret"}], **outer}
    return {key: _with_secrets(value) for key, value in node.items()}


def _named(of: dict[str, Any], description: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "propertyNames": {"pattern": NAME, "maxLength": 50},
        "additionalProperties": of,
    }


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
