"""The page on notices in a real browser: add a channel, quiet hours, what became of the last notices."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from syncadmin.models import Channel, Notice, Profile
from tests.browser.conftest import NARROW, WIDE
from tests.builders import a_mapping
from tests.notify.conftest import a_channel

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light")])
def test_a_person_says_where_and_when_to_be_told(open_page, reviewer, shoot, settings, size, scheme):
    settings.NOTIFY_PRIVATE = True
    settings.BASE_URL = "https://sync.example.com"
    settings.NOTIFY_MAIL_URL = "mailtos://hub:secret@mail.example"
    now = timezone.now()
    team = a_channel(reviewer, "slack://x", "Team room", mapping=a_mapping(label="Customers"), rhythm="daily")
    Channel.objects.update(last_sent_at=now - timedelta(minutes=4))
    common = {"channel": team, "at": now, "ready_at": now}
    Notice.objects.create(**common, kind="opened", state="sent", sent_at=now)
    Notice.objects.create(**common, kind="guard", state="given up", error="Failed to send, error=403.")
    page = open_page(reviewer, size, scheme)

    page.goto("/notifications/")
    page.get_by_text("Add a channel").click()
    page.get_by_label("Name").fill("My mail")
    page.get_by_label("Address").fill("rita@example.com")
    page.get_by_role("button", name="Add", exact=True).first.click()
    expect(page.get_by_text("My mail is added. Send yourself a test.")).to_be_visible()
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Quiet from").fill("22:00")
    page.get_by_label("until", exact=True).fill("07:00")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_text("Your hours are stored.")).to_be_visible()
    page.locator(".sa-notify-form").nth(2).locator("summary").click()
    shoot(page, f"notifications-{size[0]}-{scheme}", whole=True)

    assert Channel.objects.get(name="My mail").address == "rita@example.com"
    assert Profile.objects.get().quiet_until.hour == 7
    assert "rita@example.com" not in page.content()
