"""Between stored rows and the document: the same configuration as a file says it, and as the tables keep it.

`*_document` turns rows into the keys of a file, without what is a default anyway; `*_values` turns checked
specs into the attributes of rows. Export, apply and the admin's forms all go through here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from syncadmin.core.side import SIDES
from syncadmin.models import FieldMapping, Resource, RowRule, System
from syncadmin.models import Mapping as MappingRow

from .checks import World
from .schema import RESOURCE_KEYS, FieldAnswers, FieldSpec, GuardsSpec, MappingSpec, TableAnswers
from .units import format_duration, format_share

Document = dict[str, Any]

# a file's key: the row's attribute, where they are the same thing
FIELD_KEYS = {
    "left": "left",
    "right": "right",
    "type": "type",
    "scale": "scale",
    "normalize": "normalize",
    "values": "choices",
    "separators": "separators",
    "zones": "zones",
    "mapping": "target",
    "owner": "owner",
    "drift": "drift",
    "merge": "merge",
    "rule": "rule",
    "group": "group",
    "weight": "weight",
    "first_contact": "first_contact",
    "two_people": "two_people",
    "learned": "learned",
    "assessment": "assessment",
}
MAPPING_KEYS = {
    "label": "label",
    "enabled": "enabled",
    "left": "left",
    "right": "right",
    "match": "match",
    "title": "title",
    "value": "value",
    "owner": "owner",
    "drift": "drift",
    "filter.left": "left_filter",
    "filter.right": "right_filter",
    "left_scope": "left_scope",
    "create": "create",
    "deletes": "deletes",
    "edit_vs_delete": "edit_vs_delete",
    "first_contact": "first_contact",
    "whole_record": "whole_record",
    "risk": "risk",
    "rehearse": "rehearse",
    "clock_tolerance": "clock_tolerance",
    "schedule": "schedule",
    "reconcile": "reconcile_every",
    "guards.max_deletes": "max_deletes",
    "guards.max_changes": "max_changes",
    "guards.max_blanks": "max_blanks",
    "guards.max_shrinks": "max_shrinks",
    "guards.max_same": "max_same",
    "guards.floor": "guard_floor",
    "due": "due",
    "escalate.after": "escalate_after",
    "escalate.person": "escalate_person",
    "escalate.group": "escalate_group",
    "assessment": "assessment",
}
MAPPING_TEXTS = (
    "label", "title", "value", "left_scope", "create", "deletes", "edit_vs_delete", "first_contact", "drift",
)  # fmt: skip
GUARD_SHARES = ("max_deletes", "max_changes", "max_blanks", "max_shrinks", "max_same")
SYSTEM_KEYS = ("connector", "label", "record_url")


# ---------------------------------------------------------------- rows to document


def document() -> Document:
    """The whole configuration as a file would say it."""
    systems = System.objects.prefetch_related("resources")
    return {
        "version": 1,
        "systems": {system.name: system_document(system) for system in systems},
        "mappings": {name: mapping_document(row) for name, row in stored_mappings().items()},
    }


def stored_mappings() -> dict[str, MappingRow]:
    """All mappings by name, with everything that their documents need."""
    rows = MappingRow.objects.select_related("left__system", "right__system")
    return {row.name: row for row in rows.prefetch_related("fields__target", "row_rules")}


def system_document(system: System, resources: Iterable[Resource] | None = None) -> Document:
    """A system with its resources. Secrets appear as `${NAME}` only: that is all the rows hold."""
    rows = system.resources.all() if resources is None else resources
    made: Document = {"connector": system.connector}
    made |= {key: value for key in ("label", "record_url") if (value := getattr(system, key))}
    made |= {key: value for key, value in system.config.items() if key not in (*SYSTEM_KEYS, "resources")}
    made["resources"] = {row.name: {**own_keys(row), **row.config} for row in rows}
    return made


def own_keys(row: Resource) -> Document:
    """What the hub itself, not the connector, is told of a resource, as far as it is."""
    return {key: value for key in RESOURCE_KEYS if (value := getattr(row, key))}


def mapping_document(
    row: MappingRow, fields: Iterable[FieldMapping] | None = None, rules: Iterable[RowRule] | None = None
) -> Document:
    """A mapping with its field mappings and row rules (those given, else those stored)."""
    filters = {side.value: getattr(row, f"{side}_filter") for side in SIDES}
    guards: Document = {name: format_share(getattr(row, name)) for name in GUARD_SHARES}
    guards["floor"] = row.guard_floor
    made: Document = {key: getattr(row, key) for key in MAPPING_TEXTS}
    made |= {
        "enabled": row.enabled,
        "left": row.left.natural(),
        "right": row.right.natural(),
        "match": list(row.match),
        "owner": row.owner or None,
        "rows": [
            {"when": r.when, "owner": r.owner} for r in (row.row_rules.all() if rules is None else rules)
        ],
        "filter": {side: text for side, text in filters.items() if text},
        "whole_record": row.whole_record,
        "risk": row.risk,
        "rehearse": row.rehearse,
        "clock_tolerance": format_duration(row.clock_tolerance),
        "schedule": format_duration(row.schedule),
        "reconcile": format_duration(row.reconcile_every),
        "guards": {key: value for key, value in guards.items() if value != _plain_default(GuardsSpec, key)},
    }
    made["due"] = _duration(row.due)
    escalate = {
        "after": _duration(row.escalate_after),
        "person": row.escalate_person,
        "group": row.escalate_group,
    }
    made["escalate"] = {key: value for key, value in escalate.items() if value}
    made["assessment"] = _in_order(row.assessment, TableAnswers)
    rows = row.fields.all() if fields is None else fields
    told = _without_defaults(made, MappingSpec)
    return {**told, "fields": {f.name: field_document(f) for f in rows}}


def _duration(seconds: float | None) -> str | None:
    return None if seconds is None else format_duration(seconds)


def field_document(row: FieldMapping) -> Document:
    """A field mapping."""
    made = {key: getattr(row, attribute) for key, attribute in FIELD_KEYS.items() if key != "mapping"}
    made["mapping"] = row.target.name if row.target else None
    made["assessment"] = _in_order(row.assessment, FieldAnswers)
    made |= {key: made[key] or None for key in ("owner", "first_contact")}
    made |= {key: {s: t for s, t in made[key].items() if t} for key in ("separators", "zones")}
    return _without_defaults(made, FieldSpec)


def _in_order(answers: Mapping[str, Any], model: type[FieldAnswers] | type[TableAnswers]) -> Document:
    """Answers in the order of the format's keys; a database need not keep it."""
    return {key: answers[key] for key in model.model_fields if key in answers}


def _without_defaults(made: Document, model: type[MappingSpec] | type[FieldSpec]) -> Document:
    """In the order of the format's keys; what says no more than the default is left out."""
    keys = [key for key in model.model_fields if key in made]
    return {key: made[key] for key in keys if key == "type" or made[key] != _plain_default(model, key)}


def _plain_default(model: Any, key: str) -> Any:
    found = model.model_fields[key]
    if found.is_required():
        return ...
    value = found.default
    if hasattr(value, "model_dump"):
        return {}
    if key in ("clock_tolerance", "schedule", "reconcile"):
        return format_duration(value)
    if key in GUARD_SHARES:
        return format_share(value)
    return value


# ---------------------------------------------------------------- specs to rows


def mapping_values(spec: MappingSpec, resources: Mapping[tuple[str, str], Resource]) -> dict[str, Any]:
    """The attributes of a mapping's row. `resources` are rows by (system, resource)."""
    plain = spec.model_dump(mode="json")
    made: dict[str, Any] = {}
    for key, attribute in MAPPING_KEYS.items():
        outer, _, inner = key.partition(".")
        made[attribute] = plain[outer][inner] if inner else plain[outer]
    made |= {key: made[key] or "" for key in ("owner", "left_filter", "right_filter")}
    made["assessment"] = spec.assessment.answers()
    made |= {side.value: resources[end.system, end.resource] for side, end in ends(spec)}
    return made


def field_values(spec: FieldSpec) -> dict[str, Any]:
    """The attributes of a field mapping's row, but `target`, which needs the other mapping's row."""
    plain = spec.model_dump(mode="json")
    made = {attribute: plain[key] for key, attribute in FIELD_KEYS.items() if key != "mapping"}
    made |= {key: made[key] or "" for key in ("owner", "first_contact")}
    made |= {key: {s: t for s, t in made[key].items() if t} for key in ("separators", "zones")}
    made["assessment"] = spec.assessment.answers()
    return made


def ends(spec: MappingSpec) -> list[tuple[Any, Any]]:
    """Each side with the name of its resource."""
    return [(side, getattr(spec, side.value)) for side in SIDES]


# ---------------------------------------------------------------- names


def stored_world(*, leaving_out: str = "") -> World:
    """The names that are configured now, but for one mapping. A stored mapping that is wrong is `broken`."""
    world = World(
        {s.name: {r.name for r in s.resources.all()} for s in System.objects.prefetch_related("resources")}
    )
    for name, row in stored_mappings().items():
        if name == leaving_out:
            continue
        try:
            world.mappings[name] = MappingSpec.model_validate(mapping_document(row))
        except ValidationError:
            world.broken.add(name)
    return world
