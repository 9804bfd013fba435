"""German is complete: every sentence that can be translated is, with all that is put into it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import polib
import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
WORDS = ROOT / "locale/de/LC_MESSAGES/django.po"
SOURCES = ("manage.py", "conflicts", "connectors", "syncadmin", "templates", "locale")
PUT_IN = re.compile(r"%\(\w+\)[sd]|\$?\{\w+\}|</?\w+")

pytestmark = pytest.mark.runs_once


@pytest.fixture(scope="module")
def german() -> polib.POFile:
    return polib.pofile(str(WORDS))


def known(words: polib.POFile) -> dict[tuple[str, str], tuple[str, dict[int, str]]]:
    return {(e.msgctxt or "", e.msgid): (e.msgstr, e.msgstr_plural) for e in words if not e.obsolete}


def test_nothing_is_missing_or_left_over(german, tmp_path):
    for name in SOURCES:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    ask = ["makemessages", "--locale", "de", "--no-location", "--no-obsolete", "--ignore", "var", "-v", "0"]
    subprocess.run([sys.executable, "manage.py", *ask], cwd=tmp_path, check=True)

    found = known(polib.pofile(str(tmp_path / WORDS.relative_to(ROOT))))

    assert found.keys() == known(german).keys(), "run `make words`, and translate what is new"


def test_everything_is_translated(german):
    assert [entry.msgid for entry in german.untranslated_entries() + german.fuzzy_entries()] == []


def test_what_is_put_into_a_sentence_is_put_into_its_translation(german):
    def put_in(text: str) -> list[str]:
        return sorted(set(PUT_IN.findall(text)))

    wrong = []
    for entry in german:
        if entry.msgid_plural:
            pairs = [(entry.msgid_plural, entry.msgstr_plural[1]), (entry.msgid, entry.msgstr_plural[0])]
        else:
            pairs = [(entry.msgid, entry.msgstr)]
        wrong += [said for text, said in pairs if put_in(text) != put_in(said)]
    assert wrong == []


def test_what_is_used_is_what_is_written(german):
    compiled = polib.mofile(str(WORDS.with_suffix(".mo")))

    assert known(compiled) == known(german), "run `make words`"
