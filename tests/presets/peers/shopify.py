"""Shopify's customers, by its pages."""

from collections.abc import Mapping
from datetime import datetime

from tests.connectors.odd_server import Say
from tests.presets.by_pages import Row, Ways, page, peer


def listed(rows: list[Row], params: Mapping[str, str], address: str) -> Say:
    after, limit = params.get("page_info", ""), params.get("limit", "50")
    if not after and "updated_at_min" in params:
        since = datetime.fromisoformat(params["updated_at_min"])
        rows = [row for row in rows if datetime.fromisoformat(row["updated_at"]) >= since]
    if "ids" in params:
        rows = [row for row in rows if str(row["id"]) in params["ids"].split(",")]
    found, after = page(rows, limit, after)
    link = f'<{address}?limit={limit}&page_info={after}>; rel="next"'
    return Say({"customers": found}, headers={"Link": link} if after else {})


PEER = peer(
    Ways(
        preset="shopify",
        product="Shopify",
        place="/admin/api/2024-10/customers",
        suffix=".json",
        let_in={"X-Shopify-Access-Token": "not-a-secret"},
        text="note",
        envelope="customer",
        update="PUT",
        listed=listed,
        system={"auth": {"api_key": "not-a-secret"}},
        resource={"blanks": {"one": "customer"}},
    )
)
