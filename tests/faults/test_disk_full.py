"""No room on the disk of the hub's SQLite: the pass fails with a message, half of nothing is stored."""

from collections.abc import Callable

import pytest
from django.db import connection

from syncadmin.engine.run import run_pass
from syncadmin.models import Entry, Intent, Link, Pass, PassState

from .checker import check
from .peers import Peer
from .rig import Rig, map_people

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.runs_once]

LONG = "x" * 4000  # pages of its own, wherever it is stored
NAMES = [f"p{number}@example.com" for number in range(10)]


@pytest.fixture
def _no_room_left() -> None:
    """Only SQLite: what is free within its file is given back first."""
    if connection.vendor != "sqlite":
        pytest.skip("the hub is on another database")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")


@pytest.mark.usefixtures("_no_room_left")
@pytest.mark.parametrize("point", ["before store_plans", "after send"])
def test_a_full_disk_fails_the_pass_and_the_next_goes_on(
    rig: Rig, make_peer: Callable[[str], Peer], point: str
) -> None:
    """Once before the plan is stored, once before the answers of all writes are."""
    pair = left, right = make_peer("postgres"), make_peer("pocketbase")
    for peer in pair:
        for name in NAMES:
            peer.add(email=name, city="Rome", points=10)
    mapping = map_people(*pair)
    first = run_pass(mapping.pk)
    assert first is not None
    assert first.state == PassState.DONE
    entries = Entry.objects.filter(mapping=mapping)
    before = entries.count(), list(Link.objects.order_by("id").values_list("left_shadow", "held"))
    for name in NAMES:
        left.edit(name, city=LONG, points=11)
        right.edit(name, phone=LONG, points=12)

    fault = rig.arm(mapping, point, "full")
    began = rig.due(mapping)
    rig.wait_struck(fault)
    failed = Pass.objects.filter(mapping=mapping, started_at__gt=began).order_by("id")
    rig.wait(lambda: failed.exclude(state=PassState.RUNNING).exists(), "the pass has ended")
    ended = failed.exclude(state=PassState.RUNNING).first()
    assert ended.state == PassState.FAILED, ended.state
    assert "full" in ended.message
    with rig.switched_off(mapping):
        if point == "before store_plans" and failed.count() == 1:
            assert not Intent.objects.exists()
            assert before == (
                entries.count(),
                list(Link.objects.order_by("id").values_list("left_shadow", "held")),
            )
    began = rig.due(mapping)
    rig.wait_done(mapping, since=began)
    with rig.switched_off(mapping):
        check(mapping, pair, {name: {"city": LONG, "phone": LONG, "points": 13} for name in NAMES})
