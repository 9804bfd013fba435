"""`sync` and `plan`: exit codes, one JSON document, and a plan that touches nothing."""

import json

import pytest
from django.core.management import CommandError, call_command

from syncadmin.models import Cursor, Entry, Link, Mark

from .test_guards import fill
from .test_pass import ANNA


def run(capsys, *args: str) -> dict:
    call_command(*args, "--json")
    return json.loads(capsys.readouterr().out)


def test_sync_runs_one_pass_and_prints_one_document(world, capsys):
    world.both(**ANNA)
    document = run(capsys, "sync", "contacts")
    assert (document["state"], document["counts"]["linked"]) == ("done", 1)


def test_plan_says_what_a_pass_would_do_and_touches_nothing(world, capsys):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    before = [list(model.objects.values()) for model in (Link, Mark, Entry, Cursor)]
    document = run(capsys, "plan", "contacts")
    (step,) = document["steps"]
    assert step["writes"][0]["values"] == {"phone": "030 2"}
    assert document["counts"] == {"update right": 1}
    assert [list(model.objects.values()) for model in (Link, Mark, Entry, Cursor)] == before
    assert world.right.row(right)["phone"] == ANNA["phone"]


def test_an_unknown_mapping_is_a_usage_error_that_names_the_known_ones(world):
    with pytest.raises(CommandError, match="contacts") as error:
        call_command("sync", "contcts")
    assert error.value.returncode == 2


def test_a_guard_ends_sync_and_plan_with_exit_code_3(world):
    fill(world)
    world.left.run("UPDATE contacts SET phone = 'x', updated_at = clock_timestamp()")
    for command in ("plan", "sync"):
        with pytest.raises(CommandError) as error:
            call_command(command, "contacts")
        assert error.value.returncode == 3


def test_a_missing_column_stops_the_pass_with_a_message_that_names_it(world):
    world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts RENAME COLUMN phone TO telephone")
    with pytest.raises(CommandError, match="phone") as error:
        call_command("sync", "contacts")
    assert error.value.returncode == 1
    assert world.right.rows()[0]["phone"] == ANNA["phone"]


def test_an_unreachable_system_ends_the_pass_with_a_message_and_loses_nothing(world):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    system = world.mapping.right.system
    good = system.config
    system.config = {"url": "postgresql://nobody:x@127.0.0.1:1/none"}
    system.save()
    failed = world.attempt()
    assert failed.state == "failed"
    assert "shop" in failed.message
    system.config = good
    system.save()
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
