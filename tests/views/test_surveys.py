"""The pages of surveys: what is asked for, what is shown, what is made of it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from syncadmin.models import Mapping, Resource, Survey, SurveyState, System
from tests.builders import a_user
from tests.survey.built import a_survey

HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture
def ends(db: None) -> tuple[Resource, Resource]:
    crm = System.objects.create(name="crm", connector="sql", config={"url": "sqlite:////nowhere.db"})
    erp = System.objects.create(name="erp", connector="sql", config={"url": "sqlite:////nowhere.db"})
    return (
        Resource.objects.create(system=crm, name="contacts", config={"table": "contacts"}),
        Resource.objects.create(system=erp, name="kunden", config={"table": "kunden"}),
    )


@pytest.fixture
def integrator(db: None, client: Client) -> Client:
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    client.force_login(user)
    return client


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    numbers: list[int] = []
    monkeypatch.setattr("syncadmin.views.surveys.enqueue_survey", numbers.append)
    return numbers


def test_a_survey_is_asked_for(integrator: Client, ends: tuple[Resource, ...], asked: list[int]) -> None:
    form = {"left": ends[0].pk, "right": ends[1].pk, "sample": 0, "budget": 100}
    answer = integrator.post("/surveys/", form)
    survey = Survey.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/surveys/{survey.pk}/")
    assert (survey.sample, survey.budget, survey.actor, asked) == (0, 100, "ines", [survey.pk])


@pytest.mark.parametrize("wrong", [{"right": "1"}, {"sample": "-1"}, {"budget": "x"}, {"left": "999"}])
def test_what_can_not_be_asked_for_is_said(
    integrator: Client, ends: tuple[Resource, ...], asked: list[int], wrong: dict[str, str]
) -> None:
    form = {"left": ends[0].pk, "right": ends[1].pk, "sample": 0, "budget": 100, **wrong}
    if wrong.get("right"):
        form["right"] = ends[0].pk
    answer = integrator.post("/surveys/", form)
    assert answer.status_code == 422
    assert b'role="alert"' in answer.content
    assert not Survey.objects.exists()


def test_without_two_resources_the_page_says_where_to_begin(integrator: Client) -> None:
    assert "Connect the systems first" in integrator.get("/surveys/").content.decode()


def test_values_of_other_systems_are_only_text(integrator: Client, ends: tuple[Resource, ...]) -> None:
    survey = a_survey(*ends)
    text = survey.result
    for side in ("left", "right"):
        for field in text[side]["fields"]:
            field |= {"name": HOSTILE + field["name"], "native": HOSTILE, "examples": [HOSTILE * 50]}
    for pair in text["pairs"]:
        pair |= {"left": HOSTILE + pair["left"], "examples": [HOSTILE], "others": [[HOSTILE, 0.5]]}
    for key in text["keys"]:
        key["matched"] = [{"value": HOSTILE, "left": 1, "right": 1, "left_key": HOSTILE, "right_key": "1"}]
        key["lookalikes"] = [
            {"left": HOSTILE, "right": HOSTILE, "score": 90, "left_key": "", "right_key": HOSTILE}
        ]
    survey.message = HOSTILE
    survey.save()
    page = integrator.get(f"/surveys/{survey.pk}/").content.decode()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_a_survey_is_shown_with_few_queries(
    integrator: Client, ends: tuple[Resource, ...], django_assert_max_num_queries
) -> None:
    survey = a_survey(*ends)
    integrator.get("/surveys/")
    with django_assert_max_num_queries(8):
        integrator.get(f"/surveys/{survey.pk}/")
    for _ in range(5):
        a_survey(*ends)
    with django_assert_max_num_queries(10):
        integrator.get("/surveys/")


def test_the_mapping_is_shown_as_a_file_with_what_was_ticked(
    integrator: Client, ends: tuple[Resource, ...]
) -> None:
    survey = a_survey(*ends)
    asked = {"name": "kunden", "key": "0", "field": ["city", "status"]}
    answer = integrator.get(f"/surveys/{survey.pk}/file/", asked)
    assert answer["Content-Disposition"] == 'attachment; filename="kunden.yaml"'
    text = answer.content.decode()
    assert "city: {left: city, right: Ort, type: text" in text
    assert "credit_limit" not in text
    part = integrator.get(f"/surveys/{survey.pk}/file/", asked, HTTP_HX_REQUEST="true").content.decode()
    assert "<html" not in part
    assert "enabled: false" in part


def test_a_mapping_is_made_once_and_what_hinders_it_is_said(
    integrator: Client, ends: tuple[Resource, ...]
) -> None:
    survey = a_survey(*ends)
    asked = {"name": "kunden", "key": "0", "field": ["city"]}
    answer = integrator.post(f"/surveys/{survey.pk}/mapping/", asked)
    mapping = Mapping.objects.get(name="kunden")
    assert answer["Location"] == "/mappings/kunden/setup/"
    assert mapping.history.first().history_user.username == "ines"
    answer = integrator.post(f"/surveys/{survey.pk}/mapping/", asked)
    assert answer.status_code == 422
    assert "there is a mapping of this name already" in answer.content.decode()
    answer = integrator.post(f"/surveys/{survey.pk}/mapping/", {**asked, "name": "no good/name"})
    assert answer.status_code == 422
    assert Mapping.objects.count() == 1


@pytest.mark.parametrize("state", [SurveyState.WAITING, SurveyState.RUNNING])
def test_a_survey_at_work_is_asked_again_and_can_be_stopped_and_carried_on(
    integrator: Client, ends: tuple[Resource, ...], asked: list[int], state: SurveyState
) -> None:
    survey = a_survey(*ends, state=state, result=None, side="left", read=5, total=10)
    page = integrator.get(f"/surveys/{survey.pk}/", HTTP_HX_REQUEST="true").content.decode()
    assert 'hx-trigger="every 1s"' in page
    integrator.post(f"/surveys/{survey.pk}/cancel/")
    assert Survey.objects.get().state == SurveyState.CANCELLED
    page = integrator.post(f"/surveys/{survey.pk}/resume/", HTTP_HX_REQUEST="true").content.decode()
    assert (Survey.objects.get().state, asked) == (SurveyState.WAITING, [survey.pk])
    assert "waits for a worker" in page


def test_without_a_result_there_is_no_file(integrator: Client, ends: tuple[Resource, ...]) -> None:
    survey = a_survey(*ends, state=SurveyState.RUNNING, result=None)
    assert integrator.get(f"/surveys/{survey.pk}/file/").status_code == 404
    assert integrator.post(f"/surveys/{survey.pk}/mapping/", {"name": "x"}).status_code == 404
    done = a_survey(*ends)
    assert integrator.get(f"/surveys/{done.pk}/file/?key=99").status_code == 404


def test_without_a_match_key_it_is_said_what_to_do_and_nothing_can_be_made(
    integrator: Client, ends: tuple[Resource, ...]
) -> None:
    survey = a_survey(*ends)
    survey.result["keys"] = []
    survey.save()
    page = integrator.get(f"/surveys/{survey.pk}/").content.decode()
    assert "Give one of the systems a field for the other one's number" in page
    assert "Make the mapping" not in page
    assert integrator.post(f"/surveys/{survey.pk}/mapping/", {"key": "0"}).status_code == 404
