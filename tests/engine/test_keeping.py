"""Connectors that stay open between passes: the same ones, and yet each pass sees its systems as they are."""

from collections.abc import Iterator

import pytest
from django.db import connection

from syncadmin.config.keeping import Keeper, keeping
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import Pass, RowRule, System, passes

from .test_pass import ANNA

NAMES = {"mapping": "label", "field": "left", "rule": "when", "resource": "changed_by", "system": "label"}


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    with keeping() as keeper:
        yield keeper


def open_ones(keeper: Keeper) -> set[int]:
    return {id(one.connector) for one in keeper.kept}


def test_passes_share_connectors_and_see_what_was_changed(world, keeper: Keeper) -> None:
    _, right = world.linked(**ANNA)
    world.sync()
    kept = open_ones(keeper)
    assert len(kept) == 2
    world.left.edit(1, phone="030 9")
    world.sync()
    assert world.right.row(right)["phone"] == "030 9"
    assert open_ones(keeper) == kept


def test_a_column_that_goes_or_changes_its_type_stops_the_next_pass(world, keeper: Keeper) -> None:
    world.linked(**ANNA)
    world.sync()
    world.sync()
    world.left.run("ALTER TABLE contacts ALTER COLUMN notes TYPE json USING NULL")
    stopped = world.attempt()
    assert (stopped.state, "notes" in stopped.message) == ("failed", True)
    assert keeper.kept == []  # of a pass that failed, none is kept
    world.left.run("ALTER TABLE contacts DROP COLUMN notes")
    assert "has no field" in world.attempt().message


def test_a_system_with_other_settings_is_opened_anew(world, keeper: Keeper) -> None:
    world.linked(**ANNA)
    world.sync()
    before = open_ones(keeper)
    for system in System.objects.all():
        system.config = {**system.config, "lock_timeout": 9}
        system.save()
    world.mapping.refresh_from_db()
    world.sync()
    assert len(keeper.kept) == 2
    assert all(one.config[0].lock_timeout == 9 for one in keeper.kept)
    assert before


def test_of_passes_that_went_well_the_newest_are_kept(world, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "KEPT_PASSES", 2)
    world.linked(**ANNA)
    for _ in range(4):
        world.sync()
    kinds = list(Pass.objects.order_by("id").values_list("kind", flat=True))
    assert kinds[0] == "backfill"
    incremental = list(Pass.objects.filter(kind="incremental").order_by("id").values_list("id", flat=True))
    Pass.objects.filter(pk=incremental[0]).update(state="failed")
    passes.trim_passes(world.mapping.pk)
    left = list(Pass.objects.filter(kind="incremental").order_by("id").values_list("id", flat=True))
    assert left == [incremental[0], *incremental[-2:]]
    assert Pass.objects.filter(kind="backfill").exists()


@pytest.mark.parametrize("row", ["mapping", "field", "rule", "resource", "system"])
def test_a_mapping_is_read_anew_if_any_row_that_it_is_made_of_was_changed(
    world, keeper: Keeper, row: str
) -> None:
    left = world.mapping.left
    rule = RowRule.objects.create(mapping=world.mapping, position=0, when="true", owner="left")
    rows = {"mapping": world.mapping, "field": world.mapping.fields.all()[0], "rule": rule}
    changed, name = (rows | {"resource": left, "system": left.system})[row], NAMES[row]
    before = mapping_for_pass(world.mapping.pk)
    kept = mapping_for_pass(world.mapping.pk) is before
    assert kept == (connection.vendor == "postgresql")
    type(changed).objects.filter(pk=changed.pk).update(**{name: "x"})
    now = mapping_for_pass(world.mapping.pk)
    told = {"mapping": now, "field": now.fields.all()[0], "rule": now.row_rules.all()[0]}
    told |= {"resource": now.left, "system": now.left.system}
    assert getattr(told[row], name) == "x"
