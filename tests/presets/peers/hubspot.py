"""HubSpot's contacts, by its pages. Every property is a text."""

from collections.abc import Mapping

from tests.connectors.odd_server import Say
from tests.presets.by_pages import Row, Ways, page, peer


def listed(rows: list[Row], params: Mapping[str, str], address: str) -> Say:
    found, after = page(rows, params.get("limit", "10"), params.get("after", ""))
    return Say({"results": found, **({"paging": {"next": {"after": after}}} if after else {})})


PEER = peer(
    Ways(
        preset="hubspot",
        product="HubSpot",
        place="/crm/v3/objects/contacts",
        let_in={"Authorization": "Bearer not-a-secret"},
        text="jobtitle",
        inside="properties",
        changed="updatedAt",
        listed=listed,
        system={"auth": {"token": "not-a-secret"}, "blanks": {"properties": "jobtitle,email"}},
    )
)
