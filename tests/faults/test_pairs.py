"""F25, F26: two-way between each two of PocketBase, Kinto and CouchDB, through a proxy that goes wrong.

And between each database and one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from syncadmin.engine.run import run_pass
from syncadmin.models import Mapping, PassState
from tests.servers.fault_proxy import HttpProxy, Wrong

from .checker import People, check
from .peers import Peer
from .rig import map_people

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]

ANN, BOB, CAT, NEW, OLD = (f"{name}@example.com" for name in ("ann", "bob", "cat", "new", "old"))
BEFORE: People = {
    ANN: {"city": "Rome", "phone": "1", "points": 10},
    BOB: {"city": "Bonn", "phone": "2", "points": 20},
    CAT: {"city": "Graz", "phone": "3", "points": 30},
    OLD: {"city": "Oslo", "phone": "4", "points": 40},
}
AFTER: People = {
    ANN: {"city": "Bern", "phone": "11", "points": 17},
    BOB: {"city": "Kiel", "phone": "2", "points": 20},
    CAT: {"city": "Graz", "phone": "33", "points": 30},
    NEW: {"city": "Zürich 🏔", "phone": "5", "points": 50},
}
PAIRS = [("pocketbase", "kinto"), ("kinto", "couchdb"), ("couchdb", "pocketbase")]
WITH_DATABASES = [("postgres", "couchdb"), ("mariadb", "kinto"), ("sqlite", "pocketbase")]
# where each is written to and listed
WRITES = {
    "pocketbase": ("PATCH", "/records"),
    "kinto": ("POST", "/batch"),
    "couchdb": ("POST", "/_bulk_docs"),
}
LISTS = {"pocketbase": "/records", "kinto": "/records", "couchdb": "/_all_docs"}
FAULTS: dict[str, dict[str, Any]] = {
    "nothing": {"times": 0},
    "answer lost": {"lost": True},
    "answer truncated": {"truncated": True},
    "too many requests": {"status": 429, "headers": {"Retry-After": "120"}, "times": 2},
    "list truncated": {"truncated": True, "times": 2},
}


@dataclass
class World:
    """A system that is edited, and one behind a proxy that is edited and written to."""

    near: Peer
    far: Peer
    mapping: Mapping
    proxy: HttpProxy

    def sync(self) -> str:
        done = run_pass(self.mapping.pk, "reconcile", clock=timezone.now)
        assert done is not None
        done.refresh_from_db()
        return str(done.state)


@pytest.fixture
def world(
    db: None, make_peer: Callable[..., Peer], request: pytest.FixtureRequest
) -> Iterator[tuple[str, World]]:
    """Both hold the same four people, who are linked."""
    near, far = request.param
    with HttpProxy(request.getfixturevalue(f"{far}_server").url) as proxy:
        peers = make_peer(near), make_peer(far, lambda url: f"{proxy.url}{urlsplit(url).path}")
        for peer in peers:
            for email, values in BEFORE.items():
                peer.add(email=email, **values)
        world = World(*peers, map_people(*peers), proxy)
        assert world.sync() == PassState.DONE
        yield far, world


def edit(world: World) -> None:
    """People at work on both sides at once, on different records, and on different fields of one."""
    world.near.edit(ANN, city="Bern", points=15)
    world.far.edit(ANN, phone="11", points=12)
    world.near.edit(BOB, city="Kiel")
    world.far.edit(CAT, phone="33")
    world.near.add(email=NEW, **AFTER[NEW])
    world.near.delete(OLD)


CASES = [
    *((pair, fault) for pair in PAIRS for fault in FAULTS),
    *((pair, "answer lost") for pair in WITH_DATABASES),
]


@pytest.mark.parametrize(("world", "fault"), CASES, indirect=["world"])
def test_f25_edits_on_both_sides_arrive_once_whatever_the_network_does(
    world: tuple[str, World], fault: str
) -> None:
    far, world_ = world
    edit(world_)
    method, path = ("GET", LISTS[far]) if fault == "list truncated" else WRITES[far]
    world_.proxy.fault = Wrong(method, path, **FAULTS[fault])
    world_.sync()
    assert world_.proxy.fault.times < FAULTS[fault].get("times", 1) or fault == "nothing"
    world_.proxy.fault = None
    check(world_.mapping, (world_.near, world_.far), AFTER)
