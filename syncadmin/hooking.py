"""Having a system send its webhooks to the hub, by its own API, where its configuration says how.

A secret that nobody has set is made here and stored before the system is told; one that the system makes
takes its place. No secret leaves this module.
"""

from __future__ import annotations

import base64
from contextlib import closing
from secrets import token_bytes

from connectors.base import Misconfigured
from connectors.hooks import Hooked, Registration
from syncadmin.config import secrets
from syncadmin.config.connect import connector_class, open_connector
from syncadmin.models import System


def registers(system: System) -> bool:
    """Whether the system's configuration says how webhooks are registered."""
    section = _section(system)
    return section is not None and isinstance(section.get("register"), dict)


def registrations(system: System, address: str) -> list[Registration]:
    """What the system has been told to send to an address. Raises ConnectorError."""
    with closing(open_connector(system)) as connector:
        return _hooked(connector, system).hooks_at(address)


def register(system: System, address: str, *, by: str) -> list[Registration]:
    """Have the system send its webhooks to an address; all that is registered then. Raises ConnectorError."""
    name = _secret_name(system)
    if name and name not in secrets.values_of(system):
        made = "whsec_" + base64.b64encode(token_bytes(24)).decode()
        secrets.put(system, name, made, by=by)
        _save(system, f"webhook secret made for {by}")
    with closing(open_connector(system)) as connector:
        found = _hooked(connector, system).register_hooks(address)
    told = next((one.secret for one in found if one.secret), "")
    if told and name and secrets.put(system, name, told, by=by):
        _save(system, f"webhook secret of the system kept for {by}")
    if any(one.new for one in found):
        _save(system, f"webhooks registered by {by}")
    return found


def remove(system: System, address: str, *, by: str) -> int:
    """Have the system send nothing to an address any more; how many went. Raises ConnectorError."""
    with closing(open_connector(system)) as connector:
        gone = _hooked(connector, system).remove_hooks(address)
    if gone:
        _save(system, f"webhooks unregistered by {by}")
    return gone


def _hooked(connector: object, system: System) -> Hooked:
    if not isinstance(connector, Hooked):
        raise Misconfigured("a system of this kind sends no webhooks", system=system.name)
    return connector


def _section(system: System) -> dict[str, object] | None:
    try:
        connector = connector_class(system)
        section = connector.webhook(system.config) if isinstance(connector, Hooked) else None
    except (Misconfigured, ValueError):
        return None
    return dict(section) if section is not None else None


def _secret_name(system: System) -> str:
    """The name of the secret that deliveries are signed with, '' if it is not kept under one."""
    signed = (_section(system) or {}).get("signed")
    named = sorted(secrets.names_in(signed.get("secret"))) if isinstance(signed, dict) else []
    return named[0] if len(named) == 1 else ""


def _save(system: System, why: str) -> None:
    system._change_reason = why[:100]
    system.save()
