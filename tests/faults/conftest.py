"""One rig for all tests of this folder, and fresh systems for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import server_directory, unique
from tests.servers.fault_proxy import TcpProxy

from .peers import Kinto, Peer, PocketBase, Postgres
from .rig import Rig


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
def make_peer(postgres_server, pocketbase_server, kinto_server) -> Iterator[Callable[..., Peer]]:
    """Makes a fresh system: postgres, pocketbase or kinto."""
    made: list[Peer] = []
    databases: list[str] = []

    def make(kind: str, through: Callable[[str], str] | None = None) -> Peer:
        if kind == "postgres":
            databases.append(unique())
            url = postgres_server.create_database(databases[-1])
            made.append(Postgres(url, through(url) if through else ""))
        elif kind == "pocketbase":
            url = through(pocketbase_server.url) if through else ""
            made.append(PocketBase(pocketbase_server, unique("people"), url))
        else:
            url = through(kinto_server.url) if through else ""
            made.append(Kinto(kinto_server, unique("people"), url))
        return made[-1]

    yield make
    for peer in made:
        peer.close()
    for name in databases:
        postgres_server.drop_database(name)
