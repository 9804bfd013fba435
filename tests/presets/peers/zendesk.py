"""Zendesk's users, by its pages. One that is deleted is listed no more, but can still be read."""

from collections.abc import Mapping

import httpx

from tests.connectors.odd_server import Say
from tests.presets.by_pages import Row, Ways, page, peer

USER = "anna@example.com/token"


def listed(rows: list[Row], params: Mapping[str, str], address: str) -> Say:
    size = params.get("page[size]", "100")
    found, after = page(rows, size, params.get("page[after]", ""))
    following = f"{address}?page[size]={size}&page[after]={after}" if after else None
    return Say({"users": found, "meta": {"has_more": bool(after)}, "links": {"next": following}})


PEER = peer(
    Ways(
        preset="zendesk",
        product="Zendesk",
        place="/api/v2/users",
        suffix=".json",
        let_in={"Authorization": httpx.BasicAuth(USER, "not-a-secret")._auth_header},
        text="notes",
        envelope="user",
        update="PUT",
        soft={"active": False},
        listed=listed,
        system={"auth": {"username": USER, "password": "not-a-secret"}},
        resource={"blanks": {"one": "user"}},
    )
)
