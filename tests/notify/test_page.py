"""A person's page on notices: theirs alone, addresses write-only, a test that goes the way of all notices."""

import pytest
from django.urls import reverse
from django.utils import timezone

from syncadmin.models import Channel, EventKind, Notice, Profile, Subscription
from syncadmin.notify import deliver
from tests.builders import a_mapping, a_user
from tests.notify.conftest import a_channel

pytestmark = pytest.mark.django_db

SECRET = "json://hooker:tok3nSecret@hooks.example/x"
VIEW = "conflicts.view_conflict"


@pytest.fixture
def anna(client):
    user = a_user(VIEW, name="anna")
    client.force_login(user)
    return user


@pytest.fixture(autouse=True)
def private_is_fine(settings):
    settings.NOTIFY_PRIVATE = True


def post(client, to, *args, **data):
    return client.post(reverse(f"syncadmin:{to}", args=args), data)


def show(client):
    return client.get(reverse("syncadmin:notifications")).text


def test_a_channel_is_added_and_tells_at_once_what_is_about_its_person(client, anna):
    response = post(client, "channel-add", name="chat", address=SECRET)

    channel = Channel.objects.get()
    assert response.status_code == 302
    assert (channel.person, channel.scheme, channel.address) == (anna, "json", SECRET)
    assert "assigned" in Subscription.objects.get().kinds


def test_an_address_is_never_shown_again(client, anna):
    post(client, "channel-add", name="chat", address=SECRET)
    Channel.objects.update(error="x")

    assert "tok3nSecret" not in show(client)
    assert "hooks.example" not in show(client)


def test_a_bad_address_is_said_beside_its_field(client, anna):
    response = post(client, "channel-add", name="chat", address="file:///etc/passwd")

    assert response.status_code == 422
    assert "not allowed here" in response.text
    assert not Channel.objects.exists()


def test_a_form_sent_twice_makes_one_channel(client, anna):
    for _ in range(2):
        post(client, "channel-add", name="chat", address=SECRET)

    assert Channel.objects.count() == 1


@pytest.mark.parametrize("act", ["channel-test", "channel-remove"])
def test_nobody_touches_a_colleagues_channel(client, anna, act):
    channel = a_channel(a_user(VIEW), SECRET)

    assert post(client, act, channel.pk).status_code == 404
    assert Channel.objects.exists()
    assert not Notice.objects.exists()


@pytest.mark.parametrize("act", ["subscription", "unsubscribe"])
def test_nobody_touches_a_colleagues_subscription(client, anna, act):
    mine, theirs = a_channel(anna, SECRET), a_channel(a_user(VIEW), SECRET)
    other = theirs.subscriptions.get()

    response = post(
        client, act, other.pk, **{f"s{other.pk}-channel": mine.pk, f"s{other.pk}-kinds": "opened"}
    )

    assert response.status_code == 404
    assert theirs.subscriptions.get().kinds == EventKind.values


def test_nobody_is_told_on_a_colleagues_channel(client, anna):
    theirs = a_channel(a_user(VIEW), SECRET)

    response = post(client, "subscribe", channel=theirs.pk, kinds="opened", rhythm="now")

    assert response.status_code == 422
    assert theirs.subscriptions.count() == 1


def test_a_subscription_is_added_changed_and_removed(client, anna):
    channel, mapping = a_channel(anna, SECRET), a_mapping()
    channel.subscriptions.all().delete()
    wanted = {"channel": channel.pk, "mapping": mapping.pk, "kinds": ["opened", "guard"], "rhythm": "daily"}
    pasted = "https://sync.example.com/conflicts/?kind=field&after=3&evil=1"

    post(client, "subscribe", **wanted, at="07:30", query=pasted)
    row = Subscription.objects.get()
    assert (row.mapping, row.kinds, row.rhythm, f"{row.at:%H:%M}") == (
        mapping,
        wanted["kinds"],
        "daily",
        "07:30",
    )
    assert row.query == "kind=field"
    changed = {
        f"s{row.pk}-{name}": value for name, value in {**wanted, "rhythm": "now", "values": "on"}.items()
    }
    post(client, "subscription", row.pk, **changed)
    row.refresh_from_db()
    assert (row.rhythm, row.values, row.query) == ("now", True, "")
    post(client, "unsubscribe", row.pk)

    assert not Subscription.objects.exists()


def test_a_subscription_to_nothing_is_refused(client, anna):
    channel = a_channel(anna, SECRET)

    assert post(client, "subscribe", channel=channel.pk, rhythm="now").status_code == 422


def test_quiet_hours_are_in_the_persons_zone(client, anna):
    client.cookies["syncadmin_zone"] = "Asia/Tokyo"
    assert 'value="Asia/Tokyo"' in show(client)

    post(client, "notification-hours", zone="Europe/Berlin", quiet_from="22:00", quiet_until="07:00")

    profile = Profile.objects.get()
    assert (profile.person, profile.zone, profile.quiet_from.hour) == (anna, "Europe/Berlin", 22)


@pytest.mark.parametrize(
    "hours",
    [
        {"zone": "Mars/Olympus"},
        {"zone": "UTC", "quiet_from": "22:00"},
        {"zone": "UTC", "quiet_from": "25:00", "quiet_until": "07:00"},
    ],
)
def test_hours_that_make_no_sense_are_refused(client, anna, hours):
    assert post(client, "notification-hours", **hours).status_code == 422
    assert not Profile.objects.exists()


def test_a_test_goes_the_way_of_all_notices_once(client, anna, receiver):
    channel = a_channel(anna, receiver.url)
    for _ in range(2):
        post(client, "channel-test", channel.pk)
    assert 'hx-trigger="load delay:1s"' in show(client)

    deliver.deliver(timezone.now)

    assert [one["title"] for one in receiver.posts] == ["SyncAdmin: a test"]
    assert 'hx-trigger="load delay:1s"' not in show(client)


def test_what_was_given_up_is_visible_with_why(client, anna):
    channel = a_channel(anna, SECRET)
    now = timezone.now()
    Notice.objects.create(
        channel=channel, kind="opened", at=now, ready_at=now, state="given up", error="error=403"
    )

    assert "given up" in show(client)
    assert "error=403" in show(client)
