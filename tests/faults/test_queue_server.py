"""The queue server dies in the middle: the tables are the truth, so nothing is lost but a little time."""

from collections.abc import Callable

import pytest

from syncadmin.engine.run import run_pass
from syncadmin.models import PassState

from . import plugin
from .checker import check
from .peers import Peer
from .rig import Rig, map_people

pytestmark = pytest.mark.django_db(transaction=True)

ANN = "ann@example.com"


def test_the_queue_server_is_killed_while_passes_run_and_wait(
    rig: Rig, make_peer: Callable[[str], Peer]
) -> None:
    """Every worker is in the middle of a pass, one more waits in the queue; afterwards all three are done."""
    peers = {}
    for number in range(rig.workers + 1):
        pair = make_peer("postgres"), make_peer("postgres")
        for peer in pair:
            peer.add(email=ANN, city="Rome", points=10)
        mapping = map_people(*pair)
        peers[mapping] = pair
        first = run_pass(mapping.pk)
        assert first is not None
        assert first.state == PassState.DONE
        pair[0].edit(ANN, city=f"Bern {number}", points=11)
    *running, waiting = peers
    held = [rig.arm(mapping, "after store_plans", "hold") for mapping in running]
    rig.due(*running)
    rig.wait_struck(*held)
    began = rig.due(waiting)
    rig.wait(lambda: rig.waiting_in_queue() == 1, "the third pass waits in the queue")

    for left, right in peers.values():
        left.edit(ANN, phone="7")
        right.edit(ANN, points=12)
    rig.kill_queue()
    for fault in held:
        plugin.released(fault).touch()
    rig.queue.start()
    rig.wait_done(waiting, since=began)
    rig.due(*running)
    rig.wait_done(*running, since=began)
    with rig.switched_off(*peers):
        for number, (mapping, pair) in enumerate(peers.items()):
            check(mapping, pair, {ANN: {"city": f"Bern {number}", "phone": "7", "points": 13}})
