"""One rig for all tests of this folder, and fresh systems for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import server_directory, unique
from tests.servers.fault_proxy import TcpProxy

from .peers import CouchDB, Kinto, OtherDatabase, Peer, PocketBase, Postgres
from .rig import Rig

WEB = {"pocketbase": PocketBase, "kinto": Kinto, "couchdb": CouchDB}


@pytest.fixture(scope="package")
def rig(django_db_setup: None) -> Iterator[Rig]:
    """A hub in real processes on the tests' hub database. Only one: two would take each other's passes."""
    with server_directory() as directory, TcpProxy(Path()) as proxy:
        rig = Rig(directory, proxy)
        try:
            yield rig.start()
        finally:
            rig.stop()


@pytest.fixture
def make_peer(request: pytest.FixtureRequest) -> Iterator[Callable[..., Peer]]:
    """Makes a fresh system: postgres, mariadb, sqlite, pocketbase, kinto or couchdb."""
    made: list[Peer] = []
    databases: list[str] = []

    def make(kind: str, through: Callable[[str], str] | None = None) -> Peer:
        if kind in ("mariadb", "sqlite"):
            made.append(OtherDatabase(request.getfixturevalue(f"{kind}_database")))
            return made[-1]
        server = request.getfixturevalue(f"{kind}_server")
        if kind == "postgres":
            databases.append(unique())
            url = server.create_database(databases[-1])
            made.append(Postgres(url, through(url) if through else ""))
        else:
            made.append(WEB[kind](server, unique("people"), through(server.url) if through else ""))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
    for name in databases:
        request.getfixturevalue("postgres_server").drop_database(name)
