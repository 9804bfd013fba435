"""Who may see and do what: every page and action against every group."""

import pytest
from django.contrib.auth.models import Group
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from conflicts.models import Decision, LearnedRule
from conflicts.services import bulk
from syncadmin.assessing import keep
from syncadmin.config import versions
from syncadmin.core.bulk import Rule
from syncadmin.models import Delivery, Probe, System
from syncadmin.permissions import ACTIONS
from tests.builders import a_conflict, a_guard_stop, a_link, a_mapping, a_pass, a_plan, a_user
from tests.survey.built import a_survey

pytestmark = pytest.mark.runs_once

SIGNED_IN = [*ACTIONS, "nobody"]
LOOKING = {"Integrator", "Reviewer", "Auditor", "Operator"}
PAGES = {
    "conflicts:list": LOOKING,
    "conflicts:detail": LOOKING,
    "conflicts:status": LOOKING,
    "conflicts:next": LOOKING,
    "conflicts:revision": LOOKING,
    "conflicts:team": LOOKING,
    "conflicts:bulk-list": LOOKING,
    "conflicts:bulk": LOOKING,
    "conflicts:bulk-items": LOOKING,
    "conflicts:bulk-export": LOOKING,
    "conflicts:bulk-new": {"Reviewer"},
    "conflicts:bulk-undo-many": {"Reviewer"},
    "conflicts:views": LOOKING,
    "conflicts:rules": LOOKING,
    "conflicts:rule": LOOKING,
    "conflicts:undo": LOOKING,
    "conflicts:undo-entry": LOOKING,
    "conflicts:undo-status": LOOKING,
    "syncadmin:dashboard": LOOKING,
    "syncadmin:risk": LOOKING,
    **{f"syncadmin:rehearsal{name}": LOOKING for name in ("", "-records", "-export")},
    "syncadmin:probe": LOOKING,
    "syncadmin:setup": LOOKING,
    **{f"syncadmin:version{name}": LOOKING for name in ("s", "", "-file")},
    "syncadmin:assessment": LOOKING,
    **{f"syncadmin:sheet{name}": LOOKING for name in ("", "-pdf")},
    **{f"syncadmin:life{name}": LOOKING for name in ("", "-files")},
    "syncadmin:passes": LOOKING,
    "syncadmin:pass": LOOKING,
    "syncadmin:guard_stop": LOOKING,
    "syncadmin:history": LOOKING,
    "syncadmin:one-sided": LOOKING,
    "syncadmin:record": LOOKING,
    "syncadmin:export": LOOKING,
    "syncadmin:notifications": LOOKING,
    **{f"syncadmin:survey{name}": {"Integrator"} for name in ("s", "", "-file", "-watch")},
    "syncadmin:watch": {"Integrator"},
    "syncadmin:hooks": LOOKING,
    **{f"syncadmin:tracking{name}": LOOKING for name in ("", "-list")},
    "syncadmin:quota": LOOKING,
    "syncadmin:hook-detail": LOOKING,
    "syncadmin:hooks-settings": {"Integrator"},
    "syncadmin:try": {"Integrator"},
    "syncadmin:connect": LOOKING,
    "syncadmin:connect-system": LOOKING,
    **{f"syncadmin:connect-{name}": {"Integrator"} for name in ("new", "settings", "describe")},
    **{f"syncadmin:connect-{name}": {"Integrator"} for name in ("resources", "survey")},
}
SIGNED_BY_ITSELF = {"syncadmin:hook"}  # whoever knows the secret of a system, and nobody else
CHANNELS = ("channel-test", "channel-remove", "subscription", "unsubscribe")
NOTICES = ("channel-add", "subscribe", "notification-hours", *CHANNELS)
TOGETHER = ("looking", "claim", "release", "assign", "snooze", "hold", "lift", "ask", "answer", "comment")
ACTS = {
    "conflicts:looking": LOOKING,  # it stores nothing but the claim that one has
    "conflicts:comment": {"Integrator", "Reviewer", "Operator"},
    **{f"conflicts:{act}": {"Reviewer"} for act in TOGETHER[1:-1]},
    "conflicts:again": LOOKING,  # it stores nothing
    "conflicts:view-save": LOOKING,  # one's own views alone
    "conflicts:view-change": LOOKING,
    "conflicts:resolve": {"Reviewer"},
    "conflicts:same": {"Reviewer"},
    "conflicts:propose": {"Reviewer"},
    "conflicts:rule-answer": {"Integrator"},
    "conflicts:bulk-confirm": {"Reviewer"},
    "conflicts:bulk-cancel": {"Reviewer"},
    "conflicts:bulk-undo": {"Reviewer"},
    "conflicts:undo-now": {"Reviewer"},
    "syncadmin:run": {"Operator"},
    "syncadmin:approve": {"Operator"},
    **{f"syncadmin:rehearsal-{act}": {"Integrator", "Operator"} for act in ("start", "cancel")},
    **{f"syncadmin:rehearsal-{act}": {"Operator"} for act in ("approve", "withdraw")},
    **{f"syncadmin:probe-{act}": {"Integrator", "Operator"} for act in ("preview", "start", "clean")},
    "syncadmin:probe-take": {"Integrator"},
    "syncadmin:switch-on": {"Integrator"},
    "syncadmin:hook-replay": {"Operator"},
    **{f"syncadmin:try-{act}": {"Integrator"} for act in ("preview", "write")},
    "syncadmin:hooks-register": {"Integrator"},
    "syncadmin:tracking-act": {"Integrator"},
    "syncadmin:version-approve": {"Operator"},
    "syncadmin:life-act": {"Integrator"},
    "syncadmin:version-compare": LOOKING,  # it changes nothing
    **{f"syncadmin:version-{act}": {"Integrator"} for act in ("withdraw", "propose")},
    **{f"syncadmin:assessment-{act}": {"Integrator"} for act in ("preview", "save", "take")},
    "syncadmin:sheet-sign": {"Integrator"},
    "syncadmin:connect-changes": {"Integrator"},
    "syncadmin:risk-accept": {"Integrator"},
    "syncadmin:risk-withdraw": {"Integrator"},
    "syncadmin:risk-ask": {"Integrator"},
    **{f"syncadmin:{name}": LOOKING for name in NOTICES},
    **{f"syncadmin:survey-{name}": {"Integrator"} for name in ("cancel", "resume", "mapping")},
}


@pytest.fixture
def addresses(db):
    mapping = a_mapping()
    conflict, link = a_conflict(mapping), a_link(mapping)
    run = bulk.start(Rule.LEFT, a_user())
    Decision.objects.create(conflict=conflict, mapping=mapping, kind="left", seq=1, at=timezone.now())
    a_rule = LearnedRule.objects.create(
        mapping=mapping, field="phone", pattern="case", take="left", proposed_at=timezone.now()
    )
    versions.current(mapping)
    survey = a_survey(mapping.left, mapping.right)
    api = System.objects.create(name="api", connector="rest", config={"base_url": "http://127.0.0.1:1"})
    delivery = Delivery.objects.create(system=api, received_at=timezone.now(), body=b"{}")
    ends = f"left={mapping.left}&right={mapping.right}"
    plan = a_plan(mapping)
    at = {name: timezone.now() for name in ("created_at", "beat_at", "finished_at")}
    probe = Probe.objects.create(mapping=mapping, actor="ines", state="done", **at)
    keep(mapping, "ines")
    arguments = {
        "conflicts:undo-entry": ["customers", 1],
        "conflicts:view-change": [1],
        **{f"conflicts:{name}": [a_rule.pk] for name in ("rule", "rule-answer")},
        "conflicts:propose": [conflict.pk, "phone"],
        "conflicts:detail": [conflict.pk],
        "conflicts:status": [conflict.pk],
        **{f"conflicts:{name}": [conflict.pk] for name in ("next", "revision", "again", "same", "resolve")},
        **{f"conflicts:{name}": [conflict.pk] for name in ("undo", "undo-now", "undo-status")},
        **{f"conflicts:bulk{name}": [run.pk] for name in ("", "-items", "-export", "-confirm")},
        **{f"conflicts:bulk{name}": [run.pk] for name in ("-cancel", "-undo")},
        **{name: [conflict.pk] for name in ACTS if name.partition(":")[2] in TOGETHER},
        **{f"syncadmin:{name}": ["customers"] for name in ("run", "setup", "switch-on", "watch")},
        **{f"syncadmin:assessment{name}": ["customers"] for name in ("", "-preview", "-save", "-take")},
        **{f"syncadmin:sheet{name}": ["customers", 1] for name in ("", "-pdf", "-sign")},
        **{f"syncadmin:rehearsal{name}": ["customers"] for name in ("", "-start", "-cancel")},
        **{
            f"syncadmin:rehearsal-{name}": ["customers", plan.pk]
            for name in ("approve", "withdraw", "records")
        },
        **{f"syncadmin:probe{name}": ["customers"] for name in ("", "-preview", "-start", "-clean")},
        "syncadmin:probe-take": ["customers", probe.pk],
        "syncadmin:rehearsal-export": ["customers", plan.pk, "csv"],
        **{f"syncadmin:risk{act}": ["customers"] for act in ("", "-ask", "-accept", "-withdraw")},
        **{
            f"syncadmin:survey{name}": [survey.pk]
            for name in ("", "-file", "-cancel", "-resume", "-mapping", "-watch")
        },
        **{f"syncadmin:{name}": ["customers"] for name in ("versions", "life", "life-files")},
        "syncadmin:life-act": ["customers", "give-up"],
        **{
            f"syncadmin:version{act}": ["customers", 1]
            for act in ("", "-file", "-approve", "-compare", "-withdraw", "-propose")
        },
        **{
            f"syncadmin:{name}": ["api"]
            for name in (
                "hooks",
                "hooks-settings",
                "hooks-register",
                "try",
                "try-preview",
                "try-write",
                "quota",
            )
        },
        **{f"syncadmin:hook-{name}": ["api", delivery.pk] for name in ("detail", "replay")},
        "syncadmin:tracking-list": ["crm"],
        "syncadmin:tracking": ["crm", mapping.left.name],
        "syncadmin:tracking-act": ["crm", mapping.left.name, "install"],
        "syncadmin:connect-new": ["sqlite"],
        **{f"syncadmin:connect-{name}": ["api"] for name in ("system", "settings", "describe")},
        "syncadmin:connect-changes": [mapping.left_id],
        "syncadmin:pass": [a_pass(mapping).pk],
        "syncadmin:guard_stop": [(stop := a_guard_stop(mapping)).pk],
        "syncadmin:approve": [stop.pk],
        "syncadmin:record": ["customers", link.pk],
        "syncadmin:export": ["csv"],
        **{f"syncadmin:{name}": [1] for name in CHANNELS},
    }
    queries = {"syncadmin:connect-resources": "left=crm&right=api", "syncadmin:connect-survey": ends}
    return {
        name: reverse(name, args=arguments.get(name)) + (f"?{queries[name]}" if name in queries else "")
        for name in (*PAGES, *ACTS)
    }


def member(group: str):
    user = a_user()
    if group in ACTIONS:
        user.groups.add(Group.objects.get(name=group))
    return user


@pytest.mark.parametrize("group", SIGNED_IN)
def test_pages_are_for_those_who_may_look(client, addresses, group):
    client.force_login(member(group))

    answers = {name: client.get(addresses[name]).status_code for name in PAGES}

    assert answers == {name: 200 if group in groups else 403 for name, groups in PAGES.items()}


@pytest.mark.parametrize("group", SIGNED_IN)
def test_actions_are_for_those_who_may_act(client, addresses, group):
    client.force_login(member(group))

    refused = {name for name in ACTS if client.post(addresses[name]).status_code == 403}

    assert refused == {name for name, groups in ACTS.items() if group not in groups}


def test_strangers_are_sent_to_sign_in(client, addresses):
    answers = {
        name: client.post(address) if name in ACTS else client.get(address)
        for name, address in addresses.items()
    }

    assert answers.keys() == PAGES.keys() | ACTS.keys()
    assert {name: answer for name, answer in answers.items() if answer.status_code != 302} == {}
    login = reverse("admin:login")
    assert {name for name, answer in answers.items() if not answer["Location"].startswith(login)} == set()


def test_a_page_that_polls_sends_a_signed_out_person_to_sign_in(client, addresses):
    response = client.get(
        addresses["syncadmin:dashboard"],
        HTTP_HX_REQUEST="true",
        HTTP_HX_CURRENT_URL="http://testserver/passes/",
    )

    assert response["HX-Redirect"] == f"{reverse('admin:login')}?next=%2Fpasses%2F"


def test_users_who_are_not_staff_see_nothing(client, addresses):
    user = a_user("syncadmin.view_mapping", staff=False)
    client.force_login(user)

    assert client.get(addresses["syncadmin:dashboard"]).status_code == 403


def test_every_own_address_is_in_the_matrix():
    names = set()
    for resolver in get_resolver().url_patterns:
        if isinstance(resolver, URLResolver) and resolver.namespace in ("conflicts", "syncadmin"):
            names |= {
                f"{resolver.namespace}:{p.name}" for p in resolver.url_patterns if isinstance(p, URLPattern)
            }

    assert names == PAGES.keys() | ACTS.keys() | SIGNED_BY_ITSELF
