"""Pipedrive's persons, by its pages. One that is deleted is listed no more, but can still be read."""

from collections.abc import Mapping
from datetime import datetime

from tests.connectors.odd_server import Say
from tests.presets.by_pages import Row, Ways, page, peer


def listed(rows: list[Row], params: Mapping[str, str], address: str) -> Say:
    since = datetime.fromisoformat(params.get("updated_since", "2000-01-01T00:00:00Z"))
    rows = [row for row in rows if datetime.fromisoformat(row["update_time"]) >= since]
    if "ids" in params:
        rows = [row for row in rows if str(row["id"]) in params["ids"].split(",")]
    rows.sort(key=lambda row: row[params.get("sort_by", "id")])
    found, after = page(rows, params.get("limit", "100"), params.get("cursor", ""))
    return Say({"success": True, "data": found, "additional_data": {"next_cursor": after or None}})


PEER = peer(
    Ways(
        preset="pipedrive",
        product="Pipedrive",
        place="/api/v2/persons",
        let_in={"x-api-token": "not-a-secret"},
        text="name",
        answered="data",
        changed="update_time",
        soft={"is_deleted": True},
        listed=listed,
        system={"auth": {"api_key": "not-a-secret"}},
    )
)
