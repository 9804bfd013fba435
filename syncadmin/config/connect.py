"""From a stored system to an open connector: the one place where secrets are filled in.

The filled configuration lives in the connector only. No message that leaves this module has a secret's value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _
from pydantic import BaseModel, ValidationError

from connectors.base import Capabilities, CheckItem, Connector, ConnectorError, Misconfigured
from connectors.hooks import Hooked
from connectors.rest.webhooks import Webhook
from connectors.surroundings import Purpose, Surrounded
from syncadmin.models import Resource, System

from . import secrets
from .errors import problems_of
from .surroundings import surroundings_of
from .systems import found


def resolved(system: System) -> tuple[BaseModel, dict[str, BaseModel]]:
    """The connector's configuration and those of its resources by name, typed, with secrets filled in.

    Only stored secrets count: a `${NAME}` typed into a form must not reach into the server's environment.
    Raises Misconfigured.
    """
    connector = connector_class(system)
    known = secrets.values_of(system)
    config = _typed(connector.Config, system.config, known, system=system.name)
    resources = {
        resource.name: _typed(
            connector.ResourceConfig, resource.config, known, system=system.name, resource=resource.name
        )
        for resource in _resources(system)
    }
    return config, resources


def _resources(system: System) -> list[Resource]:
    """Its resources; a system that is not stored yet has none."""
    return list(system.resources.all()) if system.pk else []


def open_connector(system: System, purpose: Purpose = Purpose.LIVE) -> Connector:
    """A connector for the system with all its resources; it connects lazily. Raises Misconfigured."""
    config, resources = resolved(system)
    connector = connector_class(system)(config, resources, system=system.name)
    if isinstance(connector, Surrounded):
        connector.surround(surroundings_of(system, purpose))
    return connector


def takes_hooks(system: System) -> bool:
    """Whether the system's settings say how it sends webhooks."""
    try:
        connector = connector_class(system)
        return isinstance(connector, Hooked) and connector.webhook(system.config) is not None
    except (Misconfigured, ValueError):
        return False


def webhook_of(system: System) -> Webhook | None:
    """A system's webhook settings with secrets filled in; None if it has none. Raises Misconfigured."""
    connector = connector_class(system)
    section = connector.webhook(system.config) if isinstance(connector, Hooked) else None
    if section is None:
        return None
    made = _typed(Webhook, section, secrets.values_of(system), system=system.name)
    return made if isinstance(made, Webhook) else None


def try_connection(system: System) -> list[CheckItem]:
    """What a connection test found, item by item, with remedies. Raises nothing that a person can repair."""
    try:
        connector = open_connector(system)
    except Misconfigured as error:
        return [CheckItem("configuration", False, error.message, _remedy(error))]
    known = secrets.values_of(system)
    try:
        items = connector.check()
    finally:
        connector.close()
    return [
        replace(i, detail=secrets.scrub(i.detail, known), remedy=secrets.scrub(i.remedy, known))
        for i in items
    ]


def promises(system: System) -> dict[str, Capabilities | str]:
    """What can be promised for each resource, or why that can't be told now."""
    try:
        connector = open_connector(system)
    except Misconfigured as error:
        return {resource.name: str(error) for resource in system.resources.all()}
    found: dict[str, Capabilities | str] = {}
    try:
        for resource in system.resources.all():
            try:
                found[resource.name] = connector.capabilities(resource.name)
            except ConnectorError as error:
                found[resource.name] = secrets.scrub(str(error), secrets.values_of(system))
    finally:
        connector.close()
    return found


def _remedy(error: Misconfigured) -> str:
    if error.resource:
        return _("Correct the resource %(name)s") % {"name": error.resource}
    return _("Correct the settings of the system")


def connector_class(system: System) -> type[Connector]:
    """The class that the system's `connector` names. Raises Misconfigured."""
    try:
        return found(system.connector)
    except Misconfigured as error:
        raise Misconfigured(error.message, system=system.name) from error


def _typed(
    model: type[BaseModel],
    config: Mapping[str, Any],
    known: Mapping[str, str],
    *,
    system: str,
    resource: str = "",
) -> BaseModel:
    try:
        return model.model_validate(secrets.fill(config, known))
    except secrets.MissingSecret as error:
        how = _("set it on the page of the system, or in the environment and apply the file again")
        raise Misconfigured(f"{error}: {how}", system=system, resource=resource) from None
    except ValidationError as error:
        texts = [f"{p.place}: {p.text}" if p.path else p.text for p in problems_of(error, model, config)]
        raise Misconfigured(
            secrets.scrub("; ".join(texts), known), system=system, resource=resource
        ) from None
