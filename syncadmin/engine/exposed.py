"""Where a mapping can lose an edit: asked of its open connectors, or of what they told a pass last."""

from __future__ import annotations

from contextlib import closing

from syncadmin.config.connect import open_connector
from syncadmin.core.exposure import Exposure, Promise, exposure
from syncadmin.core.side import SIDES
from syncadmin.models import Mapping, MappingState

from .binding import Binding


def promises(binding: Binding) -> dict[str, str]:
    """What the systems promise, as it is kept with the mapping's state: by side, and for deletes."""
    told = {side.value: bound.can.update.value for side, bound in binding.sides.items()}
    return told | {f"{side} delete": bound.can.delete.value for side, bound in binding.sides.items()}


def exposure_of(binding: Binding) -> Exposure:
    """Where a mapping that is bound can lose an edit."""
    found = {side: Promise(bound.can.update, bound.can.delete) for side, bound in binding.sides.items()}
    return exposure(binding.policy, found)


def ask(mapping: Mapping) -> None:
    """Ask both systems what they promise, before any pass has. Raises base.ConnectorError."""
    told: dict[str, str] = {}
    for side in SIDES:
        resource = mapping.resource(side)
        with closing(open_connector(resource.system)) as connector:
            can = connector.capabilities(resource.name)
        told |= {side.value: can.update.value, f"{side} delete": can.delete.value}
    MappingState.objects.filter(mapping=mapping).update(guarantees=told)


def exposure_told(mapping: Mapping, state: MappingState | None) -> Exposure:
    """Where a mapping can lose an edit, by what a pass was told last."""
    told = state.guarantees if state is not None else {}
    found = {
        side: Promise(told[side.value], told.get(f"{side} delete", told[side.value]))
        for side in SIDES
        if side.value in told
    }
    return exposure(mapping.policy(), found)
