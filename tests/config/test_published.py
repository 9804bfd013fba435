"""The JSON Schema and the reference are made from the typed models, up to date, and agree with the checks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

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
