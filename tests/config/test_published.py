"""The JSON Schema and the reference are made from the typed models, up to date, and agree with the checks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, Field

from syncadmin.config import published, reference
from syncadmin.config.apply import read
from syncadmin.config.lines import Lines

from .conftest import TWO_SYSTEMS, with_fields

DOCS = Path(reference.FILE).read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0]


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json.loads(published.FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_published_schema_is_up_to_date() -> None:
    message = "run: python -m syncadmin.config.published"
    assert published.FILE.read_text(encoding="utf-8") == published.text(), message


def test_every_key_is_documented() -> None:
    assert reference.placed(DOCS) == DOCS, "run: python -m syncadmin.config.reference"


def test_every_key_says_what_it_is_for() -> None:
    rows = [line.split(" | ") for line in reference.reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 300
    assert [row[0] for row in rows if not row[-1].strip(" |")] == []

    class Silent(BaseModel):
        told: str = Field("", description="What it is for")
        untold: int = 0

    with pytest.raises(LookupError, match="untold"):
        list(reference.tables([Silent], "", 3))


@pytest.mark.runs_once
def test_both_are_made_without_settings_of_django() -> None:
    made = "from syncadmin.config import published, reference; print(reference.reference(), published.text())"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO_")}
    done = subprocess.run(
        [sys.executable, "-c", made], env=plain, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{reference.reference()} {published.text()}\n"


@pytest.mark.parametrize("text", [TWO_SYSTEMS, EXAMPLE])
def test_the_schema_takes_what_the_checks_take(validator: Any, db: None, text: str) -> None:
    read(text, "sync.yaml", {"CRM_URL": "sqlite:////x.db", "SHOP_PASSWORD": "x"})
    assert [error.message for error in validator.iter_errors(Lines(text).content)] == []


@pytest.mark.parametrize(
    "text",
    [
        with_fields("x: {left: a, right: b, merge: newst}"),
        with_fields("x: {left: a}"),
        with_fields(mapping="schedule: 30"),
        with_fields(mapping="schedul: 30s"),
        TWO_SYSTEMS.replace("table: contacts", "tabel: contacts"),
        TWO_SYSTEMS.replace("version: 1", "version: 2"),
    ],
)
def test_the_schema_refuses_what_has_the_wrong_shape(validator: Any, text: str) -> None:
    assert list(validator.iter_errors(Lines(text).content))


def test_a_secret_may_stand_for_any_setting(validator: Any) -> None:
    text = TWO_SYSTEMS.replace("connector: sql\n", "connector: sql\n    lock_timeout: ${LOCK}\n")
    assert not list(validator.iter_errors(Lines(text).content))
