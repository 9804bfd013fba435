"""Messages arrive, at a real mail server and a real web server: once, together, again after a failure."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from conflicts.services import together
from syncadmin.models import Channel, EventKind, Notice, Profile, events
from syncadmin.notify import deliver
from syncadmin.notify.expand import expand
from syncadmin.notify.when import ATTEMPTS
from tests.builders import a_conflict, a_guard_stop, a_mapping, a_user
from tests.notify.conftest import a_channel

pytestmark = pytest.mark.django_db

ALL = ("conflicts.view_conflict", "conflicts.resolve_conflict", "syncadmin.view_mapping")


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def __call__(self):
        return self.now

    def later(self, **span):
        self.now += timedelta(**span)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(autouse=True)
def base_url(settings):
    settings.BASE_URL = "https://sync.example.com"


def told(clock, *conflicts, kind=EventKind.OPENED, **more):
    ids = [conflict.pk for conflict in conflicts]
    events.tell(kind, clock(), mapping_id=conflicts[0].mapping_id, conflicts=ids, **more)
    expand(clock())


def test_a_mail_arrives_with_a_link_to_the_card(mailbox, clock):
    conflict = a_conflict(a_mapping(label="Customers"))
    a_channel(a_user(*ALL), "anna@example.com")
    told(clock, conflict)

    assert deliver.deliver(clock) == 1

    (mail,) = mailbox.mails
    assert mailbox.to == ["anna@example.com"]
    assert mail["Subject"] == "SyncAdmin: 1 new conflict in Customers"
    text = mail.get_body(("plain",)).get_content()
    assert f"- Ada Lovelace #{conflict.pk}: phone" in text
    assert f"https://sync.example.com/conflicts/{conflict.pk}/" in text
    assert "+49" not in text
    assert Notice.objects.get().state == "sent"


def test_a_web_service_gets_one_message_for_all_that_is_ready(receiver, clock):
    mapping = a_mapping()
    a_channel(a_user(*ALL), receiver.url)
    told(clock, *(a_conflict(mapping, label=f"Nr {n}") for n in range(13)))
    told(clock, a_conflict(mapping, label="more"))
    events.tell(
        EventKind.GUARD, clock(), mapping_id=mapping.pk, subject=a_guard_stop(mapping).pk, words="90 of 200"
    )
    expand(clock())

    deliver.deliver(clock)

    (post,) = receiver.posts
    assert post["title"] == "SyncAdmin: 2 kinds of news"
    assert "a guard stopped customers\n90 of 200\nhttps://sync.example.com/guard-stops/" in post["message"]
    assert "14 new conflicts in customers" in post["message"]
    assert "and 4 more: https://sync.example.com/conflicts/?mapping=customers" in post["message"]


@pytest.mark.parametrize(
    ("actor", "said"),
    [
        ("rita", "rita proposes a rule for phone of customers"),
        ("", "the rule for phone of customers suspended itself: people overrule it"),
    ],
)
def test_a_rule_that_is_proposed_or_suspends_itself_is_told_with_a_link(receiver, clock, actor, said):
    a_channel(a_user(*ALL), receiver.url)
    mapping = a_mapping()
    events.tell(EventKind.RULE, clock(), mapping_id=mapping.pk, subject=7, actor=actor, words="phone")
    expand(clock())

    deliver.deliver(clock)

    (post,) = receiver.posts
    assert post["title"] == f"SyncAdmin: {said}"
    assert "https://sync.example.com/conflicts/rules/7/" in post["message"]


def test_values_are_only_sent_where_the_subscription_says_so(receiver, clock):
    conflict, anna = a_conflict(a_mapping()), a_user(*ALL, name="anna")
    a_channel(anna, receiver.url, "without")
    a_channel(anna, receiver.url, "with", values=True)
    told(
        clock,
        conflict,
        kind=EventKind.COMMENTED,
        people=[anna.pk],
        words="the number is secret",
        actor="bert",
    )

    deliver.deliver(clock)

    without, with_ = sorted((post["message"] for post in receiver.posts), key=len)
    assert "phone (bert)" in without
    assert "+49" not in without
    assert "secret" not in without
    assert "phone: +49 30 1234 ≠ +49 30 9999" in with_
    assert "the number is secret" in with_


def test_hostile_labels_call_nobody_and_break_nothing(receiver, clock):
    label = "@everyone <!channel> [x](http://evil.example)\n\u202e\u0000`rm`*b*".replace("\0", "")
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping(label="<b>@here</b>"), label=label))

    deliver.deliver(clock)

    text = receiver.posts[0]["title"] + receiver.posts[0]["message"]
    for bad in ("@everyone", "@here", "<!channel>", "[x](", "http://evil", "\u202e", "`"):
        assert bad not in text


def test_a_message_is_written_in_the_readers_language(receiver, clock):
    anna = a_user(*ALL)
    Profile.objects.create(person=anna, language="xx")
    a_channel(anna, receiver.url)
    told(clock, a_conflict(a_mapping()))

    assert deliver.deliver(clock) == 1


def test_what_is_refused_is_tried_again_later_and_sent_once(receiver, clock):
    channel = a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))
    receiver.status = 500
    assert deliver.deliver(clock) == 0
    first = Notice.objects.get()
    channel.refresh_from_db()
    assert (first.state, first.attempts) == ("waiting", 1)
    assert "500" in channel.error
    assert deliver.deliver(clock) == 0

    receiver.status = 200
    clock.later(minutes=1)
    assert deliver.deliver(clock) == 1
    clock.later(minutes=1)
    assert deliver.deliver(clock) == 0

    assert len(receiver.posts) == 1
    assert str(first.message)[:8] in receiver.posts[0]["message"]
    assert Channel.objects.get().error == ""


def test_what_fails_for_long_is_given_up_visibly_without_secrets(receiver, clock):
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))
    receiver.status = 403
    for _ in range(ATTEMPTS):
        deliver.deliver(clock)
        clock.later(hours=3)

    notice = Notice.objects.get()
    assert notice.state == "given up"
    for secret in ("tok3nSecret", "s3cretPath", "hooker"):
        assert secret not in notice.error + Channel.objects.get().error


def test_a_mail_server_that_refuses_is_tried_again(mailbox, clock):
    a_channel(a_user(*ALL), "anna@example.com")
    told(clock, a_conflict(a_mapping()))
    mailbox.refusing = "451 later"
    assert deliver.deliver(clock) == 0

    mailbox.refusing = ""
    clock.later(minutes=2)
    assert deliver.deliver(clock) == 1
    assert len(mailbox.mails) == 1


def test_a_process_that_dies_after_sending_sends_the_same_message_again(receiver, clock, monkeypatch):
    mapping = a_mapping()
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(mapping))

    class Killed(BaseException):
        pass

    real = deliver.post

    def sent_then_killed(*arguments):
        real(*arguments)
        raise Killed

    monkeypatch.setattr(deliver, "post", sent_then_killed)
    with pytest.raises(Killed):
        deliver.deliver(clock)
    monkeypatch.setattr(deliver, "post", real)
    assert deliver.deliver(clock) == 0
    told(clock, a_conflict(mapping))
    clock.later(minutes=5)
    deliver.deliver(clock)
    clock.later(minutes=1)
    deliver.deliver(clock)

    first, again, new = (post["message"].rpartition("Notice ")[2][:8] for post in receiver.posts)
    assert first == again != new
    assert set(Notice.objects.values_list("state", flat=True)) == {"sent"}


def test_two_senders_send_a_message_once(receiver, clock):
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))

    taken = deliver.take(clock())

    assert taken is not None
    assert deliver.take(clock()) is None


def test_messages_to_one_channel_keep_a_distance(receiver, clock):
    mapping = a_mapping()
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(mapping))
    deliver.deliver(clock)
    for _ in range(3):
        told(clock, a_conflict(mapping))
        deliver.deliver(clock)
    assert len(receiver.posts) == 1

    clock.later(seconds=30)
    deliver.deliver(clock)

    assert len(receiver.posts) == 2
    assert "3 new conflicts" in receiver.posts[1]["title"]


def test_a_channel_that_leads_inside_is_not_used_even_if_it_was_stored(receiver, clock, settings):
    settings.NOTIFY_PRIVATE = False
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))

    assert deliver.deliver(clock) == 0

    assert receiver.posts == []
    assert Notice.objects.get().attempts == 1


def test_a_redirect_is_not_followed(receiver, clock):
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))
    receiver.status = 302

    assert deliver.deliver(clock) == 0


def test_a_kind_of_channel_that_is_no_longer_allowed_is_not_used(receiver, clock, settings):
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))
    settings.NOTIFY_SCHEMES = ["slack"]

    assert deliver.deliver(clock) == 0

    assert "no longer allowed" in Notice.objects.get().error


def test_an_address_is_encrypted_at_rest_and_in_no_log(receiver, clock, caplog):
    a_channel(a_user(*ALL), receiver.url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT address FROM syncadmin_channel")
        assert "tok3nSecret" not in cursor.fetchone()[0]
    told(clock, a_conflict(a_mapping()))
    receiver.status = 500
    deliver.deliver(clock)

    assert "tok3nSecret" not in caplog.text


def test_old_notices_are_cleared_away(receiver, clock):
    a_channel(a_user(*ALL), receiver.url)
    told(clock, a_conflict(a_mapping()))
    deliver.deliver(clock)

    clock.later(days=31)
    deliver.deliver(clock)

    assert not Notice.objects.exists()


def test_being_assigned_is_told_from_the_page_to_the_mail(mailbox, clock):
    conflict, anna, bert = a_conflict(a_mapping()), a_user(*ALL, name="anna"), a_user(*ALL, name="bert")
    a_channel(bert, "bert@example.com")

    together.assign(conflict.pk, bert, anna, clock())
    expand(clock())
    deliver.deliver(clock)

    assert mailbox.mails[0]["Subject"] == "SyncAdmin: customers: assigned to you"


def test_a_channel_whose_key_is_gone_holds_up_nobody(receiver, clock):
    conflict, anna, bert = a_conflict(a_mapping()), a_user(*ALL, name="anna"), a_user(*ALL, name="bert")
    lost = a_channel(anna, receiver.url)
    a_channel(bert, receiver.url)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE syncadmin_channel SET address = 'unreadable' WHERE id = %s", [lost.pk])
    told(clock, conflict)

    assert deliver.deliver(clock) == 1

    assert len(receiver.posts) == 1
    assert "FIELD_ENCRYPTION_KEYS" in Notice.objects.get(channel=lost).error
