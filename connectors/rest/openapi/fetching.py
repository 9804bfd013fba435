"""A description asked for at its address: http(s) only, within reach, within bounds, redirected nowhere."""

from __future__ import annotations

import httpx

from connectors.base import Misconfigured
from connectors.reach import Reach
from connectors.rest.network import Backend, TooMuch, content, within_reach

from .document import MOST_BYTES, BadDescription

_SECONDS = 30.0
_IN_ALL = 120.0


def fetched(url: str, reach: Reach) -> bytes:
    """What is at this address. Raises BadDescription; it says what to do about it."""
    try:
        with httpx.Client(timeout=_SECONDS, follow_redirects=False) as client:
            within_reach(client, Backend(reach, ""))
            with client.stream(
                "GET", url, headers={"Accept": "application/json, application/yaml, */*"}
            ) as said:
                if said.is_redirect:
                    where = str(said.headers.get("Location", ""))[:200]
                    raise BadDescription(f"redirects to {where!r}, which is not followed: give that address")
                if said.status_code != 200:
                    raise BadDescription(f"answered with status {said.status_code}")
                return content(said, MOST_BYTES, _IN_ALL)
    except TooMuch as error:
        raise BadDescription(str(error).replace(" (`max_answer`)", "")) from error
    except Misconfigured as error:
        raise BadDescription(error.message) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BadDescription(f"can't be asked for: {error}") from error
