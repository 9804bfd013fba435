"""Worlds of the failure tests: a CRM in PostgreSQL, and a shop in PocketBase or a directory in Kinto."""

from collections.abc import Callable, Iterator

import pytest

from syncadmin.config.keeping import keeping
from tests.conftest import unique
from tests.engine.world import Peer, World, between

from .door import Door, door_to
from .peers import KintoPeer, PocketBasePeer


@pytest.fixture
def crm(postgres_database: str) -> Iterator[Peer]:
    """A CRM in PostgreSQL."""
    made = Peer(postgres_database)
    yield made
    made.close()


@pytest.fixture
def shop(pocketbase_server) -> Iterator[PocketBasePeer]:
    """A shop in PocketBase."""
    made = PocketBasePeer(pocketbase_server, unique())
    yield made
    made.close()


@pytest.fixture
def directory(kinto_server) -> Iterator[KintoPeer]:
    """A directory in Kinto."""
    made = KintoPeer(kinto_server, unique())
    yield made
    made.close()


@pytest.fixture
def world(db: None, crm: Peer, shop: PocketBasePeer) -> Iterator[World]:
    """PostgreSQL on the left, PocketBase on the right."""
    with keeping():  # as the workers do
        yield between(crm, shop)


@pytest.fixture
def with_kinto(db: None, crm: Peer, directory: KintoPeer) -> Iterator[World]:
    """PostgreSQL on the left, Kinto on the right."""
    with keeping():
        yield between(crm, directory)


@pytest.fixture
def through_door() -> Iterator[Callable[[World], Door]]:
    """Lets the hub reach the right system of a world through a door."""
    opened = []

    def through(world: World) -> Door:
        system = world.mapping.right.system
        context = door_to(system.config["base_url"])
        door = context.__enter__()
        opened.append(context)
        system.config = {**system.config, "base_url": door.url}
        system.save()
        return door

    yield through
    for context in opened:
        context.__exit__(None, None, None)


@pytest.fixture
def staff(django_user_model):
    """A person who decides."""
    return django_user_model.objects.create_user("rita", is_staff=True)
