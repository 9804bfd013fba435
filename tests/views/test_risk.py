"""The page on how much could be lost: what it says, who may sign, and what a signature does."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from connectors.base import Retry
from syncadmin.models import (
    Entry,
    FieldMapping,
    Mapping,
    MappingState,
    Mark,
    Meter,
    MeterDay,
    RiskAcceptance,
    Survey,
)
from syncadmin.survey.report import Report
from tests.builders import a_mapping, a_user
from tests.survey.test_traffic import side as a_side

pytestmark = pytest.mark.django_db
URL = "/mappings/customers/risk/"
FORM = {"most": "0.5", "role": "Head of sales", "note": "Fine by us."}


def watched(mapping, days=20, *, meetings=3, right="checked"):
    """As if the meter had watched for so many days."""
    now = timezone.now()
    MappingState.objects.filter(mapping=mapping).update(guarantees={"left": "atomic", "right": right})
    Meter.objects.create(mapping=mapping, since=now - timedelta(days=days))
    for n in range(days):
        day = (now - timedelta(days=n)).date()
        shared = {"mapping": mapping, "day": day}
        MeterDay.objects.create(**shared, side="left", edits=12, meetings=meetings)
        MeterDay.objects.create(**shared, side="right", edits=5, writes=12, microseconds=12 * 18_000)
    return mapping


def text_of(response):
    return " ".join(response.content.decode().split())


@pytest.fixture
def integrator(client):
    user = a_user(name="ines")
    user.groups.add(Group.objects.get(name="Integrator"))
    client.force_login(user)
    return client


def form(**more):
    return {**FORM, "until": (timezone.localdate() + timedelta(days=90)).isoformat(), **more}


def test_the_figures_are_told_in_words(viewer):
    watched(a_mapping())
    page = text_of(viewer.get(URL))
    for words in ("not accepted", "18 ms", "within 1 h", "60 times", "12 a day", "about one in", "Web shop"):
        assert words in page
    assert "Accepting it takes the right to accept risks." in page


@pytest.mark.parametrize(
    ("options", "guarantees", "said"),
    [
        ({"owner": "left"}, {"left": "checked", "right": "checked"}, "no field is shared"),
        ({}, {"left": "atomic", "right": "atomic"}, "both systems refuse a write"),
        ({}, {}, "Not known yet"),
    ],
)
def test_where_none_is_needed_it_says_why(viewer, options, guarantees, said):
    mapping = a_mapping(**options)
    MappingState.objects.filter(mapping=mapping).update(guarantees=guarantees)
    page = text_of(viewer.get(URL))
    assert said in page
    assert "Accept the risk" not in page


def test_a_signature_is_kept_journaled_and_lets_go_on_what_waited(
    integrator, django_capture_on_commit_callbacks
):
    mapping = watched(a_mapping(risk="stop"))
    later = timezone.now() + timedelta(hours=1)
    Mark.objects.create(mapping=mapping, side="left", key="1", not_before=later)
    assert "wait until somebody accepts" in text_of(integrator.get(URL))

    with django_capture_on_commit_callbacks() as asked:
        response = integrator.post(f"{URL}accept/", form())

    assert response.status_code == 302
    signed = RiskAcceptance.objects.get()
    assert (signed.name, signed.role, signed.most, signed.note) == (
        "ines",
        "Head of sales",
        0.5,
        "Fine by us.",
    )
    assert signed.figures["meetings"] == 60
    assert signed.promises == {"right": "checked"}
    assert Entry.objects.get(kind="decision").rule.startswith("accepted up to 0.5 lost edits a year until")
    assert Mark.objects.get().not_before <= timezone.now()
    assert len(asked) == 1
    page = text_of(integrator.get(URL))
    assert "Head of sales" in page
    assert "wait until somebody" not in page


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"most": ""}, "required"),
        ({"most": "0"}, "more than zero"),
        ({"most": "nan"}, "Enter a number"),
        ({"most": "0.0000001"}, "expected already"),
        ({"role": ""}, "required"),
        ({"until": "2020-01-01"}, "in the future"),
        ({"until": "2099-01-01"}, "a year at most"),
    ],
)
def test_what_cannot_be_signed_is_said(integrator, given, said):
    watched(a_mapping())
    response = integrator.post(f"{URL}accept/", form(**given))
    assert response.status_code == 400
    assert said in text_of(response)
    assert not RiskAcceptance.objects.exists()


def test_nothing_can_be_signed_where_nothing_can_be_lost(integrator):
    watched(a_mapping(), right="atomic")
    assert integrator.post(f"{URL}accept/", form()).status_code == 400
    assert not RiskAcceptance.objects.exists()


def test_a_signature_can_be_withdrawn_and_stays_on_record(integrator):
    watched(a_mapping())
    integrator.post(f"{URL}accept/", form())
    integrator.post(f"{URL}withdraw/")
    page = text_of(integrator.get(URL))
    assert "Lapsed: withdrawn by ines" in page
    integrator.post(f"{URL}accept/", form(most="0.7"))
    assert "Accepted before" in text_of(integrator.get(URL))


def test_before_anybody_watched_it_is_estimated_from_what_is_believed(integrator):
    mapping = a_mapping()
    MappingState.objects.filter(mapping=mapping).update(guarantees={"left": "atomic", "right": "checked"})
    assert "Nobody can say yet" in text_of(integrator.get(URL))
    believed = "left=200&right=50&records=10000"
    page = text_of(integrator.get(f"{URL}?{believed}"))
    assert "From what you believe of the traffic" in page
    integrator.post(f"{URL}accept/?{believed}", form(most="10"))
    assert RiskAcceptance.objects.get().figures["basis"] == "assumed"


def test_the_dashboard_says_whose_risk_is_open(viewer):
    watched(a_mapping())
    page = text_of(viewer.get("/"))
    assert reverse("syncadmin:risk", args=["customers"]) in page
    assert "risk not accepted" in page
    Mapping.objects.update(owner="left")
    assert "risk not accepted" not in text_of(viewer.get("/"))


def test_values_of_others_do_no_harm(integrator):
    mapping = watched(a_mapping())
    FieldMapping.objects.filter(mapping=mapping, name="phone").update(name="p<b>x")
    integrator.post(f"{URL}accept/", form(role="<script>alert(1)</script>"))
    page = integrator.get(URL).content.decode()
    assert "<script>alert(1)" not in page
    assert "p<b>x" not in page


def test_before_the_first_pass_the_systems_can_be_asked(integrator, monkeypatch):
    mapping = a_mapping()
    assert "Ask both systems now" in text_of(integrator.get(URL))

    def answer(row):
        MappingState.objects.filter(mapping=row).update(guarantees={"left": "atomic", "right": "checked"})

    monkeypatch.setattr("syncadmin.views.risk.ask", answer)
    page = text_of(integrator.post(f"{URL}ask/", follow=True))
    assert "not accepted" in page
    assert "Ask both systems now" not in page

    def away(row):
        raise Retry("cannot be reached", system="shop")

    MappingState.objects.filter(mapping=mapping).update(guarantees={})
    monkeypatch.setattr("syncadmin.views.risk.ask", away)
    assert "shop: cannot be reached" in text_of(integrator.post(f"{URL}ask/", follow=True))


def test_a_survey_tells_of_the_traffic_before_anybody_watched(viewer):
    mapping = a_mapping()
    MappingState.objects.filter(mapping=mapping).update(guarantees={"left": "atomic", "right": "checked"})
    found = Report(a_side({"day": 50}), a_side({"day": 40}), [], [], 0, [], [], [], [])
    now = timezone.now()
    Survey.objects.create(
        left=mapping.left, right=mapping.right, sample=0, budget=100, actor="ines", state="done",
        created_at=now, beat_at=now, finished_at=now, result=found.as_dict(),
    )  # fmt: skip
    assert "From a survey of both systems" in text_of(viewer.get(URL))
