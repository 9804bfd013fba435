"""Airtable's records, by its pages. A field that is empty is left out."""

from collections.abc import Mapping

from tests.connectors.odd_server import Say
from tests.presets.by_pages import Row, Ways, page, peer


def listed(rows: list[Row], params: Mapping[str, str], address: str) -> Say:
    found, after = page(rows, params.get("pageSize", "100"), params.get("offset", ""))
    full = [
        {**row, "fields": {name: value for name, value in row["fields"].items() if value is not None}}
        for row in found
    ]
    return Say({"records": full, **({"offset": after} if after else {})})


PEER = peer(
    Ways(
        preset="airtable",
        product="Airtable",
        place="/v0/appBase/Things",
        let_in={"Authorization": "Bearer not-a-secret"},
        text="Notes",
        inside="fields",
        outside={"tables": [{"name": "Things"}]},
        listed=listed,
        system={"auth": {"token": "not-a-secret"}, "blanks": {"base": "appBase"}},
    )
)
