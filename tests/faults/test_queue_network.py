"""A network that fails before the queue server: everybody goes on by themselves, and nothing is lost.

The hub's tables are the truth about what is due. Ticker, workers and pages reach the queue through a proxy
that refuses, cuts, delays or swallows; at the end both systems hold what people have entered, once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from pytest_django import Settings

from syncadmin.engine.run import run_pass
from syncadmin.jobs import put_in_queue
from syncadmin.models import Mapping, PassState
from tests.ops.family import wait_for
from tests.servers.fault_proxy import Cut, TcpProxy

from . import plugin
from .checker import check
from .peers import Peer
from .rig import Rig, map_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.runs_once]

ANN, BOB, CID, NEW = "ann@example.com", "bob@example.com", "cid@example.com", "new@example.com"
ENQUEUED, TAKEN = b"RPUSH", b"BLMOVE"


@dataclass
class Office:
    """A hub whose queue is behind a proxy, and a mapping of two systems."""

    rig: Rig
    proxy: TcpProxy
    mapping: Mapping
    pair: tuple[Peer, Peer]

    def __post_init__(self) -> None:
        self.began_with = self.processes()

    def processes(self) -> dict[str, int | None]:
        """Ticker and workers: none of them has to be started again."""
        return {name: child.pid for name, child in self.rig.children.items()}

    def work(self) -> None:
        """People edit on both sides."""
        left, right = self.pair
        left.edit(ANN, city="Bern", points=11)
        right.edit(ANN, phone="2", points=12)
        right.delete(BOB)
        left.add(email=NEW, city="Kiel", phone="3", points=1)

    def more_work(self) -> None:
        """And go on editing."""
        self.pair[1].edit(CID, city="Graz")

    def check(self) -> None:
        """Nothing is lost or doubled, and nobody had to help."""
        assert self.processes() == self.began_with, self.rig.log()
        with self.rig.switched_off(self.mapping):
            check(
                self.mapping,
                self.pair,
                {
                    ANN: {"city": "Bern", "phone": "2", "points": 13},
                    CID: {"city": "Graz", "phone": "3", "points": 30},
                    NEW: {"city": "Kiel", "phone": "3", "points": 1},
                },
            )


@pytest.fixture
def office(rig: Rig, make_peer: Callable[[str], Peer], settings: Settings) -> Iterator[Office]:
    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": rig.queue_url}}
    pair = make_peer("postgres"), make_peer("postgres")
    for peer in pair:
        peer.add(email=ANN, city="Rome", phone="1", points=10)
        peer.add(email=BOB, city="Bonn", phone="2", points=20)
        peer.add(email=CID, city="Metz", phone="3", points=30)
    mapping = map_people(*pair)
    first = run_pass(mapping.pk)
    assert first is not None
    assert first.state == PassState.DONE
    rig.revive()
    yield Office(rig, rig.proxy, mapping, pair)
    rig.proxy.fault, rig.proxy.refusing, rig.proxy.silent = None, False, False


@contextmanager
def away(proxy: TcpProxy, how: str) -> Iterator[None]:
    """The queue can't be reached: connections are cut and refused, or stay open and mute."""
    if how == "refused":
        proxy.refusing = True
        proxy.cut_all()
    else:
        proxy.silent = True
    try:
        yield
    finally:
        proxy.refusing = proxy.silent = False


@pytest.mark.parametrize("how", ["refused", "half-open"])
def test_a_queue_that_is_away_for_a_while_delays_and_loses_nothing(office: Office, how: str) -> None:
    proxy = office.proxy
    with away(proxy, how):
        swallowed = proxy.swallowed
        office.work()
        began = office.rig.due(office.mapping)
        assert not put_in_queue(
            office.mapping.pk, "incremental"
        )  # what a page asks for: it fails, and no page does
        if how == "half-open":
            wait_for(lambda: proxy.swallowed >= swallowed + 4, "ticker and workers talk to nobody")
    office.rig.wait_done(office.mapping, since=began)
    office.more_work()
    again = office.rig.due(office.mapping)
    office.rig.wait_done(office.mapping, since=again)
    office.check()


@pytest.mark.parametrize("how", ["refused", "half-open"])
def test_a_pass_goes_on_without_the_queue_it_came_from(office: Office, how: str) -> None:
    office.work()
    held = office.rig.arm(office.mapping, "after send", "hold")
    began = office.rig.due(office.mapping)
    office.rig.wait_struck(held)
    with away(office.proxy, how):
        office.more_work()
        plugin.released(held).touch()
        office.rig.wait_done(office.mapping, since=began)
    again = office.rig.due(office.mapping)
    office.rig.wait_done(office.mapping, since=again)
    office.check()


@pytest.mark.parametrize("answer", [None, 0])
@pytest.mark.parametrize("command", [ENQUEUED, TAKEN])
def test_a_connection_is_cut_while_a_job_is_put_in_or_taken(
    office: Office, command: bytes, answer: int | None
) -> None:
    """Before the command arrives, or when it was carried out: the job is lost, or there and nobody knows."""
    office.work()
    office.proxy.fault = Cut(command, answer=answer)
    office.proxy.cut_all()  # who listens already asks anew
    began = office.rig.due(office.mapping)
    office.rig.wait(lambda: office.proxy.fault is None, "the connection is cut")
    office.rig.wait_done(office.mapping, since=began)
    office.more_work()
    again = office.rig.due(office.mapping)
    office.rig.wait_done(office.mapping, since=again)
    office.check()


def test_an_answer_that_comes_too_late_is_given_up(office: Office) -> None:
    """The job is put in; whoever did it has long asked again."""
    office.work()
    gate = threading.Event()
    office.proxy.fault = Cut(ENQUEUED, gate=gate)
    began = office.rig.due(office.mapping)
    office.rig.wait(lambda: office.proxy.fault is None, "the answer is held back")
    office.more_work()
    office.rig.wait_done(office.mapping, since=began)
    gate.set()
    again = office.rig.due(office.mapping)
    office.rig.wait_done(office.mapping, since=again)
    office.check()
