"""The simulator's switch in the page: seen by staff, turned by those who may change mappings."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from syncadmin.demo.switch import Switch

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.demo.urls")]


@pytest.fixture
def switch(settings, tmp_path) -> Switch:
    settings.VAR_DIR = tmp_path
    return Switch(tmp_path)


def signed_in(role: str) -> Client:
    user = User.objects.create_user(role, is_staff=True, is_superuser=role == "admin")
    user.groups.add(*Group.objects.filter(name=role))
    client = Client()
    client.force_login(user)
    return client


def test_the_page_shows_what_staff_did_last(switch: Switch):
    switch.report(7, "Shop: 3 pieces of OA-LAM-00501 sold")
    page = signed_in("admin").get("/demo/switch").content.decode()
    assert "7 edits" in page
    assert "OA-LAM-00501" in page
    assert "Let staff pause" in page


def test_staff_pause_and_go_on(switch: Switch):
    client = signed_in("admin")
    page = client.post("/demo/switch", {"on": "0"}, headers={"HX-Request": "true"}).content.decode()
    assert not switch.on
    assert "Let staff work" in page
    client.post("/demo/switch", {"on": "1"})
    assert switch.on


def test_an_auditor_sees_the_switch_and_can_not_turn_it(switch: Switch):
    client = signed_in("Auditor")
    page = client.get("/demo/switch")
    assert page.status_code == 200
    assert "<button" not in page.content.decode()
    assert client.post("/demo/switch", {"on": "0"}).status_code == 403
    assert switch.on


def test_the_dashboard_has_the_switch_in_demo_mode_only():
    assert "demo-switch" not in signed_in("admin").get("/").content.decode()


def test_what_staff_did_outlives_a_restart(tmp_path):
    Switch(tmp_path).report(3, "ERP: a note")
    Switch(tmp_path).turn(False)
    again = Switch(tmp_path).read()
    assert (again.on, again.edits, again.last) == (False, 3, "ERP: a note")
