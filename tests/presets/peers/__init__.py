"""One module a preset, named as it is (`parse_server` for `parse-server`), with a `PEER`."""

import httpx


def answers(url: str) -> bool:
    """Whether a server that has been started is ready."""
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False
