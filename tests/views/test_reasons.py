"""Reasons of the core are known by their pattern, so that pages can say them in other languages."""

import ast
from pathlib import Path

import pytest

from syncadmin import core, reasons

# what is called with a reason or a part of one, where that stands, and how the sentence begins
SPOKEN = {
    "Undecided": (0, ""),
    "_ask": (2, ""),
    "Unfit": (0, ""),
    "RuleFailed": (0, ""),
    "unfit": (1, "X is not "),
    "_moment": (1, "X is not "),
}


def said(node: ast.expr) -> str | None:
    """A literal sentence, with X for what is put in."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "X" for part in node.values)
        return text.replace("the X side", "X")
    return None


def sentences():
    for path in Path(core.__file__).parent.glob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            place, begins = SPOKEN.get(getattr(call.func, "id", ""), (99, ""))
            given = call.args[place:]
            if given and (text := said(given[0])) and text != "X is not X":  # which `unfit` puts together
                yield pytest.param(begins + text, id=f"{path.stem} {call.lineno}")


@pytest.mark.parametrize("text", list(sentences()))
def test_every_reason_of_the_core_is_known(text):
    assert [s for s, pattern in reasons._patterns() if pattern.fullmatch(text)]


def test_there_are_reasons_to_be_known():
    assert len(list(sentences())) > 15


def test_what_is_not_known_stays_as_it_was_said(settings):
    from django.utils.translation import override

    with override("de"):
        assert reasons.translated("quite another thing") == "quite another thing"
        assert reasons.translated("x" * 5000) == "x" * 5000
