"""One timeline on the card: both systems and the hub, in the order in which things happened."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from conflicts import selectors
from conflicts.cards import card
from syncadmin.models import Health
from tests.builders import a_conflict, a_link, a_mapping, a_user, journal

HTMX = {"HTTP_HX_REQUEST": "true"}


def a_record_with_history():
    mapping = a_mapping()
    link = a_link(mapping, left="L1", right="R1")
    return mapping, link, a_conflict(mapping, link=link)


def changed(link, side, minutes_ago, new):
    """A change that the system dates so many minutes ago."""
    return {
        "side": side,
        "key": "L1" if side == "left" else "R1",
        "field": "phone",
        "old": "0",
        "new": new,
        "link_id": link.pk,
        "changed_at": timezone.now() - timedelta(minutes=minutes_ago),
    }


def test_times_are_put_right_by_the_systems_clocks(db):
    mapping, link, conflict = a_record_with_history()
    Health.objects.create(system=mapping.right.system, skew=600.0, skew_error=1.0)
    # the shop's clock is ten minutes ahead: its change came before that of the CRM
    journal(mapping, changed(link, "left", 8, "from the CRM"), changed(link, "right", 5, "from the shop"))

    shown = card(selectors.item(conflict.pk)).timeline.events

    assert [event.new.plain for event in shown] == ["from the CRM", "from the shop"]
    assert [event.moment.ahead for event in shown] == [0, 600]
    assert shown[1].moment.told - shown[1].moment.at == timedelta(minutes=10)


def test_a_clock_that_is_less_off_than_is_known_is_left_alone(db):
    mapping, link, conflict = a_record_with_history()
    Health.objects.create(system=mapping.right.system, skew=2.0, skew_error=3.0)
    journal(mapping, changed(link, "right", 5, "x"))

    (event,) = card(selectors.item(conflict.pk)).timeline.events

    assert event.moment.told is None


def test_a_side_s_own_time_is_put_right_too(db):
    mapping, _, conflict = a_record_with_history()
    Health.objects.create(system=mapping.left.system, skew=-120.0, skew_error=1.0)

    (field,) = card(selectors.item(conflict.pk)).fields

    assert (field.left.moment.behind, field.right.moment.told) == (120, None)


def test_decisions_writes_and_pairing_stand_on_the_timeline_in_words(db):
    mapping, link, conflict = a_record_with_history()
    place = {"link_id": link.pk}
    journal(
        mapping,
        {"kind": "link", "rule": "linked", **place},
        {
            "kind": "decision",
            "field": "phone",
            "new": "1",
            "rule": "right, conflict #3",
            "actor": "rita",
            **place,
        },
        {
            "kind": "write",
            "side": "left",
            "key": "L1",
            "field": "phone",
            "old": "0",
            "new": "1",
            "actor": "rita",
            **place,
        },
        {"kind": "disposition", "side": "left", "field": "phone", "disposition": "propagated", **place},
    )

    events = card(selectors.item(conflict.pk)).timeline.events

    assert [event.what for event in events] == [
        "written by the hub",
        "decided: the value of Web shop",
        "paired",
    ]
    assert [event.who for event in events] == ["rita", "rita", ""]
    assert [event.asked for event in events] == [True, True, False]


def test_who_may_not_see_the_history_sees_no_timeline(client, db):
    mapping, link, conflict = a_record_with_history()
    journal(mapping, changed(link, "left", 5, "secret of old"))
    client.force_login(a_user("conflicts.view_conflict"))

    page = client.get(reverse("conflicts:detail", args=[conflict.pk]), **HTMX).content.decode()

    assert "secret of old" not in page
    assert "What happened" not in page
