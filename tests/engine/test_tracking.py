"""A side whose changes a log tells: deletes without a comparison; a gap in the log is none in the sync."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from conflicts import selectors
from conflicts.cards import card
from connectors.sql.tracking import reading as log
from syncadmin import tracking
from syncadmin.engine.backtest import backtest
from syncadmin.engine.compare import compare
from syncadmin.engine.run import mapping_for_pass
from syncadmin.models import Resource

from .test_pass import ANNA, quiet


@pytest.fixture
def tracked(world, capsys):
    """The world, with a CRM whose contacts are tracked; `updated_at` is not looked at."""
    row = Resource.objects.get(pk=world.mapping.left_id)
    row.config = {"table": "contacts", "changes": "tracking"}
    row.save()
    call_command("track", "crm", "contacts", "--yes", "--json")
    assert json.loads(capsys.readouterr().out)["tracked"]
    world.mapping.refresh_from_db()
    return world


def test_edits_and_deletes_come_from_the_log(tracked):
    left, right = tracked.linked(**ANNA)
    tracked.set(deletes="propagate", guard_floor=1000)
    tracked.left.run("UPDATE contacts SET phone = '030 9'")  # without touching updated_at
    tracked.sync()
    assert tracked.right.row(right)["phone"] == "030 9"
    tracked.left.delete(left)
    tracked.sync()
    assert tracked.right.rows() == []
    quiet(tracked)


def books(tracked):
    """All that the tracking holds: the log, how far it was emptied, and who has read how far."""
    schema = "syncadmin_tracking"
    names = tracked.left.run(f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1")
    return [tracked.left.run(f"SELECT * FROM {schema}.{name['tablename']}") for name in names]


def test_whoever_only_looks_leaves_the_log_and_its_readers_as_they_are(tracked, monkeypatch):
    monkeypatch.setattr(log, "MOVING_NOTED", 0)  # each pass notes how far it is
    _, right = tracked.linked(**ANNA)
    tracked.sync()
    tracked.left.run("UPDATE contacts SET phone = '030 9'")
    mapping, row = mapping_for_pass(tracked.mapping.pk), tracked.mapping.left
    before = books(tracked)
    assert [len(table) for table in before] == [1, 1, 0, 1]  # no receipts
    for look in (
        lambda: call_command("plan", "contacts", "--json"),
        lambda: call_command("rehearse", "contacts", "--json"),
        lambda: call_command("prove", "contacts", "--live"),
        lambda: call_command("check", "crm"),
        lambda: call_command("track", "crm", "contacts", "--sql"),
        lambda: compare(mapping, mapping, {}, timezone.now),
        lambda: backtest(mapping, mapping, {}, timezone.now()),
        lambda: tracking.look(row),
        lambda: tracking.state(row),
    ):
        look()
        assert books(tracked) == before
    (reading,) = tracking.state(row).readers
    assert (reading.name, reading.reader.waiting, reading.resealed) == ("contacts", 1, False)
    tracked.sync()
    assert tracked.right.row(right)["phone"] == "030 9"
    assert books(tracked) != before


def test_what_the_log_missed_is_found_by_comparing_and_said(tracked, capsys):
    left, right = tracked.linked(**ANNA)
    tracked.sync()
    tracked.left.run("ALTER TABLE contacts DISABLE TRIGGER ALL")
    stopped = tracked.attempt()
    assert (stopped.state, "disabled" in stopped.message) == ("failed", True)
    tracked.left.run("UPDATE contacts SET phone = '030 7'")
    tracked.left.run("ALTER TABLE contacts ENABLE TRIGGER ALL")
    done = tracked.sync()
    assert "what changed since the last read is not known" in done.message
    assert tracked.right.row(right)["phone"] == "030 7"
    assert tracked.sync().message == ""
    tracked.left.run("ALTER TABLE contacts DISABLE TRIGGER ALL")
    tracked.left.run(f"UPDATE contacts SET phone = '030 18' WHERE id = {left}")
    tracked.left.run("ALTER TABLE contacts ENABLE TRIGGER ALL")
    before = books(tracked)
    capsys.readouterr()
    call_command("plan", "contacts")
    assert "030 18" in capsys.readouterr().out
    call_command("prove", "contacts", "--live")  # the next pass will find it
    assert books(tracked) == before
    tracked.sync()
    assert tracked.right.row(right)["phone"] == "030 18"


def test_the_command_shows_its_sql_asks_and_leaves_no_trace(tracked, capsys):
    call_command("track", "crm", "contacts", "--sql")
    told = capsys.readouterr().out
    assert "create trigger zz_syncadmin_update" in told
    assert "grant select, delete on syncadmin_tracking.log_" in told
    call_command("track", "crm", "contacts", "--yes")
    assert "is tracked already" in capsys.readouterr().out
    with pytest.raises(CommandError, match="Say --yes"):
        call_command("track", "crm", "contacts", "--remove")
    call_command("track", "crm", "contacts", "--remove", "--yes")
    assert "nothing is left of it" in capsys.readouterr().out
    assert tracked.left.run("SELECT 1 FROM pg_namespace WHERE nspname LIKE 'syncadmin%'") == []
    assert tracked.attempt().state == "failed"
    with pytest.raises(CommandError, match="unknown resource"):
        call_command("track", "crm", "contcats")


def test_the_log_tells_who_changed_a_value(tracked):
    left, right = tracked.linked(**ANNA)
    said = "SELECT set_config('syncadmin.user', 'zoë', true)"
    with tracked.left.engine.begin() as connection:
        connection.exec_driver_sql(said)
        connection.exec_driver_sql("UPDATE contacts SET phone = '030 2'")
    tracked.right.edit(right, phone="030 3")
    tracked.sync()
    (field,) = card(selectors.item(tracked.open()[0].pk)).fields
    assert (field.left.who, field.right.who) == ("zoë", "")
    assert tracked.history(kind="change", side="left", field="phone")[-1].actor == "zoë"
    assert left
