"""Every page of the configuration, for every group: who may look, who may change, who may neither."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from syncadmin.models import Mapping, System
from syncadmin.permissions import ACTIONS, make_groups

from .conftest import As, posted

LOOKING = [
    "/admin/syncadmin/system/",
    "/admin/syncadmin/system/{crm}/change/",
    "/admin/syncadmin/system/{crm}/history/",
    "/admin/syncadmin/mapping/",
    "/admin/syncadmin/mapping/{customers}/change/",
    "/admin/syncadmin/mapping/{customers}/history/",
    "/admin/syncadmin/mapping/export/",
]
CHANGING = [
    "/admin/syncadmin/system/add/",
    "/admin/syncadmin/system/{crm}/test/",
    "/admin/syncadmin/system/{crm}/delete/",
    "/admin/syncadmin/mapping/add/",
    "/admin/syncadmin/mapping/{customers}/check/",
    "/admin/syncadmin/mapping/{customers}/delete/",
]
PEOPLE = ["/admin/auth/user/", "/admin/auth/group/"]
GROUPS = [*ACTIONS, "nobody"]


@pytest.fixture
def address(crm: System, customers: Mapping) -> dict[str, int]:
    return {"crm": crm.pk, "customers": customers.pk}


@pytest.mark.parametrize("group", GROUPS)
def test_who_may_open_which_page(signed_in: As, address: dict[str, int], group: str) -> None:
    browser = signed_in(group)
    allowed = {
        **dict.fromkeys(LOOKING, group != "nobody"),
        **dict.fromkeys(CHANGING, group == "Integrator"),
        **dict.fromkeys(PEOPLE, group == "Auditor"),
    }
    found = {path: browser.get(path.format(**address)).status_code for path in allowed}
    assert found == {path: 200 if may else 403 for path, may in allowed.items()}


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "Integrator"])
def test_nobody_else_can_change_a_thing(signed_in: As, address: dict[str, int], group: str) -> None:
    editor = signed_in("root").get(f"/admin/syncadmin/mapping/{address['customers']}/change/")
    data = {**posted(editor.context), "schedule": "1h"}
    browser = signed_in(group)
    assert browser.post(f"/admin/syncadmin/mapping/{address['customers']}/change/", data).status_code == 403
    system = {"name": "evil", "connector": "sql", "config": "url: sqlite:////x.db"}
    assert browser.post("/admin/syncadmin/system/add/", system).status_code == 403
    assert (
        browser.post(f"/admin/syncadmin/system/{address['crm']}/delete/", {"post": "yes"}).status_code == 403
    )
    assert Mapping.objects.get(name="customers").schedule == 30
    assert System.objects.count() == 2


def test_a_person_who_is_not_staff_is_sent_to_sign_in(client: object, crm: System) -> None:
    answer = client.get(f"/admin/syncadmin/system/{crm.pk}/change/")  # type: ignore[attr-defined]
    assert answer.status_code == 302
    assert answer.url.startswith("/admin/login/")


@pytest.mark.parametrize(
    ("group", "may", "may_not"),
    [
        ("Integrator", "syncadmin.change_mapping", "conflicts.resolve_conflict"),
        ("Reviewer", "conflicts.resolve_conflict", "syncadmin.change_mapping"),
        ("Operator", "syncadmin.approve_guardstop", "conflicts.resolve_conflict"),
        ("Operator", "syncadmin.run_pass", "syncadmin.change_system"),
        ("Auditor", "syncadmin.view_entry", "syncadmin.run_pass"),
    ],
)
def test_what_the_groups_are_for(groups: None, group: str, may: str, may_not: str) -> None:
    found = {
        f"{p.content_type.app_label}.{p.codename}"
        for p in Group.objects.get(name=group).permissions.select_related("content_type")
    }
    assert may in found
    assert may_not not in found


def test_an_auditor_has_nothing_but_looking(groups: None) -> None:
    codes = Group.objects.get(name="Auditor").permissions.values_list("codename", flat=True)
    assert {code.split("_")[0] for code in codes} == {"view"}


def test_making_the_groups_again_gives_back_what_they_lack_and_takes_nothing(groups: None) -> None:
    from django.contrib.auth.models import Permission

    reviewer = Group.objects.get(name="Reviewer")
    wanted = set(reviewer.permissions.all())
    reviewer.permissions.clear()
    make_groups(Group, Permission)
    assert set(reviewer.permissions.all()) == wanted


WORK = {"Dashboard", "Inbox", "Team", "Rules", "Only on one side", "Passes", "History", "Notifications"}
LINKS = WORK | {"Mappings", "Systems"}


@pytest.mark.parametrize(
    ("group", "links"),
    [
        ("Integrator", LINKS | {"Surveys"}),
        (
            "Auditor",
            LINKS | {"Users", "Groups"},
        ),
        ("nobody", set()),
    ],
)
def test_the_sidebar_has_what_a_person_may_open(
    signed_in: As, configured: None, group: str, links: set[str]
) -> None:
    page = signed_in(group).get("/admin/")
    shown = {item["title"] for part in page.context["sidebar_navigation"] for item in part["items"]}
    assert shown == links


@pytest.mark.parametrize("path", ["/admin/syncadmin/system/", "/admin/syncadmin/mapping/"])
def test_lists_ask_the_database_no_more_for_more_rows(signed_in: As, configured: None, path: str) -> None:
    browser = signed_in("root")
    browser.get(path)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(path).status_code == 200
        return len(found)

    before = queries()
    customers = Mapping.objects.get(name="customers")
    for number in range(20):
        System.objects.create(name=f"s{number}", connector="sql", config={"url": "${X}"})
        Mapping.objects.create(name=f"m{number}", left=customers.left, right=customers.right, match=["email"])
    assert queries() == before
    assert before <= 16
