"""Events become notices for those who asked, may see it, and are concerned."""

from datetime import time, timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from conflicts.services import second_look, together
from conflicts.services.comments import comment
from syncadmin.engine import health
from syncadmin.models import Event, EventKind, Notice, Profile, Subscription, System, events
from syncadmin.notify.expand import expand
from tests.builders import a_conflict, a_mapping, a_user
from tests.notify.conftest import a_channel

pytestmark = pytest.mark.django_db

ALL = ("conflicts.view_conflict", "conflicts.resolve_conflict", "syncadmin.view_mapping")
URL = "json://hooks.example/x"


def notices() -> list[tuple[str, str, list[int]]]:
    return [(n.channel.person.username, n.kind, n.conflicts) for n in Notice.objects.order_by("pk")]


def opened(*conflicts) -> None:
    first = conflicts[0]
    ids = [conflict.pk for conflict in conflicts]
    events.tell(EventKind.OPENED, timezone.now(), mapping_id=first.mapping_id, conflicts=ids)


def test_an_event_is_told_on_each_channel_that_asks_and_is_gone():
    conflict, anna, bert = a_conflict(a_mapping()), a_user(*ALL, name="anna"), a_user(*ALL, name="bert")
    a_channel(anna, URL)
    a_channel(anna, URL, "second")
    a_channel(bert, URL, kinds=["assigned"])
    opened(conflict)

    assert expand(timezone.now()) == 1

    assert notices() == [("anna", "opened", [conflict.pk])] * 2
    assert not Event.objects.exists()


def test_two_subscriptions_of_one_channel_make_one_notice():
    conflict, anna = a_conflict(a_mapping()), a_user(*ALL, name="anna")
    channel = a_channel(anna, URL, rhythm="daily", values=True)
    Subscription.objects.create(channel=channel, kinds=["opened"])
    opened(conflict)
    now = timezone.now()

    expand(now)

    notice = Notice.objects.get()
    assert notice.ready_at == now
    assert not notice.values


@pytest.mark.parametrize("lacks", ["permission", "staff", "active"])
def test_who_may_not_look_is_not_told(lacks):
    person = a_user(*(() if lacks == "permission" else ALL), staff=lacks != "staff")
    person.is_active = lacks != "active"
    person.save()
    a_channel(person, URL)
    opened(a_conflict(a_mapping()))

    expand(timezone.now())

    assert notices() == []


def test_a_subscription_is_about_a_mapping_and_a_filter():
    customers, orders = a_mapping(), a_mapping("orders")
    mine, other = a_conflict(customers, label="Ada"), a_conflict(customers, "deleted / changed", label="Bob")
    a_channel(a_user(*ALL, name="anna"), URL, mapping=orders)
    a_channel(a_user(*ALL, name="bert"), URL, mapping=customers, query="kind=field")
    opened(mine, other)

    expand(timezone.now())

    assert notices() == [("bert", "opened", [mine.pk])]


def test_what_is_settled_meanwhile_is_not_told_as_new():
    conflict = a_conflict(a_mapping())
    a_channel(a_user(*ALL), URL)
    opened(conflict)
    conflict.state = "closed"
    conflict.save()

    expand(timezone.now())

    assert notices() == []


def test_what_people_do_is_told_to_those_it_is_about():
    conflict = a_conflict(a_mapping())
    anna, bert, carl = (a_user(*ALL, name=name) for name in ("anna", "bert", "carl"))
    for person in (anna, bert, carl):
        a_channel(person, URL)
    now = timezone.now()

    together.assign(conflict.pk, bert, anna, now)
    comment(conflict.pk, "@carl look", uuid4(), anna, now)
    second_look.ask(conflict.pk, "?", anna, now)
    expand(now)

    assert notices() == [
        ("bert", "assigned", [conflict.pk]),
        ("carl", "mentioned", [conflict.pk]),
        ("bert", "commented", [conflict.pk]),
        ("bert", "second look", [conflict.pk]),
        ("carl", "second look", [conflict.pk]),
    ]


def test_quiet_hours_and_digests_keep_a_notice():
    anna = a_user(*ALL)
    Profile.objects.create(person=anna, zone="UTC", quiet_from=time(0), quiet_until=time(23, 59))
    a_channel(anna, URL)
    bert = a_user(*ALL)
    a_channel(bert, URL, rhythm="hourly")
    opened(a_conflict(a_mapping()))
    now = timezone.now().replace(hour=10, minute=20)

    expand(now)

    first, second = Notice.objects.order_by("pk")
    assert (first.ready_at.hour, first.ready_at.minute) == (23, 59)
    assert (second.ready_at.hour, second.ready_at.minute) == (11, 0)


def test_a_profile_with_a_zone_that_is_gone_stops_nobody():
    anna = a_user(*ALL)
    Profile.objects.create(person=anna, zone="Mars/Olympus")
    a_channel(anna, URL)
    opened(a_conflict(a_mapping()))

    expand(timezone.now())

    assert len(notices()) == 1


def test_a_system_that_stays_away_is_told_once():
    from connectors import base

    mapping = a_mapping()
    a_channel(a_user(*ALL, name="anna"), URL, mapping=mapping)
    a_channel(a_user(*ALL, name="bert"), URL, mapping=a_mapping("orders"))
    Notice.objects.all().delete()
    for attempt in range(5):
        health.failed(base.Retry("away", system="crm"), timezone.now() + timedelta(minutes=attempt))

    expand(timezone.now())

    assert [(name, kind) for name, kind, _ in notices()] == [("anna", "system"), ("bert", "system")]
    assert Notice.objects.first().system == System.objects.get(name="crm")
