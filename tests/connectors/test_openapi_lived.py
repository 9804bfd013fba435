"""A system that describes itself is drafted by the command, and the draft reads and writes it unchanged."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command

from connectors.base import Guarantee, Op, Result, Write
from connectors.rest import Resource, RestConnector, System
from tests.connectors.dialects import SECRET, Dialect, Row
from tests.connectors.odd_server import Asked, OddServer, Say

pytestmark = pytest.mark.runs_once
THING = {"$ref": "#/components/schemas/Thing"}
ONE = {"description": "one", "content": {"application/json": {"schema": THING}}}
GIVEN = {"content": {"application/json": {"schema": THING}}}
TAG = {"name": "If-Match", "in": "header", "schema": {"type": "string"}}


def query(name: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": schema}


DESCRIPTION = {
    "openapi": "3.1.0",
    "info": {"title": "Things API", "version": "1"},
    "servers": [{"url": "/v1"}],
    "security": [{"token": []}],
    "paths": {
        "/things": {
            "get": {
                "parameters": [
                    query("page", type="integer"),
                    query("limit", type="integer", maximum=3),
                    query("updated_since", type="string", format="date-time"),
                ],
                "responses": {
                    "200": {
                        "description": "a page",
                        "content": {
                            "application/json": {
                                "schema": {"properties": {"things": {"type": "array", "items": THING}}}
                            }
                        },
                    }
                },
            },
            "post": {"requestBody": GIVEN, "responses": {"201": ONE}},
        },
        "/things/{thing_id}": {
            "get": {"responses": {"200": ONE}},
            "patch": {"parameters": [TAG], "requestBody": GIVEN, "responses": {"200": ONE}},
            "delete": {"parameters": [TAG], "responses": {"204": {"description": "gone"}}},
        },
    },
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        "schemas": {
            "Thing": {
                "required": ["id", "name", "updated_at"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "name": {"type": "string"},
                    "updated_at": {"type": "string", "format": "date-time", "readOnly": True},
                },
            }
        },
    },
}


class Described(Dialect):
    """Pages by number, ETags, changes by time; the description is open to all."""

    def let_in(self, asked: Asked) -> bool:
        return asked.path == "/openapi.json" or super().let_in(asked)

    def put(self, key: str, values: Row) -> Row:
        row = super().put(key, values)
        row["updated_at"] = row["changed"]
        return row

    def answer(self, asked: Asked, path: str) -> Say:
        return Say(DESCRIPTION) if path == "/openapi.json" else super().answer(asked, path)

    def listed(self, asked: Asked) -> Say:
        since, size = asked.params.get("updated_since", ""), int(asked.params["limit"])
        rows = [row for row in self.in_order() if row["updated_at"] >= since]
        start = (int(asked.params["page"]) - 1) * size
        return Say({"things": rows[start : start + size]})

    def shown(self, row: Row) -> Say:
        return Say(row, headers={"ETag": f'"{row["rev"]}"'})

    def stale(self, asked: Asked, row: Row) -> Say | None:
        given = asked.headers.get("If-Match")
        return None if given in (None, f'"{row["rev"]}"') else Say({"message": "another version"}, 412)


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer(lambda _: Say(None, 404)) as server:
        yield server


def test_a_draft_of_a_live_system_reads_and_writes_it(server: OddServer, tmp_path: Path) -> None:
    described = Described(server)
    file = tmp_path / "things.yaml"
    call_command("openapi", f"{server.url}/openapi.json", output=str(file), stderr=StringIO())
    drafted = yaml.safe_load(file.read_text("utf-8"))["systems"]["things"]
    config = {name: drafted[name] for name in ("base_url", "auth")}
    config["auth"]["token"] = SECRET
    told = Resource.model_validate(drafted["resources"]["things"])
    connector = RestConnector(System.model_validate(config), {"things": told})
    try:
        keys = [described.insert({"name": f"thing {number}"}) for number in range(7)]
        assert connector.capabilities("things").update is Guarantee.ATOMIC
        scanned = [
            one for page in connector.scan("things", fields=["name"], limit=100) for one in page.records
        ]
        assert [one.key for one in scanned] == keys
        before = connector.fetch("things", keys[:1], fields=["name"]).found[keys[0]]
        described.update(keys[0], {"name": "a stranger's"})
        writes = [
            Write(Op.UPDATE, keys[0], {"name": "ours"}, {"name": "thing 0"}, version=before.version),
            Write(Op.UPDATE, keys[1], {"name": "ours"}, {"name": "thing 1"}),
            Write(Op.CREATE, None, {"name": "new"}),
            Write(Op.DELETE, keys[2], {}, {"name": "thing 2"}),
        ]
        done = connector.write("things", writes, fields=["name"])
        assert [one.result for one in done] == [Result.STALE, *[Result.APPLIED] * 3]
        assert described.rows[keys[0]]["name"] == "a stranger's"
        assert done[2].key in described.rows
        assert keys[2] not in described.rows
    finally:
        connector.close()


def test_the_command_says_what_is_left_to_do(tmp_path: Path) -> None:
    out, err = StringIO(), StringIO()
    call_command("openapi", str(Path(__file__).with_name("shop.yaml")), name="crm", stdout=out, stderr=err)
    assert yaml.safe_load(out.getvalue())["systems"]["crm"]["resources"]["customers"]["path"] == "customers"
    for words in (
        "2 resources drafted, 1 lists left out",
        "FILL IN crm.members.blanks",
        "secrets to set: CRM_KEY",
    ):
        assert words in err.getvalue()


@pytest.mark.parametrize(
    ("source", "code", "words"),
    [
        ("nowhere.yaml", 2, "nowhere.yaml: can't be read: No such file"),
        ("http://127.0.0.1:9/openapi.json", 1, "can't be asked for"),
        (__file__, 2, "is not YAML"),
    ],
)
def test_a_description_that_is_not_there_is_an_error(source: str, code: int, words: str) -> None:
    with pytest.raises(CommandError, match=words) as caught:
        call_command("openapi", source, stdout=StringIO(), stderr=StringIO())
    assert caught.value.returncode == code
