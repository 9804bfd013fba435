"""A small share of the demo, on real servers: the shop and the ERP seeded once a test module."""

import random
from collections.abc import Iterator

import pytest

from syncadmin.demo.data import Data, Sizes, make_data
from syncadmin.demo.office import Office
from syncadmin.demo.place import PREFERRED_PORTS, Addresses, Place
from syncadmin.demo.seed import seed
from syncadmin.embedded import free_port
from tests.conftest import server_directory


@pytest.fixture(scope="session")
def data() -> Data:
    """What a small demo starts with."""
    return make_data(Sizes.small())


@pytest.fixture(scope="module")
def systems(data: Data) -> Iterator[Addresses]:
    """Both sample systems, seeded and running; as seeded for the first test of a module."""
    with server_directory() as directory, Place(directory / "demo") as place:
        ports = place.choose_ports({name: free_port() for name in PREFERRED_PORTS})
        shop, erp = place.shop_server(ports["shop"]).start(), place.erp_server(ports["erp"]).start()
        try:
            seed(place, shop, erp, data)
            yield place.staff()
        finally:
            shop.stop()
            erp.stop()


@pytest.fixture
def office(request: pytest.FixtureRequest, systems: Addresses) -> Iterator[Office]:
    """Both systems, signed in as their staff, who type other values in each test: the same is no edit."""
    with Office(systems, random.Random(request.node.name)) as office:
        yield office
