"""Which addresses a connector may connect to, so that a configuration can't reach what is not its business.

Addresses of one's own network are a matter of the operator; those that machines give themselves (link-local,
where clouds keep their credentials) are refused unless they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Reach = Callable[[str], bool]
"""Tells whether an IP address may be connected to."""


def anywhere_but_link_local(address: str) -> bool:
    """All but link-local addresses, multicast and what is no address."""
    found = _read(address)
    return found is not None and not (found.is_link_local or found.is_multicast)


def only_public(address: str) -> bool:
    """Addresses of the public internet only."""
    found = _read(address)
    return found is not None and found.is_global and not found.is_multicast


def reach(words: str) -> Reach:
    """What an operator says: `allow`, `refuse`, or the private networks that are allowed (`10.0.0.0/8, ::1`).

    Raises ValueError for anything else.
    """
    if words.strip() in ("", "allow"):
        return anywhere_but_link_local
    if words.strip() == "refuse":
        return only_public
    networks = [ip_network(part.strip(), strict=False) for part in words.split(",") if part.strip()]
    return lambda address: only_public(address) or _inside(address, networks)


def _inside(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    found = _read(address)
    return found is not None and any(found in network for network in networks)


def _read(address: str) -> IPv4Address | IPv6Address | None:
    """An address; one of version 4 that is dressed up as version 6 without its dress."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found
