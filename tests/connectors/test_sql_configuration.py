"""A wrong configuration of a database gets a message that names the place and the remedy."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy.engine import make_url

from connectors.base import ConnectorError, Gap, Misconfigured, Op, Retry, Write
from connectors.sql import SqlConfig, SqlResource

from .sql_harness import connect, execute

URLS = ("postgres_database", "mariadb_database", "sqlite_database")
TABLE = "create table people (id integer primary key, name varchar(40), updated_at timestamp null)"


@pytest.fixture(params=URLS)
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    execute(found, TABLE)
    return found


def said(url: str, **resource: Any) -> str:
    """What a person is told about this resource."""
    connector = connect(url, people=resource)
    try:
        with pytest.raises(Misconfigured) as raised:
            connector.describe("people")
        failed = [item for item in connector.check() if not item.ok]
        assert [item.name for item in failed] == ["people: readable"]
        return str(raised.value)
    finally:
        connector.close()


def test_a_missing_table_is_answered_with_those_that_are_there(url: str) -> None:
    words = said(url, table="peple")
    assert words == "erp people: there is no table peple; there are people"


@pytest.mark.parametrize("role", ["modified", "key"])
def test_a_missing_column_is_answered_with_those_that_are_there(url: str, role: str) -> None:
    words = said(url, table="people", **{role: "changed"})
    assert "table people has no column changed" in words
    assert f"configured as `{role}`" in words
    assert "it has id, name, updated_at" in words


def test_a_missing_version_column_is_named(url: str) -> None:
    assert "no column rev" in said(url, table="people", version={"field": "rev"})


def test_only_an_integer_version_can_be_counted_up(url: str) -> None:
    words = said(url, table="people", version={"field": "name", "bump": True})
    assert "column name of table people is of type" in words
    assert "use an integer column, or leave `bump` out" in words


def test_a_table_without_a_key_is_told_what_to_add(url: str) -> None:
    execute(url, "create table notes (id integer, body varchar(40))")
    words = said(url, table="notes")
    assert "table notes has no key by which a row can be told from the others" in words
    assert "add a unique, not null column" in words


def test_a_key_of_several_columns_is_refused_and_a_unique_one_offered(url: str) -> None:
    execute(
        url,
        "create table positions"
        " (doc integer, line integer, code varchar(20) not null, primary key (doc, line))",
        "create unique index positions_code on positions (code)",
    )
    words = said(url, table="positions")
    assert "its primary key has several columns (doc, line); set `key` to one of code" in words
    connector = connect(url, positions={"table": "positions", "key": "code"})
    assert connector.describe("positions").key == "code"
    connector.close()


def test_a_configured_key_must_identify(url: str) -> None:
    words = said(url, table="people", key="name")
    assert "column name does not identify a row of table people" in words
    assert "use one of id, or add such a constraint" in words


def test_changes_of_a_table_without_modified_name_the_remedy(url: str) -> None:
    connector = connect(url, people={"table": "people"})
    with pytest.raises(Misconfigured, match="set `modified` to the column"):
        list(connector.changes("people", None, fields=[], limit=10))
    connector.close()


def test_a_stored_cursor_that_is_none_of_ours_is_refused(url: str) -> None:
    connector = connect(url, people={"table": "people", "modified": "updated_at"})
    with pytest.raises(Gap, match="the stored cursor is of another way to find changes"):
        list(connector.changes("people", {"page": 3}, fields=[], limit=10))
    connector.close()


def test_a_column_that_vanished_stops_reading_and_writing(url: str) -> None:
    connector = connect(url, people={"table": "people"})
    connector.describe("people")
    execute(url, "alter table people drop column name")
    for stale in (
        lambda: list(connector.scan("people", fields=["name"], limit=10)),
        lambda: connector.write("people", [Write(Op.CREATE, "1", {"name": "x"})], fields=[]),
    ):
        with pytest.raises(Misconfigured, match="run the check of this system"):
            stale()
    connector.describe("people")
    with pytest.raises(Misconfigured, match="table people has no column name; it has id, updated_at"):
        list(connector.scan("people", fields=["name"], limit=10))
    connector.close()


def test_discover_lists_tables_with_their_keys(url: str) -> None:
    execute(url, "create table notes (id integer, body varchar(40))")
    columns = "doc integer not null, line integer not null, kind varchar(9) not null default 'x'"
    execute(url, f"create table parts ({columns}, body varchar(40), primary key (doc, line))")
    connector = connect(url)
    found = {info.name: info for info in connector.discover()}
    assert {name: info.key for name, info in found.items()} == {"notes": "", "parts": "", "people": "id"}
    assert (found["parts"].parts, found["people"].parts) == (("doc", "line"), ())
    assert [field.name for field in found["parts"].fields if field.needed] == ["doc", "line"]
    connector.close()


# ---------------------------------------------------------------- the address


@pytest.mark.parametrize("fixture", ["postgres_database", "mariadb_database"])
@pytest.mark.parametrize("part", ["password", "username", "database"])
def test_what_is_wrong_with_a_sign_in_is_for_a_person(
    request: pytest.FixtureRequest, fixture: str, part: str
) -> None:
    url = make_url(request.getfixturevalue(fixture)).set(**{part: "wr0ng"})
    connector = connect(url.render_as_string(hide_password=False), people={"table": "people"})
    with pytest.raises(Misconfigured, match="check user, password and database name") as raised:
        connector.describe("people")
    assert "signed in" in [item.name for item in connector.check() if not item.ok]
    shown = str(raised.value) + repr(raised.value) + repr(connector) + str(connector.check())
    if part == "password":
        assert "wr0ng" not in shown
    connector.close()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "nowhere.invalid"])
@pytest.mark.parametrize("scheme", ["postgresql", "mariadb"])
def test_a_server_that_does_not_answer_is_tried_again(scheme: str, host: str) -> None:
    connector = connect(f"{scheme}://user:s3cret@{host}/erp", people={"table": "people"})
    with pytest.raises(Retry, match="cannot reach") as raised:
        connector.describe("people")
    (failed,) = connector.check()
    assert (failed.name, failed.ok, failed.remedy) == (
        "reachable",
        False,
        "check host, port and firewall; is it running?",
    )
    assert "s3cret" not in str(raised.value) + failed.detail
    connector.close()


def test_a_path_that_is_no_database_is_not_made_one(tmp_path: Path) -> None:
    connector = connect(f"sqlite:///{tmp_path / 'missing.db'}", people={"table": "people"})
    with pytest.raises(Misconfigured, match="check the path of the file"):
        connector.describe("people")
    assert not (tmp_path / "missing.db").exists()
    (tmp_path / "missing.db").write_text("this is a text file, and no database at all")
    with pytest.raises(ConnectorError, match="check the path of the file"):
        connector.describe("people")
    connector.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("oracle://u:s3cret@h/d", "unknown scheme 'oracle'"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("u:s3cret@h", "is not a database address"),
    ],
)
def test_an_address_of_no_known_kind_is_answered_with_the_known_ones(url: str, words: str) -> None:
    with pytest.raises(ValidationError) as raised:
        SqlConfig.model_validate({"url": url})
    assert words in str(raised.value)
    assert "mariadb://user:password@host/database" in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("mysql://u@h/d", "mysql+pymysql"),
        ("mariadb://u@h/d", "mysql+pymysql"),
        ("sqlite:////data/x.db", "sqlite"),
    ],
)
def test_common_addresses_are_understood(given: str, used: str) -> None:
    assert SqlConfig.model_validate({"url": given}).address.drivername == used


def test_unknown_keys_are_errors() -> None:
    with pytest.raises(ValidationError, match="tabel"):
        SqlResource.model_validate({"tabel": "people", "table": "people"})
    with pytest.raises(ValidationError, match="needs `modified`"):
        SqlResource.model_validate({"table": "people", "changes": "cursor"})


def test_the_address_shows_nowhere() -> None:
    config = SqlConfig.model_validate({"url": "postgresql://u:s3cret@h/d"})
    assert "s3cret" not in repr(config) + str(config) + config.model_dump_json()
