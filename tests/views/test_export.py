"""Exports: complete, streamed, exact as JSON lines, harmless in a spreadsheet."""

import csv
import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from syncadmin.exports import COLUMNS, cell
from tests.builders import a_mapping, journal

pytestmark = pytest.mark.django_db


def export(client, form: str, **query: str) -> str:
    response = client.get(reverse("syncadmin:export", args=[form]), query)
    assert "attachment" in response["Content-Disposition"]
    return b"".join(response.streaming_content).decode()


def test_json_lines_are_exact(viewer):
    values = ["1", None, 3, ["a"], {"k": "=1+1"}]
    journal(a_mapping(), *({"side": "left", "key": "=k", "field": "f", "new": value} for value in values))

    rows = [json.loads(line) for line in export(viewer, "jsonl").splitlines()]

    assert [row["new"] for row in rows] == values
    assert rows[0]["key"] == "=k"
    assert rows[0]["seq"] == 1


def test_csv_has_a_header_and_one_row_an_entry_oldest_first(viewer):
    journal(a_mapping(), {"new": "first", "actor": "anna"}, {"new": 'se"cond,\nline'})

    rows = list(csv.DictReader(export(viewer, "csv").removeprefix("\ufeff").splitlines(keepends=True)))

    assert tuple(rows[0]) == COLUMNS
    assert [row["new"] for row in rows] == ["first", 'se"cond,\nline']


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\uff1d1+1", "\n=1"]
)
def test_no_cell_is_taken_for_a_formula(text):
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+3.50", "12", "a=b", "O'Neill", ""])
def test_harmless_cells_stay_as_they_are(text):
    assert cell(text) == text


def test_an_export_is_of_what_is_filtered(viewer):
    journal(a_mapping(), {"side": "left", "key": "1"}, {"side": "right", "key": "2"})

    assert len(export(viewer, "jsonl", side="right").splitlines()) == 1


def test_an_unknown_form_is_not_found(viewer):
    assert viewer.get(reverse("syncadmin:export", args=["xls"])).status_code == 404


def test_the_journal_command_gives_one_json_document(capsys):
    journal(a_mapping(), {"new": "x"})

    call_command("journal", "--json")

    assert [entry["new"] for entry in json.loads(capsys.readouterr().out)["entries"]] == ["x"]
