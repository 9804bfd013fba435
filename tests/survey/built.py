"""A survey that is done, without systems to read: for tests of pages."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from syncadmin.models import Resource, Survey, SurveyState
from syncadmin.survey.report import report
from tests.survey.tables import contacts, profile


def a_survey(left: Resource, right: Resource, **changed: Any) -> Survey:
    """A survey of two resources that hold what `contacts` makes up; `changed` are its attributes."""
    mine, theirs = contacts(60, shared=40)
    found = report(
        profile(mine, modified="updated_at"), profile(theirs, key="kundennr", modified="geaendert_am")
    )
    now = timezone.now()
    options = {"state": SurveyState.DONE, "result": found.as_dict(), "finished_at": now, **changed}
    return Survey.objects.create(
        left=left, right=right, sample=0, budget=10, actor="ines", created_at=now, beat_at=now, **options
    )
