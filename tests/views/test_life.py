"""Pausing, resuming and taking a mapping out of service: pages, commands, files."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from conflicts.models import Conflict
from syncadmin import leaving
from syncadmin.engine import lease
from syncadmin.models import Entry, Mapping, MappingState
from tests.builders import a_conflict, a_link, a_mapping, a_pass

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password="x")


@pytest.fixture
def browser(boss: User) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def act(browser: Client, what: str, **data: Any) -> str:
    """Press a button; the page that follows."""
    return browser.post(f"/mappings/customers/life/{what}/", data, follow=True).content.decode()


def test_a_mapping_is_paused_and_resumed(browser: Client) -> None:
    mapping = a_mapping()
    page = act(browser, "pause")
    mapping.refresh_from_db()
    assert not mapping.enabled
    assert "paused" in page
    act(browser, "resume")
    mapping.refresh_from_db()
    assert mapping.enabled
    assert [e.rule for e in Entry.objects.order_by("seq")] == ["paused", "resumed"]


def test_the_way_out_can_be_given_up_until_it_is_confirmed(browser: Client, boss: User) -> None:
    mapping = a_mapping()
    assert "compared a last time" in act(browser, "begin")
    mapping.refresh_from_db()
    assert not mapping.enabled
    assert "give that up first" in act(browser, "resume")
    act(browser, "give-up")
    mapping.refresh_from_db()
    assert mapping.enabled
    assert not mapping.retired


def test_it_is_final_once_confirmed_and_nothing_open_is_passed_over(browser: Client, boss: User) -> None:
    mapping = a_mapping()
    conflict = a_conflict(mapping, seqs={"left/phone": [1, "+49 30 1234"]})
    leaving.begin(mapping, boss)
    a_pass(mapping, kind="reconcile", started_at=mapping.leavings.get().begun_at)
    assert "something is open" in act(browser, "confirm")
    assert not mapping.retired
    act(browser, "confirm", anyway="1")
    assert mapping.retired
    conflict.refresh_from_db()
    assert (conflict.state, conflict.closed_how) == ("closed", "the mapping is out of service")
    told = Entry.objects.get(kind="disposition")
    assert (told.disposition, told.of) == ("overridden", 1)
    assert mapping.leavings.get().report["questions"] == 1
    MappingState.objects.update(expires_at=None)
    assert lease.acquire(mapping.pk, "test", lambda: told.at) is None
    for what in ("resume", "begin", "pause"):
        assert "out of service" in act(browser, what)
    mapping.refresh_from_db()
    assert not mapping.enabled
    answer = browser.get(f"/admin/syncadmin/mapping/{mapping.pk}/change/")
    assert answer.status_code == 200
    assert not answer.context["has_change_permission"]


def test_links_and_history_are_exported(browser: Client) -> None:
    mapping = a_mapping()
    a_link(mapping, "1", "2", phone="=1+1")
    answer = browser.get("/mappings/customers/life/files/")
    archive = zipfile.ZipFile(BytesIO(b"".join(answer.streaming_content)))
    (link,) = (json.loads(line) for line in archive.read("links.jsonl").splitlines())
    assert (link["left_key"], link["right_key"], link["right"]["phone"]) == ("1", "2", "=1+1")
    assert set(archive.namelist()) == {
        "mapping.yaml", "standing.json", "links.jsonl", "history.csv", "history.jsonl",
    }  # fmt: skip


def command(*arguments: str, **options: Any) -> tuple[str, int]:
    """What a command prints, and its exit code."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out, stderr=StringIO(), **options)
    except CommandError as error:
        return out.getvalue() + str(error), error.returncode
    return out.getvalue(), 0


def test_the_commands_do_the_same(boss: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from syncadmin.management.commands import decommission

    mapping = a_mapping()
    monkeypatch.setattr(
        decommission, "run_pass", lambda pk, kind, **_: a_pass(Mapping.objects.get(pk=pk), kind=kind)
    )
    assert command("pause", "customers") == ("Say who does it: --user NAME of an active user.", 2)
    assert command("pause", "customers", user="boss") == ("customers is paused\n", 0)
    assert command("resume", "customers", user="boss") == ("customers runs again\n", 0)
    a_conflict(mapping)
    monkeypatch.setattr(leaving.timezone, "now", lambda: mapping.history.last().history_date)
    said, code = command("decommission", "customers", user="boss", export=str(tmp_path / "all.zip"))
    assert code == 3
    assert "open questions: 1" in said
    assert zipfile.is_zipfile(tmp_path / "all.zip")
    monkeypatch.undo()
    assert command("decommission", "customers", user="boss", confirm=True)[1] == 1
    assert command("decommission", "customers", user="boss", confirm=True, anyway=True)[1] == 0
    assert not Conflict.objects.live().exists()
    assert command("resume", "customers", user="boss")[1] == 1
