"""The lost-update meter: what it counts, when an acceptance lapses, and what waits without one."""

import json
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.utils import timezone

from connectors.base import Guarantee
from connectors.sql.connector import SqlConnector
from syncadmin import services
from syncadmin.core.exposure import Need
from syncadmin.core.side import SIDES, Side
from syncadmin.engine import meter, risk
from syncadmin.engine.prove import prove
from syncadmin.models import Event, EventKind, Mapping, Meter, MeterDay, RiskAcceptance
from syncadmin.selectors.risk import Status, standing

from .test_pass import ANNA


def counted(world):
    """By side: edits, meetings, unguarded writes."""
    days = MeterDay.objects.filter(mapping=world.mapping)
    return {
        side.value: tuple(
            sum(getattr(day, name) for day in days if day.side == side)
            for name in ("edits", "meetings", "writes")
        )
        for side in SIDES
    }


def told(world, now=None):
    return standing(Mapping.objects.get(pk=world.mapping.pk), now or timezone.now()).figures


def watched_for(world, span):
    Meter.objects.filter(mapping=world.mapping).update(since=timezone.now() - span)


def accept(world, user, most=1.0, days=30, **more):
    until = timezone.now() + timedelta(days=days)
    given = {"most": most, "until": until, "role": "head of sales", "note": "", **more}
    return services.accept_risk(world.mapping, told(world), user=user, **given)


def test_edits_of_one_field_on_both_sides_meet(world, unguarded):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    world.right.edit(right, phone="030 3", city="Ulm")
    world.sync()
    world.sync()
    assert counted(world) == {"left": (1, 0, 1), "right": (2, 1, 1)}


def test_what_one_pass_has_counted_no_other_counts_again(world, unguarded):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    world.right.edit(right, phone="030 3")
    world.sync()
    Meter.objects.filter(mapping=world.mapping).update(
        sequence=0, counted_by=""
    )  # all of it, anew and at once
    before = counted(world)
    world.sync()
    assert counted(world) == before == {"left": (1, 0, 1), "right": (1, 1, 1)}


def test_owned_fields_do_not_count(world, unguarded):
    world.set_field("phone", owner="left")
    left, _ = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    assert counted(world) == {"left": (0, 0, 0), "right": (0, 0, 1)}


def test_a_worker_that_lost_its_lease_counts_nothing(world, unguarded, monkeypatch):
    left, _ = world.linked(**ANNA)
    read = meter.read_journal
    monkeypatch.setattr(meter, "read_journal", lambda binding, token: read(binding, token - 1))
    world.left.edit(left, phone="030 2")
    world.sync()
    assert counted(world)["left"] == (0, 0, 0)
    monkeypatch.undo()


def test_where_both_systems_refuse_stale_writes_no_meter_runs(world):
    left, _ = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    assert told(world).exposure.need is Need.ATOMIC
    assert not MeterDay.objects.exists()
    assert not Meter.objects.exists()


def test_where_no_field_is_shared_none_is_needed(world, unguarded):
    world.set(owner="left")
    world.linked(**ANNA)
    found = standing(Mapping.objects.get(pk=world.mapping.pk), timezone.now())
    assert (found.status, found.figures.exposure.need) == (Status.NONE, Need.OWNED)
    assert "no field is shared" in found.why_none


def test_the_figure_follows_windows_meetings_and_the_time_watched(world, unguarded):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    world.right.edit(right, phone="030 3")
    world.sync()
    assert told(world).lost is None
    watched_for(world, timedelta(days=10))
    found = told(world)
    assert found.live
    assert found.meetings == 1
    assert found.lost.expected == pytest.approx(365.25 / 10 * 0.024 / 7200, rel=1e-3)
    assert found.sides[Side.RIGHT].window.expected == pytest.approx(0.012)
    watched_for(world, timedelta(days=20))
    assert told(world).lost.expected == pytest.approx(found.lost.expected / 2, rel=1e-3)


def test_an_acceptance_lapses_when_more_is_to_be_expected(world, unguarded, staff):
    left, right = world.linked(**ANNA)
    watched_for(world, timedelta(days=10))
    accept(world, staff, most=1e-5)
    world.left.edit(left, phone="030 2")
    world.sync()
    assert standing(world.mapping, timezone.now()).status is Status.ACCEPTED
    world.right.edit(right, phone="030 3")
    world.sync()
    lapsed = RiskAcceptance.objects.get()
    assert lapsed.lapsed_how == "0.00012 lost edits a year are to be expected; 0.00001 were accepted"
    assert Event.objects.get(kind=EventKind.RISK).words == lapsed.lapsed_how
    rules = [entry.rule for entry in world.history() if "lost edits" in entry.rule]
    assert rules == [
        f"accepted up to 0.00001 lost edits a year until {lapsed.last_day:%Y-%m-%d}, as head of sales",
        f"the accepted risk of lost edits has lapsed: {lapsed.lapsed_how}",
    ]
    world.sync()
    assert Event.objects.filter(kind=EventKind.RISK).count() == 1
    assert not prove(world.mapping).findings


def test_an_acceptance_lapses_when_its_time_is_up_though_no_pass_runs(world, unguarded, staff):
    world.linked(**ANNA)
    signed = accept(world, staff, days=30)
    risk.lapse_what_is_over(signed.until - timedelta(seconds=1))
    assert RiskAcceptance.objects.get().lapsed_at is None
    risk.lapse_what_is_over(signed.until)
    risk.lapse_what_is_over(signed.until)
    assert RiskAcceptance.objects.get().lapsed_how == "its time is up"
    assert Event.objects.filter(kind=EventKind.RISK).count() == 1


def test_an_acceptance_lapses_when_a_side_promises_less(world, unguarded, staff, monkeypatch):
    world.linked(**ANNA)
    accept(world, staff)
    can = SqlConnector.capabilities
    monkeypatch.setattr(SqlConnector, "capabilities", lambda *a: replace(can(*a), update=Guarantee.BLIND))
    world.sync()
    assert "are blind now" in RiskAcceptance.objects.get().lapsed_how


def test_with_stop_unguarded_writes_of_shared_fields_wait_for_an_acceptance(world, unguarded, staff):
    world.set_field("city", owner="left")
    world.set(risk="stop")
    left, right = world.linked(**ANNA)
    other, other_right = world.linked(email="bob@x.org", phone="1", city="Bonn")
    world.left.edit(left, phone="030 2")
    world.left.edit(other, city="Ulm")
    done = world.sync()
    assert done.counts["not accepted"] == 1
    assert world.right.row(right)["phone"] == ANNA["phone"]
    assert world.right.row(other_right)["city"] == "Ulm"
    assert standing(world.mapping, timezone.now()).stops
    accept(world, staff)
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
    assert not prove(world.mapping).findings


def test_what_waited_and_was_edited_on_the_other_side_meanwhile_is_a_conflict(world, unguarded, staff):
    world.set(risk="stop")
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    world.right.edit(right, phone="030 3")
    accept(world, staff)
    world.sync()
    [conflict] = world.open()
    assert {f.field for f in conflict.fields.all()} == {"phone"}
    assert world.right.row(right)["phone"] == "030 3"


def test_the_systems_can_be_asked_before_the_first_pass(world, unguarded, capsys):
    assert standing(world.mapping, timezone.now()).status is Status.UNKNOWN
    with pytest.raises(CommandError, match="Nobody accepts"):
        call_command("risk", world.mapping.name, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["sides"]["left"]["promise"]) == ("open", "checked")
    assert told["lost_edits_a_year"] is None


def test_the_command_accepts_in_the_name_of_somebody_who_may(world, unguarded, django_user_model, capsys):
    world.linked(**ANNA)
    given = ["risk", world.mapping.name, "--edits-left", "200", "--edits-right", "50", "--records", "1000"]
    user = django_user_model.objects.create_user("ines", is_staff=True)
    sign = [*given, "--accept", "50", "--user", "ines", "--role", "Head of sales"]
    with pytest.raises(CommandError, match="may not accept risks"):
        call_command(*sign)
    user.user_permissions.add(Permission.objects.get(codename="accept_risk"))
    with mock.patch("syncadmin.management.commands.risk.enqueue_pass"):
        call_command(*sign)
    out = capsys.readouterr().out
    assert "(assumed, before watching)" in out
    assert "accepted by ines (Head of sales)" in out


@pytest.mark.parametrize(("risk", "code"), [("warn", None), ("stop", 1)])
def test_check_tells_the_risk_and_fails_where_writes_wait(world, unguarded, capsys, risk, code):
    world.set(risk=risk)
    world.linked(**ANNA)
    systems = [world.mapping.left.system.name]
    if code is None:
        call_command("check", *systems)
    else:
        with pytest.raises(CommandError):
            call_command("check", *systems)
    assert "lost edits: nobody can say yet; accepted by nobody" in capsys.readouterr().out


def test_with_warn_nothing_waits(world, unguarded):
    left, right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    world.sync()
    assert world.right.row(right)["phone"] == "030 2"
    assert standing(world.mapping, timezone.now()).status is Status.OPEN


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"role": " "}, "role"),
        ({"most": 0}, "more than zero"),
        ({"most": float("nan")}, "more than zero"),
        ({"days": -1}, "future"),
        ({"days": 400}, "a year at most"),
    ],
)
def test_what_cannot_be_accepted(world, unguarded, staff, given, said):
    world.linked(**ANNA)
    with pytest.raises(services.NotAccepted, match=said):
        accept(world, staff, **given)
    assert not RiskAcceptance.objects.exists()


def test_less_than_is_to_be_expected_cannot_be_accepted(world, unguarded, staff):
    left, right = world.linked(**ANNA)
    for number in "23":
        world.left.edit(left, phone=f"030 {number}")
        world.sync()
        world.right.edit(right, phone=f"030 {number}{number}")
        world.sync()
    watched_for(world, timedelta(days=1))
    with pytest.raises(services.NotAccepted, match="already"):
        accept(world, staff, most=1e-6)


def test_a_new_acceptance_takes_the_place_of_the_old(world, unguarded, staff):
    world.linked(**ANNA)
    accept(world, staff)
    accept(world, staff, most=2.0)
    assert [a.lapsed_how for a in RiskAcceptance.objects.order_by("pk")] == ["accepted anew by rita", ""]
    assert services.withdraw_risk(world.mapping.pk, staff)
    assert not services.withdraw_risk(world.mapping.pk, staff)
    assert RiskAcceptance.objects.order_by("pk").last().lapsed_how == "withdrawn by rita"
