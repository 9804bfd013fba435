"""Reading a decision from a posted form.

Names: `pick-FIELD`, `typed-FIELD`, `seen-FIELD`, `record`, `revision`. `record` is a record-level choice,
with the key of the candidate that it names: `link:KEY`, `distinct:KEY`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from syncadmin.core.plan import PickKind, RecordPickKind

from .cards import Entered
from .services import NAMED, FieldChoice, RecordChoice


class Unclear(ValueError):
    """The form, or the command line, does not say a decision; the message says what it may say."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision as entered, not yet checked against the item."""

    revision: int
    fields: Mapping[str, FieldChoice] = field(default_factory=dict)
    record: RecordChoice | None = None
    entered: Entered = field(default_factory=Entered)


def read(data: Mapping[str, str]) -> Decision:
    """The decision in a posted form. Raises `Unclear`."""
    fields, picks, seen = {}, {}, {}
    for name, text in data.items():
        if name.startswith("pick-") and text:
            field_name = name.removeprefix("pick-")
            typed = data.get(f"typed-{field_name}", "")
            fields[field_name] = FieldChoice(pick_kind(text), typed.replace("\r\n", "\n"))
            picks[field_name] = (text, typed)
        elif name.startswith("seen-"):
            seen.update(_seen(name.removeprefix("seen-"), text))
    record = record_choice(data["record"]) if data.get("record") else None
    revision = data.get("revision", "")
    if not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise Unclear("The form does not say which revision was seen. Load the page again.")
    return Decision(int(revision), fields, record, Entered(picks=picks, seen=seen))


def pick_kind(text: str) -> PickKind:
    """A field choice by its word. Raises `Unclear`."""
    try:
        return PickKind(text)
    except ValueError as error:
        raise Unclear(f"“{text[:40]}” is no choice for a field; choices: {', '.join(PickKind)}.") from error


def record_choice(text: str) -> RecordChoice:
    """A record-level choice by its word, maybe with a candidate's key: `link:KEY`. Raises `Unclear`."""
    word, _, key = text.partition(":")
    try:
        return RecordChoice(RecordPickKind(word), key)
    except ValueError as error:
        words = ", ".join(f"{kind.value}:KEY" if kind in NAMED else kind.value for kind in RecordPickKind)
        raise Unclear(f"“{word[:40]}” is no choice for a record; choices: {words}.") from error


def _seen(name: str, text: str) -> dict[str, tuple[object, object]]:
    """What the person saw, only ever used to say what has changed since."""
    try:
        left, right = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return {name: (left, right)}
