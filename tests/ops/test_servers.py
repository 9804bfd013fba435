"""Every server that the tests and the demo rely on starts, answers and keeps to itself."""

import os
from pathlib import Path

import httpx
import pymysql
import pytest
import sqlalchemy

from syncadmin.embedded import PocketBaseServer, PostgresServer
from syncadmin.embedded import postgres as embedded_postgres
from tests.servers.kinto import KintoServer

pytestmark = pytest.mark.runs_once


def answer_of(url: str) -> object:
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(sqlalchemy.text("SELECT 1")).scalar()
    finally:
        engine.dispose()


def test_a_fresh_postgresql_database_answers(postgres_database: str) -> None:
    assert answer_of(postgres_database.replace("postgresql:", "postgresql+psycopg:")) == 1


def test_a_fresh_mariadb_database_answers(mariadb_database: str) -> None:
    assert pymysql.VERSION
    assert answer_of(mariadb_database) == 1


def test_a_pocketbase_collection_takes_records(pocketbase_server: PocketBaseServer, unique_name) -> None:
    name = unique_name("people")
    pocketbase_server.create_collection(name, [{"name": "email", "type": "text"}])
    with pocketbase_server.client() as client:
        made = client.post(f"/api/collections/{name}/records", json={"email": "ada@example.com"}).json()
        found = client.get(f"/api/collections/{name}/records").json()
    assert [record["id"] for record in found["items"]] == [made["id"]]
    assert made["updated"]


def test_a_kinto_collection_takes_records(kinto_server: KintoServer, kinto_collection: str) -> None:
    made = httpx.post(kinto_collection, json={"data": {"name": "Ada"}}, auth=kinto_server.auth).json()
    found = httpx.get(kinto_collection, auth=kinto_server.auth).json()
    assert found["data"] == [made["data"]]


@pytest.mark.skipif(os.getuid() != 0, reason="only root needs another account for PostgreSQL")
def test_postgresql_runs_for_root_where_nobody_else_may_enter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(embedded_postgres, "reachable", lambda _path: False)
    server = PostgresServer(closed / "postgres", durable=False).start()
    place = (closed / "postgres").resolve()
    try:
        assert answer_of(server.url.replace("postgresql:", "postgresql+psycopg:")) == 1
        server.stop()
        server.start()
        assert server.answers()
    finally:
        server.wipe()
    assert not place.exists()
    assert list(closed.iterdir()) == [closed / "postgres.log"]
