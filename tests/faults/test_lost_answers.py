"""F25, F26: a network that loses answers of PostgreSQL, PocketBase and Kinto: doubt is settled by looking."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.utils import timezone

from conflicts.models import Conflict
from conflicts.services import FieldChoice, resolve
from syncadmin.core.plan import PickKind
from syncadmin.engine.run import run_pass
from syncadmin.models import Entry, Health, Mapping, Pass, PassState
from tests.ops.family import wait_for
from tests.servers.fault_proxy import Cut, HttpProxy, TcpProxy, Wrong

from .checker import People, check, people
from .peers import Kinto, Peer
from .rig import map_people

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]

ANN, BOB, NEW = "ann@example.com", "bob@example.com", "new@example.com"
BEFORE: People = {
    ANN: {"city": "Rome", "phone": "1", "points": 10},
    BOB: {"city": "Bonn", "phone": "2", "points": 20},
}


@dataclass
class World:
    """A system that is edited, and one behind a proxy that is written to."""

    near: Peer
    far: Peer
    mapping: Mapping
    proxy: TcpProxy | HttpProxy

    def sync(self, later: timedelta = timedelta()) -> Pass:
        done = run_pass(self.mapping.pk, "reconcile", clock=lambda: timezone.now() + later)
        assert done is not None
        done.refresh_from_db()
        return done

    def check(self, wanted: People, held: dict[str, str] | None = None) -> None:
        check(self.mapping, (self.near, self.far), wanted, held)


def _world(near: Peer, far: Peer, proxy: TcpProxy | HttpProxy) -> World:
    for peer in (near, far):
        for email, values in BEFORE.items():
            peer.add(email=email, **values)
    world = World(near, far, map_people(near, far), proxy)
    done = world.sync()
    assert (done.state, done.counts["linked"]) == (PassState.DONE, 2), done.message
    return world


@pytest.fixture
def erp(db: None, make_peer: Callable[..., Peer], postgres_server) -> Iterator[World]:
    """Kinto, and PostgreSQL behind the TCP proxy."""
    with TcpProxy(postgres_server.port) as proxy:

        def through(url: str) -> str:
            parts = urlsplit(url)
            address = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"
            return urlunsplit(parts._replace(netloc=address))

        yield _world(make_peer("kinto"), make_peer("postgres", through), proxy)


@pytest.fixture(params=["pocketbase", "kinto"])
def shop(db: None, make_peer: Callable[..., Peer], request: pytest.FixtureRequest) -> Iterator[World]:
    """PostgreSQL, and PocketBase or Kinto behind the HTTP proxy."""
    with HttpProxy(request.getfixturevalue(f"{request.param}_server").url) as proxy:
        far = make_peer(request.param, lambda url: f"{proxy.url}{urlsplit(url).path}")
        yield _world(make_peer("postgres"), far, proxy)


def sent(shop: World, edit: str) -> str:
    """The method of the request that carries an edit on."""
    return "PUT" if isinstance(shop.far, Kinto) and edit == "create" else SENT[edit]


def update(peer: Peer) -> People:
    peer.edit(ANN, city="Bern", points=15)
    return {**BEFORE, ANN: {**BEFORE[ANN], "city": "Bern", "points": 15}}


def create(peer: Peer) -> People:
    peer.add(email=NEW, city="Kiel", phone="3", points=1)
    return {**BEFORE, NEW: {"city": "Kiel", "phone": "3", "points": 1}}


def delete(peer: Peer) -> People:
    peer.delete(ANN)
    return {BOB: BEFORE[BOB]}


EDITS = {"update": update, "create": create, "delete": delete}
SENT = {"update": "PATCH", "create": "POST", "delete": "DELETE"}
STATEMENT = {"update": b"UPDATE ", "create": b"INSERT ", "delete": b"DELETE "}


# ---------------------------------------------------------------- PostgreSQL


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("let_through", [0, 3])
def test_f25_the_answer_to_a_commit_is_lost(erp: World, edit: str, let_through: int) -> None:
    wanted = EDITS[edit](erp.near)
    erp.proxy.fault = Cut(b"COMMIT", STATEMENT[edit], answer=let_through)
    first = erp.sync()
    assert erp.proxy.fault is None
    assert first.counts.get("unknown", 0) == 1, first.counts
    assert {email: row["points"] for email, row in people(erp.far).items()} == {
        email: values["points"] for email, values in wanted.items()
    }
    erp.check(wanted)


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("arrives", [True, False])
def test_f25_a_connection_is_cut_before_the_commit(erp: World, edit: str, arrives: bool) -> None:
    wanted = EDITS[edit](erp.near)
    erp.proxy.fault = Cut(STATEMENT[edit], answer=0 if arrives else None)
    erp.sync()
    assert erp.proxy.fault is None
    assert set(people(erp.far)) == set(BEFORE)
    erp.check(wanted)


@pytest.mark.parametrize("edit", EDITS)
def test_f25_the_commit_itself_does_not_arrive(erp: World, edit: str) -> None:
    wanted = EDITS[edit](erp.near)
    erp.proxy.fault = Cut(b"COMMIT", STATEMENT[edit], answer=None)
    erp.sync()
    assert erp.proxy.fault is None
    assert people(erp.far)[BOB]["points"] == 20
    assert set(people(erp.far)) == set(BEFORE)
    erp.check(wanted)


def test_f25_who_edits_a_value_after_its_answer_was_lost_is_not_overwritten(erp: World) -> None:
    """Whether they saw what the hub had written nobody can tell: a person decides. The rest goes on."""
    update(erp.near)
    erp.proxy.fault = Cut(b"COMMIT", b"UPDATE ")
    erp.sync()
    erp.far.edit(ANN, city="Graz", phone="9")
    erp.check(
        {**BEFORE, ANN: {"city": "Bern or Graz", "phone": "9", "points": 15}}, held={ANN: "city points"}
    )


def test_f25_a_count_is_never_added_twice_when_it_moved_on_after_a_lost_answer(
    erp: World, django_user_model
) -> None:
    update(erp.near)
    erp.proxy.fault = Cut(b"COMMIT", b"UPDATE ")
    erp.sync()
    erp.far.edit(ANN, points=16)
    moved = {**BEFORE, ANN: {"city": "Bern", "phone": "1", "points": 15}}
    erp.check(moved, held={ANN: "points"})
    erp.check(moved, held={ANN: "points"})
    (item,) = Conflict.objects.waiting()
    person = django_user_model.objects.create_user("rita")
    resolve(item.pk, item.revision, {"points": FieldChoice(PickKind.RIGHT)}, None, person)
    erp.check({**moved, ANN: {**moved[ANN], "points": 16}})


def test_f26_a_database_that_refuses_connections_is_named_and_left_alone(erp: World) -> None:
    wanted = update(erp.near)
    erp.proxy.refusing = True
    failed = erp.sync()
    assert failed.state == PassState.FAILED
    health = Health.objects.get(system=erp.mapping.right.system)
    assert health.failures == 1
    assert health.message == failed.message
    assert str(erp.proxy.port) in failed.message
    assert erp.far.config["url"].split(":")[2].split("@")[0] not in failed.message
    erp.proxy.refusing = False
    erp.check(wanted)
    health.refresh_from_db()
    assert health.failures == 0


def test_f16_an_edit_made_while_an_answer_is_late_is_not_lost(erp: World) -> None:
    """The answer to the commit is held back; meanwhile somebody edits what was just written."""
    update(erp.near)
    gate = threading.Event()
    erp.proxy.fault = Cut(b"COMMIT", b"UPDATE ", gate=gate)

    def meanwhile() -> None:
        wait_for(lambda: people(erp.far)[ANN]["city"] == "Bern", "the commit is done", timeout=30)
        erp.far.edit(ANN, city="Graz")
        gate.set()

    editing = threading.Thread(target=meanwhile)
    editing.start()
    done = erp.sync()
    editing.join()
    assert done.state == PassState.DONE
    erp.check({**BEFORE, ANN: {"city": "Graz", "phone": "1", "points": 15}})


# ---------------------------------------------------------------- PocketBase and Kinto


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("fault", ["lost", "truncated"])
def test_f25_the_answer_to_a_write_is_lost(shop: World, edit: str, fault: str) -> None:
    wanted = EDITS[edit](shop.near)
    shop.proxy.fault = Wrong(sent(shop, edit), "/records", **{fault: True})
    shop.sync()
    assert shop.proxy.fault.times == 0
    assert {email: row["points"] for email, row in people(shop.far).items()} == {
        email: values["points"] for email, values in wanted.items()
    }
    shop.check(wanted)


def test_f25_an_edit_of_a_record_whose_write_is_in_doubt_is_kept(shop: World) -> None:
    update(shop.near)
    shop.proxy.fault = Wrong(
        "PATCH", "/records", lost=True, meanwhile=lambda: shop.far.edit(ANN, city="Graz", phone="9")
    )
    shop.sync()
    shop.check(
        {**BEFORE, ANN: {"city": "Bern or Graz", "phone": "9", "points": 15}}, held={ANN: "city points"}
    )


def test_f03_a_created_record_that_is_edited_before_the_hub_knows_of_it_is_made_once(shop: World) -> None:
    create(shop.near)
    shop.proxy.fault = Wrong(
        sent(shop, "create"), "/records", lost=True, meanwhile=lambda: shop.far.edit(NEW, phone="9")
    )
    shop.sync()
    shop.check({**BEFORE, NEW: {"city": "Kiel", "phone": "9", "points": 1}})


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("status", [429, 503])
def test_f26_a_busy_system_is_waited_for_as_long_as_it_says(shop: World, edit: str, status: int) -> None:
    wanted = EDITS[edit](shop.near)
    shop.proxy.fault = Wrong(
        sent(shop, edit), "/records", status=status, headers={"Retry-After": "120"}, times=5
    )
    began = timezone.now()
    busy = shop.sync()
    asked = [method for method, path in shop.proxy.asked if "/records" in path].count(sent(shop, edit))
    assert set(people(shop.far)) == set(BEFORE)
    health = Health.objects.filter(system=shop.mapping.right.system).first()
    if busy.state == PassState.FAILED:
        assert health is not None
        assert health.open_until >= began + timedelta(seconds=120)
    else:
        assert all(mark.not_before >= began + timedelta(seconds=120) for mark in shop.mapping.marks.all())
    shop.proxy.fault = None
    assert asked <= 2
    shop.check(wanted)


@pytest.mark.parametrize("fault", ["lost", "truncated"])
def test_f13_a_list_that_is_cut_off_is_no_proof_of_absence(shop: World, fault: str) -> None:
    wanted = update(shop.near)
    shop.proxy.fault = Wrong("GET", "/records", **{fault: True}, times=10)
    failed = shop.sync()
    assert failed.state == PassState.FAILED
    assert failed.message
    shop.proxy.fault = None
    shop.check(wanted)
    assert not Entry.objects.filter(mapping=shop.mapping, kind="write", new=None).exists()
