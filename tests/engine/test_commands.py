"""`sync` and `plan`: exit codes, one JSON document, and a plan that touches nothing."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from connectors.sql.connector import SqlConnector
from syncadmin.engine.preview import preview
from syncadmin.models import Cursor, Entry, Link, Mapping, Mark

from .test_guards import fill
from .test_pass import ANNA
from .test_rehearsal import BERT


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


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["backfill", "incremental"])
def test_a_plan_keeps_nobody_waiting_while_the_systems_answer(world, monkeypatch, kind):
    if kind == "incremental":
        world.linked(**ANNA)
    world.left.add(**BERT)
    open_while_reading = []
    for name in ("scan", "changes", "fetch"):
        monkeypatch.setattr(SqlConnector, name, _noting(getattr(SqlConnector, name), open_while_reading))
    made = preview(Mapping.objects.get(name="contacts"), "incremental")
    assert made.counts == {"create right": 1}
    assert made.kind == kind
    assert open_while_reading
    assert not any(open_while_reading)


def _noting(real, noted):
    def reading(*args, **kwargs):
        noted.append(connection.in_atomic_block)
        return real(*args, **kwargs)

    return reading
