"""Reading a decision from a posted form.

Names: `pick-FIELD`, `typed-FIELD`, `hunk-FIELD-N`, `followed-FIELD`, `seen-FIELD`, `record`, `revision`.
`pick-FIELD` is a field choice or "merge", for which the hunks count. `followed-FIELD` is the choice that was
suggested, if the person took it as it was. `record` is a record-level choice, with the key of the
candidate that it names: `link:KEY`, `distinct:KEY`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from syncadmin.core.plan import PickKind, RecordPickKind

from .cards import Entered
from .services import NAMED, FieldChoice, RecordChoice

MERGE = "merge"
_HUNKS = 200  # picks of one merged text that are read


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
    kept = entered(data)
    fields = {
        name: FieldChoice(PickKind.VALUE, "", kept.hunks.get(name) or ("",))
        if pick == MERGE
        else FieldChoice(pick_kind(pick), typed.replace("\r\n", "\n"), followed=name in kept.followed)
        for name, (pick, typed) in kept.picks.items()
        if pick
    }
    record = record_choice(data["record"]) if data.get("record") else None
    revision = data.get("revision", "")
    if not (revision.isascii() and revision.isdigit() and len(revision) < 10):
        raise Unclear(_("The form does not say which revision was seen. Load the page again."))
    return Decision(int(revision), fields, record, kept)


def entered(data: Mapping[str, str]) -> Entered:
    """What a form holds, as it is, to be shown again. Never fails."""
    picks: dict[str, tuple[str, str]] = {}
    hunks: dict[str, tuple[str, ...]] = {}
    seen: dict[str, tuple[object, object]] = {}
    for name, text in data.items():
        if name.startswith(("pick-", "typed-")):
            field_name = name.partition("-")[2]
            picks[field_name] = (data.get(f"pick-{field_name}", ""), data.get(f"typed-{field_name}", ""))
        elif name.startswith("hunk-") and name.endswith("-0"):
            field_name = name.removeprefix("hunk-").removesuffix("-0")
            hunks[field_name] = _hunks(data, field_name)
        elif name.startswith("seen-"):
            seen.update(_seen(name.removeprefix("seen-"), text))
    followed = frozenset(
        name for name, (pick, _) in picks.items() if pick and data.get(f"followed-{name}") == pick
    )
    return Entered(picks=picks, seen=seen, hunks=hunks, record=data.get("record", ""), followed=followed)


def _hunks(data: Mapping[str, str], field_name: str) -> tuple[str, ...]:
    """The picks of a merged text in order, up to the first that is missing."""
    found = []
    for number in range(_HUNKS):
        take = data.get(f"hunk-{field_name}-{number}")
        if take is None:
            break
        found.append(take)
    return tuple(found)


def pick_kind(text: str) -> PickKind:
    """A field choice by its word. Raises `Unclear`."""
    try:
        return PickKind(text)
    except ValueError as error:
        words = _("“%(choice)s” is no choice for a field; choices: %(choices)s.")
        raise Unclear(words % {"choice": text[:40], "choices": ", ".join(PickKind)}) from error


def record_choice(text: str) -> RecordChoice:
    """A record-level choice by its word, maybe with a candidate's key: `link:KEY`. Raises `Unclear`."""
    word, _colon, key = text.partition(":")
    try:
        return RecordChoice(RecordPickKind(word), key)
    except ValueError as error:
        words = _("“%(choice)s” is no choice for a record; choices: %(choices)s.")
        kinds = ", ".join(f"{kind.value}:KEY" if kind in NAMED else kind.value for kind in RecordPickKind)
        raise Unclear(words % {"choice": word[:40], "choices": kinds}) from error


def _seen(name: str, text: str) -> dict[str, tuple[object, object]]:
    """What the person saw, only ever used to say what has changed since."""
    try:
        left, right = json.loads(text)
    except (ValueError, TypeError):
        return {}
    return {name: (left, right)}
