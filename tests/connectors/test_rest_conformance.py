"""The conformance kit, passed by the REST connector against a real PocketBase, Kinto and CouchDB."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from connectors.testing import ConnectorConformance
from syncadmin.embedded import PocketBaseServer
from tests.presets.peers.couchdb import CouchHarness
from tests.presets.peers.kinto import KintoHarness
from tests.presets.peers.pocketbase import PocketBaseHarness
from tests.servers.couchdb import CouchServer
from tests.servers.kinto import KintoServer


@pytest.fixture(scope="module")
def pocketbase(pocketbase_server: PocketBaseServer) -> Iterator[httpx.Client]:
    """A superuser's client, signed in once: it costs PocketBase 50 ms each time."""
    with pocketbase_server.client() as client:
        yield client


class TestPocketBase(ConnectorConformance):
    """PocketBase as it comes: writes one by one."""

    @pytest.fixture
    def harness(
        self, pocketbase_server: PocketBaseServer, pocketbase: httpx.Client, unique_name: Callable[[str], str]
    ) -> PocketBaseHarness:
        return PocketBaseHarness(pocketbase_server, pocketbase, unique_name("things"))


class TestPocketBaseInBatches(ConnectorConformance):
    """PocketBase with its batch interface switched on."""

    @pytest.fixture
    def harness(
        self, pocketbase_server: PocketBaseServer, pocketbase: httpx.Client, unique_name: Callable[[str], str]
    ) -> Iterator[PocketBaseHarness]:
        harness = PocketBaseHarness(pocketbase_server, pocketbase, unique_name("things"))
        harness.batches(enabled=True)
        yield harness
        harness.batches(enabled=False)


class TestKinto(ConnectorConformance):
    """Kinto, with its batch interface."""

    @pytest.fixture
    def harness(self, kinto_server: KintoServer, unique_name: Callable[[str], str]) -> Iterator[KintoHarness]:
        harness = KintoHarness(kinto_server, unique_name("things"))
        yield harness
        harness.close()


class TestCouchDB(ConnectorConformance):
    """CouchDB's interface as express-pouchdb serves it, with a design document among the records."""

    @pytest.fixture
    def harness(
        self, couchdb_server: CouchServer, unique_name: Callable[[str], str]
    ) -> Iterator[CouchHarness]:
        harness = CouchHarness(couchdb_server, unique_name("things"))
        yield harness
        harness.close()
