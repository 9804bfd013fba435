"""The pages of a rehearsal: the plan in numbers, its records, its files, and its approval."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.contrib.auth.models import Permission, User

from syncadmin import rehearsals
from syncadmin.core.values import encode
from syncadmin.models import Mapping, MappingState, Rehearsal
from tests.builders import a_mapping, a_pass, a_plan

HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>\u202e"
PAGE = "/mappings/customers/rehearsal/"


@pytest.fixture
def mapping(db: None) -> Mapping:
    return a_mapping(rehearse="required")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {"rehearsal": [], "pass": []}
    monkeypatch.setattr("syncadmin.views.rehearsal.enqueue_rehearsal", found["rehearsal"].append)
    monkeypatch.setattr("syncadmin.views.rehearsal.enqueue_pass", found["pass"].append)
    return found


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_before_any_plan_the_page_says_what_one_is_and_makes_it(operator, mapping, asked):
    User.objects.get(username="otto").user_permissions.add(Permission.objects.get(codename="add_rehearsal"))
    assert "See everything before anything happens" in text(operator.get(PAGE))
    operator.post(f"{PAGE}start/")
    operator.post(f"{PAGE}start/")
    made = Rehearsal.objects.get()
    assert asked["rehearsal"] == [made.pk, made.pk]
    assert "waits for a worker" in text(operator.get(PAGE))
    operator.post(f"{PAGE}cancel/")
    assert "Somebody stopped it" in text(operator.get(PAGE))


def test_a_plan_is_shown_in_numbers_columns_and_examples(viewer, mapping):
    a_plan(mapping)
    shown = text(viewer.get(PAGE))
    told = ["12 records of CRM and 12 of Web shop", "Written to Web shop", "1 written to Web shop"]
    told += ["1 for a person", "030 1", "waits for an approval", "takes the right to approve"]
    for words in told:
        assert words in shown
    assert "Approve exactly" not in shown


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", 1), ("show=differs", 1), ("show=left", 0), ("show=change&side=right", 1),
        ("show=change&side=left", 0), ("show=held", 1), ("field=phone", 1), ("field=tags", 0),
    ],
)  # fmt: skip
def test_the_records_of_a_plan_are_found_by_what_is_asked(viewer, mapping, query, found):
    plan = a_plan(mapping)
    shown = text(viewer.get(f"{PAGE}{plan.pk}/records/?{query}"))
    assert shown.count("sa-plan-record-head") == found
    assert ("030 1" in shown) == bool(found)


@pytest.mark.parametrize("query", ["show=nonsense", "show=diff-new"])
def test_records_that_there_can_not_be_are_not_found(viewer, mapping, query):
    assert viewer.get(f"{PAGE}{a_plan(mapping).pk}/records/?{query}").status_code == 404


def test_records_come_in_pages(viewer, mapping, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("syncadmin.views.rehearsal.SIZE", 1)
    plan = a_plan(mapping)
    line = plan.lines.get()
    line.pk, line.place, line.label = None, "l:L2", "Bob"
    line.save()
    first = viewer.get(f"{PAGE}{plan.pk}/records/?show=differs")
    after = plan.lines.order_by("pk").first().pk
    assert f"?after={after}&amp;show=differs" in text(first)
    with django_assert_max_num_queries(12):
        second = text(viewer.get(f"{PAGE}{plan.pk}/records/?show=differs&after={after}"))
    assert "Bob" in second
    assert "Further" not in second


def test_values_of_other_systems_are_only_text_on_pages_and_in_files(viewer, mapping):
    plan = a_plan(mapping)
    line = plan.lines.get()
    asks = {"kind": "field", "reason": HOSTILE, "fields": ["name"], "others": []}
    held = {"phone": HOSTILE}
    body = {"left": held, "right": held, "writes": [["right", "update", held]], "asks": asks, "waits": []}
    line.label, line.body = HOSTILE, encode(body)
    line.save()
    plan.result["columns"]["phone"]["examples"] = [[HOSTILE, HOSTILE, HOSTILE]]
    plan.save()
    for path in (PAGE, f"{PAGE}{plan.pk}/records/"):
        shown = viewer.get(path).content.decode()
        assert "<script>alert" not in shown
        assert "\u202e" not in shown
    told = _file(viewer, plan, "csv").lstrip("\ufeff")
    row = next(csv.DictReader(io.StringIO(told)))
    assert all(not value.startswith("=") for value in row.values())
    (exact,) = [json.loads(line) for line in _file(viewer, plan, "jsonl").splitlines()]
    assert exact["left"]["phone"] == HOSTILE


def _file(browser, plan, form) -> str:
    answer = browser.get(f"{PAGE}{plan.pk}/plan.{form}")
    assert "attachment" in answer["Content-Disposition"]
    return b"".join(answer.streaming_content).decode()


def test_a_file_of_another_kind_is_not_found(viewer, mapping):
    assert viewer.get(f"{PAGE}{a_plan(mapping).pk}/plan.xls").status_code == 404


def test_an_approval_lets_the_mapping_go_on_and_can_be_taken_back(operator, mapping, asked):
    plan = a_plan(mapping)
    MappingState.objects.filter(mapping=mapping).update(stopped="rehearsal", message="waits")
    operator.post(f"{PAGE}{plan.pk}/approve/", {"allowed": "3"})
    plan.refresh_from_db()
    assert (plan.approved_by.username, plan.allowed) == ("otto", 3)
    assert MappingState.objects.get(mapping=mapping).stopped == ""
    assert asked["pass"] == [mapping.pk]
    assert "Up to 3 records may differ" in text(operator.get(PAGE))
    operator.post(f"{PAGE}{plan.pk}/withdraw/")
    plan.refresh_from_db()
    assert plan.closed_how == "withdrawn"


@pytest.mark.parametrize("allowed", ["x", "-1", "99999999999"])
def test_what_is_no_number_of_records_is_not_approved(operator, mapping, asked, allowed):
    plan = a_plan(mapping)
    answer = operator.post(f"{PAGE}{plan.pk}/approve/", {"allowed": allowed})
    assert answer.status_code == 409
    assert "This is not a number of records." in text(answer)
    plan.refresh_from_db()
    assert plan.approved_at is None
    assert asked["pass"] == []


def test_a_plan_of_an_older_configuration_or_with_a_newer_one_is_not_approved(operator, mapping, asked):
    plan = a_plan(mapping)
    mapping.create = "none"
    mapping.save()
    assert "rehearse it again" in text(operator.post(f"{PAGE}{plan.pk}/approve/"))
    assert "the mapping was changed since" in text(operator.get(PAGE))
    a_plan(mapping)
    assert "There is a newer plan" in text(operator.post(f"{PAGE}{plan.pk}/approve/"))


def test_the_difference_to_the_approved_plan_is_shown(viewer, mapping):
    before = a_plan(mapping, closed_how="moved")
    plan = a_plan(mapping, moved_from=before, difference={"new": 2, "changed": 1, "gone": 0})
    changed = plan.lines.get()
    changed.digest = b"2"
    changed.save()
    shown = text(viewer.get(PAGE))
    assert "<b>2</b> new writes" in shown
    assert "<b>1</b> changed write" in shown
    assert "Ada" in text(viewer.get(f"{PAGE}{plan.pk}/records/?show=diff-changed"))
    assert "No record is like this" in text(viewer.get(f"{PAGE}{plan.pk}/records/?show=diff-new"))


def test_the_dashboard_and_the_way_lead_to_the_plan(operator, mapping):
    plan = a_plan(mapping)
    MappingState.objects.filter(mapping=mapping).update(stopped="rehearsal")
    shown = text(operator.get("/"))
    assert "waits for the approval of its plan" in shown
    assert f'href="{PAGE}"' in shown
    assert "waits for an approval" in text(operator.get("/mappings/customers/setup/"))
    rehearsals.approve(plan.pk, User.objects.get(username="otto"))
    assert "Somebody has approved the plan" in text(operator.get("/mappings/customers/setup/"))
    a_pass(mapping, kind="backfill")
    assert "the first pass is done" in text(operator.get(PAGE))
