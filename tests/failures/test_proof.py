"""F19: the verifier finds in real web systems what the hub does not know, and nothing that is under way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from syncadmin.engine.prove import prove
from syncadmin.models import MappingState

from .acts import ANNA

pytestmark = [pytest.mark.django_db, pytest.mark.runs_once]

TOLD = {
    "world": "gone since it was last compared",  # PocketBase tells no deletes
    "with_kinto": "changed since it was last read",  # Kinto leaves tombstones
}


@pytest.mark.parametrize("which", TOLD)
def test_f19_a_loss_in_a_web_system_is_found_and_what_is_on_its_way_is_none(request, which):
    world = request.getfixturevalue(which)
    left, right = world.linked(**ANNA)
    _, gone = world.both(**ANNA | {"email": "bert@example.com"})
    world.sync("reconcile")
    assert prove(world.mapping, live=True).live.explained == {}

    world.right.edit(right, phone="030 2")
    world.right.add(**ANNA | {"email": "carl@example.com"})
    world.right.delete(gone)
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert sum(proof.live.explained.values()) == 3
    assert TOLD[which] in proof.live.explained

    MappingState.objects.update(next_reconcile=timezone.now() - timedelta(hours=1))
    lost = [(f.check, f.side, f.key) for f in prove(world.mapping, live=True).findings]
    assert lost == ([("live", "right", str(gone))] if which == "world" else [])
    world.sync("reconcile")
    assert prove(world.mapping, live=True).findings == []
    assert world.left.row(left)["phone"] == "030 2"
