"""kill -9 of a pass, and of its worker, between any two steps: the ticker and another worker finish it."""

from collections.abc import Callable

import pytest

from syncadmin.engine.run import run_pass
from syncadmin.models import Pass, PassState

from .checker import check
from .peers import Peer
from .plugin import POINTS
from .rig import Rig, map_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.runs_once]

PAIRS = {
    "job": [("postgres", "pocketbase"), ("postgres", "kinto")],
    "worker": [("postgres", "pocketbase"), ("kinto", "pocketbase")],
}


def people_before(left: Peer, right: Peer) -> None:
    for peer in (left, right):
        for name in ("ann", "bob", "cid", "dan", "eve", "fay"):
            peer.add(email=f"{name}@example.com", city="Rome", phone="1", points=10)


def edits(left: Peer, right: Peer) -> None:
    """Of every kind: updates both ways, creates, deletes, what is merged, what waits for a person."""
    left.edit("ann@example.com", city="Bern")
    right.edit("bob@example.com", phone="2")
    left.delete("cid@example.com")
    left.edit("dan@example.com", points=11)
    right.edit("dan@example.com", points=12)
    left.edit("eve@example.com", city="Oslo", phone="3")
    right.edit("eve@example.com", city="Lund")
    left.add(email="new-left@example.com", city="Kiel", phone="4", points=1)
    right.add(email="new-right@example.com", city="Graz", phone="5", points=2)


def late_edits(left: Peer, right: Peer) -> None:
    """People do not wait for a hub."""
    right.edit("ann@example.com", phone="6")
    right.edit("fay@example.com", city="Linz")
    left.edit("bob@example.com", city="Metz")


AFTER = {
    "ann@example.com": {"city": "Bern", "phone": "6", "points": 10},
    "bob@example.com": {"city": "Metz", "phone": "2", "points": 10},
    "dan@example.com": {"city": "Rome", "phone": "1", "points": 13},
    "eve@example.com": {"city": "both", "phone": "3", "points": 10},
    "fay@example.com": {"city": "Linz", "phone": "1", "points": 10},
    "new-left@example.com": {"city": "Kiel", "phone": "4", "points": 1},
    "new-right@example.com": {"city": "Graz", "phone": "5", "points": 2},
}
HELD = {"eve@example.com": "city"}
# planned but not sent, and the record edited since: it may as well have been sent and put back by hand
DOUBTFUL = {"ann@example.com": "city", "bob@example.com": "phone"}


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("victim", PAIRS)
def test_f03_nothing_is_lost_or_doubled_when_it_is_killed(
    rig: Rig, make_peer: Callable[[str], Peer], victim: str, point: str
) -> None:
    peers = {}
    for left, right in PAIRS[victim]:
        pair = make_peer(left), make_peer(right)
        people_before(*pair)
        mapping = map_people(*pair)
        peers[mapping] = pair
        first = run_pass(mapping.pk)
        assert first is not None
        assert (first.state, first.counts["linked"]) == (PassState.DONE, 6), first.message
        edits(*pair)
    faults = [rig.arm(mapping, point, victim) for mapping in peers]
    began = rig.due(*peers)
    rig.wait_struck(*faults)
    for pair in peers.values():
        late_edits(*pair)
    rig.wait_done(*peers, since=began)
    assert Pass.objects.filter(mapping__in=peers, state=PassState.LOST).count() == len(peers)
    with rig.switched_off(*peers):
        for mapping, pair in peers.items():
            check(mapping, pair, AFTER, held=HELD | (DOUBTFUL if point == "after store_plans" else {}))
