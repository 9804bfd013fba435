"""What a probe proposes for a mapping, and its way into the configuration: as a file would change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from syncadmin.config import apply as configuration
from syncadmin.config.convert import mapping_document, stored_mappings
from syncadmin.config.export import as_yaml
from syncadmin.core.side import Side
from syncadmin.models import FieldMapping, Mapping, MappingState, MappingVersion, Probe


class NotTaken(ValueError):
    """Nothing can be taken over. Says why, in words for a person."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What to set in a field: (key, value now, value proposed); by side, the longest text that it takes."""

    field: str
    settings: tuple[tuple[str, Any, Any], ...]
    limits: tuple[tuple[Side, int], ...]
    taken: bool


def advice(mapping: Mapping, found: Probe) -> list[Advice]:
    """What a probe proposes for the fields that there still are; taken: the mapping is so already."""
    proposals = (found.result or {}).get("proposals", {})
    return [_advice(f, proposals[f.name]) for f in mapping.fields.all() if f.name in proposals]


def _advice(f: FieldMapping, told: dict[str, Any]) -> Advice:
    settings: list[tuple[str, Any, Any]] = []
    taken = True
    for key in ("type", "scale", "normalize"):
        if key not in told:
            continue
        now, wanted = getattr(f, key), told[key]
        if key == "normalize":
            wanted = [*now, *(step for step in wanted if step not in now)]
        settings.append((key, now, wanted))
        taken = taken and now == wanted
    limits = tuple((side, told["max_length"][side]) for side in Side if side in told.get("max_length", {}))
    return Advice(f.name, tuple(settings), limits, bool(settings) and taken)


def take_over(mapping: Mapping, found: Probe, *, by: str) -> MappingVersion | None:
    """Set what the probe proposes. A mapping in use gets a proposed version, which is answered.

    Raises NotTaken, problems.BadConfig.
    """
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        fresh = stored_mappings()[mapping.name]
        if fresh.enabled:
            raise NotTaken(_("The mapping is switched on by now."))
        document = mapping_document(fresh)
        wanted = [one for one in advice(fresh, found) if one.settings and not one.taken]
        if not wanted:
            raise NotTaken(_("There is nothing left to take over."))
        for one in wanted:
            for key, _now, value in one.settings:
                document["fields"][one.field][key] = value
        loaded = configuration.read(as_yaml({"version": 1, "mappings": {fresh.name: document}}), "probe")
        done = configuration.apply(loaded, by=by, reason=f"taken over from {found}")
        number = next((one.version for one in done if one.action is configuration.Action.PROPOSED), None)
        return MappingVersion.objects.get(mapping=fresh, number=number) if number is not None else None
