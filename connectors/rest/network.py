"""Connections that only go where they may, and answers that only take what they may: bytes and time.

A name is looked up once, its address is judged, and that very address is connected to: an answer of the name
server that changes in between changes nothing.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

from connectors.base import Misconfigured
from connectors.reach import Reach


class Refused(Misconfigured):
    """An address that must not be connected to."""


class Backend(httpcore.SyncBackend):
    """Connects to addresses within reach."""

    def __init__(self, reach: Reach, system: str) -> None:
        super().__init__()
        self.reach, self._system = reach, system

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that answers. Raises Refused."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        allowed = [address for address in addresses if self.reach(address)]
        if not allowed:
            raise Refused(
                f"{host} is at {', '.join(addresses)}, where the hub may not connect: its operator allows "
                "private addresses by SYNCADMIN_PRIVATE_ADDRESSES",
                system=self._system,
            )
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in allowed:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def within_reach(client: httpx.Client, backend: Backend) -> None:
    """Have a client connect by this backend. A proxy of the environment looks up names by itself."""
    pool = client._transport._pool  # type: ignore[attr-defined]  # httpx has no setting for it
    pool._network_backend = backend


class TooMuch(Exception):
    """An answer is too large, or takes too long; `reason` says which."""


def content(response: httpx.Response, most: int, seconds: float) -> bytes:
    """The whole of a streamed answer. Raises TooMuch, httpx.TransportError."""
    end, size, parts = time.monotonic() + seconds, 0, []
    for part in response.iter_bytes():
        size += len(part)
        if size > most:
            raise TooMuch(f"its answer is larger than {most:,} bytes (`max_answer`)")
        if time.monotonic() > end:
            raise TooMuch(f"its answer takes longer than {seconds:.0f} s in all")
        parts.append(part)
    return b"".join(parts)
