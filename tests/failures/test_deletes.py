"""F02, F13: what was deleted stays deleted, and what only can't be seen was not deleted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from syncadmin.core.side import SIDES, Side
from syncadmin.models import Link
from tests.conftest import unique
from tests.engine.test_guards import approve
from tests.engine.world import World

from .acts import ANNA, after_writing, at_rest, before_writing, in_time
from .door import Answer, Request
from .peers import PocketBasePeer

pytestmark = pytest.mark.runs_once


def gone_everywhere(world: World) -> bool:
    """Nothing is left on either side, and it stays so."""
    for _ in range(2):
        world.sync("reconcile")
        in_time(world)
    return world.left.rows() == world.right.rows() == [] and world.open() == []


@pytest.mark.parametrize("side", SIDES)
def test_f02_created_and_deleted_between_two_passes_never_appears_on_the_other_side(world, side):
    world.sync()
    world.peer(side).delete(world.peer(side).add(**ANNA))
    world.sync()
    assert gone_everywhere(world)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("moment", [before_writing, after_writing])
def test_f02_a_delete_while_the_create_travels_ends_deleted_on_both_sides(world, monkeypatch, side, moment):
    world.sync()
    world.set(deletes="propagate")
    key = world.peer(side).add(**ANNA)
    moment(monkeypatch, lambda: world.peer(side).delete(key))
    world.sync()
    assert gone_everywhere(world)
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f02_a_delete_of_the_copy_right_after_it_was_made_deletes_the_original(world, monkeypatch, side):
    world.sync()
    world.set(deletes="propagate")
    world.peer(side).add(**ANNA)
    other = world.peer(side.other)
    after_writing(monkeypatch, lambda: other.delete(other.rows()[0]["id"]))
    world.sync()
    assert gone_everywhere(world)


@pytest.mark.parametrize("side", SIDES)
def test_f02_a_deleted_record_does_not_come_back(world, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.set(deletes="propagate")
    world.peer(side.other).edit(pair[side.other], phone="030 2")
    world.sync()
    world.peer(side).delete(pair[side])
    assert gone_everywhere(world)
    at_rest(world)


@pytest.mark.parametrize("side", SIDES)
def test_f02_an_edit_against_a_delete_waits_for_a_person_and_takes_the_way_they_say(world, staff, side):
    pair = dict(zip(SIDES, world.linked(**ANNA), strict=True))
    world.set(deletes="propagate")
    world.peer(side).delete(pair[side])
    world.peer(side.other).edit(pair[side.other], phone="030 5")
    world.sync("reconcile")
    (conflict,) = world.open()
    assert conflict.kind == "deleted / changed"
    at_rest(world)
    world.choose(staff, conflict, "delete")
    world.sync()
    assert gone_everywhere(world)


# ---------------------------------------------------------------- what can't be seen


CLERK_PASSWORD = "not a secret"


def hidden_by_a_row_policy(world: World, clerk: str) -> None:
    """The hub's account is allowed fewer rows, and no statement of its own tells it so."""
    world.left.run("ALTER TABLE contacts ENABLE ROW LEVEL SECURITY")
    world.left.run("CREATE POLICY few ON contacts USING (city <> 'Berlin')")


def revoked(world: World, clerk: str) -> None:
    """The hub's account may no longer read the table."""
    world.left.run(f"REVOKE ALL ON contacts FROM {clerk}")


def another_schema(world: World, clerk: str) -> None:
    """A wrong path: the account now gets to an empty table of the same name."""
    world.left.run("CREATE SCHEMA fresh")
    for table in ("contacts", "companies"):
        world.left.run(f"CREATE TABLE fresh.{table} (LIKE public.{table} INCLUDING ALL)")
    world.left.run(f"GRANT USAGE ON SCHEMA fresh TO {clerk}")
    world.left.run(f"GRANT ALL ON ALL TABLES IN SCHEMA fresh TO {clerk}")
    world.left.run(f"ALTER ROLE {clerk} SET search_path = fresh")


@pytest.fixture
def clerk(world: World) -> Iterator[str]:
    """The hub reaches the CRM as a user with rights of its own; its name."""
    name = unique("clerk")
    world.left.run(f"CREATE ROLE {name} LOGIN PASSWORD '{CLERK_PASSWORD}'")
    world.left.run(f"GRANT ALL ON contacts, companies TO {name}")
    world.left.run(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {name}")
    url = sa.engine.make_url(world.left.url).set(username=name, password=CLERK_PASSWORD)
    reach(world, Side.LEFT, url=url.render_as_string(hide_password=False))
    yield name
    world.left.run(f"DROP OWNED BY {name}")
    world.left.run(f"DROP ROLE {name}")


def reach(world: World, side: Side, **changes: Any) -> None:
    """Change how the hub reaches a system."""
    system = world.mapping.resource(side).system
    system.config = {**system.config, **changes}
    system.save()


def filled(world: World, count: int) -> None:
    """Linked pairs, and a policy by which deletes are carried out."""
    for n in range(count):
        world.both(**ANNA | {"email": f"{n}@example.com"})
    world.sync()
    world.set(deletes="propagate")


def nothing_is_deleted(world: World, count: int) -> None:
    """Whatever kind of pass runs, however often: every record is there, and every link open."""
    for kind in ("incremental", "reconcile", "reconcile"):
        world.attempt(kind)
        in_time(world)
    assert len(world.left.rows()) == len(world.right.rows()) == count
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == count


@pytest.mark.parametrize("count", [3, 12])
@pytest.mark.parametrize("lost", [hidden_by_a_row_policy, revoked, another_schema])
def test_f13_rows_that_postgresql_no_longer_shows_were_not_deleted(
    world, clerk, lost: Callable[[World, str], None], count: int
):
    filled(world, count)
    lost(world, clerk)
    nothing_is_deleted(world, count)


def test_f13_a_table_that_was_emptied_says_so_and_is_believed_after_an_approval(world, staff):
    filled(world, 3)
    world.left.run("DELETE FROM contacts")
    stopped = world.attempt("reconcile")
    assert stopped.state == "stopped"
    assert "delete all 3 known records" in stopped.message
    approve(staff)
    world.sync("reconcile")
    assert world.right.rows() == []


def only_for_guests(world: World) -> None:
    """The shop's credentials no longer work, and a guest is answered with an empty list."""
    world.right.alter(listRule="email = 'nobody'", viewRule="email = 'nobody'")
    reach(world, Side.RIGHT, auth={**world.right.login(), "password": "expired"})


def renamed(world: World) -> None:
    """The shop's collection has got another name."""
    world.right.alter(name=f"old_{world.right.collection()}")


def replaced(world: World) -> None:
    """A wrong path: another collection of the same shape, empty."""
    other = PocketBasePeer(world.right.server, unique())
    other.close()
    resource = world.mapping.right
    resource.config = other.resource("contacts")
    resource.save()


@pytest.mark.parametrize("lost", [only_for_guests, renamed, replaced])
def test_f13_records_that_pocketbase_no_longer_shows_were_not_deleted(world, lost):
    filled(world, 3)
    lost(world)
    for kind in ("incremental", "reconcile", "reconcile"):
        world.attempt(kind)
        in_time(world)
    assert len(world.left.rows()) == 3
    assert Link.objects.filter(mapping=world.mapping, status="open").count() == 3


def test_f13_a_token_that_ends_in_the_middle_is_not_an_empty_shop(world, through_door):
    """PocketBase takes the bearer of an old token for a guest, who is shown what the rules allow: nothing."""
    filled(world, 3)
    world.right.alter(listRule="email = 'nobody'", viewRule="email = 'nobody'")
    reach(world, Side.RIGHT, auth=world.right.login())
    door = through_door(world)
    door.headers = lambda headers: {n: v for n, v in headers.items() if n.lower() != "authorization"}
    nothing_is_deleted(world, 3)


@pytest.mark.parametrize("answer", [[], ["first"]])
def test_f13_a_listing_that_comes_back_short_is_not_believed(world, through_door, answer):
    """A pagination bug, or an index that is being rebuilt: the records are there when asked for by key."""
    filled(world, 3)
    door = through_door(world)

    def short(request: Request) -> Answer | None:
        if "filter=" in request.path or f"/{world.right.collection()}/records?" not in request.path:
            return None
        return Answer(200, {"page": 1, "perPage": 1000, "items": world.right.rows()[: len(answer)]})

    door.rule = short
    nothing_is_deleted(world, 3)


def test_f13_a_tombstone_is_evidence_of_one_delete(with_kinto):
    world = with_kinto
    filled(world, 4)
    world.right.delete(world.right.rows()[0]["id"])
    world.sync()
    assert len(world.left.rows()) == 3
