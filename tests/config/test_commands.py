"""`apply`, `export` and `check`: exit codes, messages, and with --json one document on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from syncadmin.models import System

from .conftest import TWO_SYSTEMS

Run = Callable[..., tuple[str, int, str]]


@pytest.fixture
def run(db: None, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command; answers standard output, exit code and message."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str, **options: Any) -> tuple[str, int, str]:
        out = StringIO()
        try:
            call_command(*arguments, stdout=out, stderr=StringIO(), **options)
        except CommandError as error:
            return out.getvalue(), error.returncode, str(error)
        return out.getvalue(), 0, ""

    return command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "sync.yaml"
    path.write_text(TWO_SYSTEMS, encoding="utf-8")
    return path


def test_apply_prints_what_changes(run: Run, file: Path) -> None:
    out, code, _ = run("apply", str(file))
    assert code == 0
    assert out.splitlines()[0] == "created: system crm"
    assert out.splitlines()[-1] == "10 changed, 0 unchanged."
    assert run("apply", str(file))[0] == "0 changed, 10 unchanged.\n"


def test_apply_as_json_is_one_document(run: Run, file: Path) -> None:
    out, _, _ = run("apply", str(file), "--json", "--dry-run")
    document = json.loads(out)
    assert document["ok"]
    assert document["dry_run"]
    assert document["changes"][0] == {"what": "system", "name": "crm", "action": "created", "changes": {}}
    assert not System.objects.exists()


def test_a_wrong_file_ends_with_2_and_all_problems(run: Run, file: Path) -> None:
    file.write_text(TWO_SYSTEMS.replace("match: [email]", "match: [mail]"), encoding="utf-8")
    out, code, message = run("apply", str(file))
    assert (out, code) == ("", 2)
    assert message.startswith(f"{file}:26: mappings.customers.match[0]: unknown field mapping")
    assert message.endswith("1 problem; nothing was applied.")
    out, code, _ = run("apply", str(file), "--json")
    assert code == 2
    assert json.loads(out)["problems"][0]["line"] == 26


def test_a_file_that_is_not_there_ends_with_2(run: Run, tmp_path: Path) -> None:
    assert run("apply", str(tmp_path / "none.yaml"))[1:] == (
        2,
        f"{tmp_path / 'none.yaml'}: can't be read: No such file or directory",
    )


def test_export_writes_the_file_that_apply_takes(run: Run, file: Path, tmp_path: Path) -> None:
    run("apply", str(file))
    exported = tmp_path / "exported.yaml"
    assert run("export", str(exported))[:2] == ("", 0)
    assert run("apply", str(exported))[0] == "0 changed, 10 unchanged.\n"
    assert run("export")[0] == exported.read_text(encoding="utf-8")
    assert set(json.loads(run("export", "--json")[0])) == {"version", "systems", "mappings"}


def test_check_tells_connection_guarantees_and_mappings(run: Run, file: Path) -> None:
    run("apply", str(file))
    out, code, _ = run("check", "crm")
    assert code == 1  # the shop is nowhere, so its mappings can't be checked
    assert "crm (sql)" in out
    assert "contacts: changes by scan; create atomic, update atomic, delete atomic" in out
    assert "FAIL mappings.customers" in out
    report = json.loads(run("check", "crm", "--json")[0])
    assert all(item["ok"] for item in report["systems"]["crm"]["checks"])
    assert report["systems"]["crm"]["resources"]["contacts"]["update"] == "atomic"


def test_check_of_an_unreachable_system_says_so(run: Run, file: Path) -> None:
    text = TWO_SYSTEMS.replace("https://shop.example.com/v1/", "http://127.0.0.1:9/")
    file.write_text(text, encoding="utf-8")
    run("apply", str(file))
    out, code, _ = run("check", "shop")
    assert code == 1
    assert "FAIL reachable" in out or "127.0.0.1:9" in out


def test_check_of_an_unknown_system_ends_with_2(run: Run, file: Path) -> None:
    run("apply", str(file))
    assert run("check", "cmr")[1:] == (2, 'unknown system "cmr"; did you mean "crm"? Allowed: crm, shop')


def test_check_without_a_name_is_djangos_check_too(run: Run) -> None:
    out, code, _ = run("check")
    assert code == 0
    assert "System check identified no issues" in out
