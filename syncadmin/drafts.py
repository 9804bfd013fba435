"""A drafted system as a configuration file that people go through: each guess is a comment above its setting.

What is written is read again by the same reader as any file, so that no draft leaves the house broken.
"""

from __future__ import annotations

import textwrap
from typing import Any

from connectors.rest.openapi import Draft, Note, NoteKind, Part
from syncadmin.config.export import as_yaml
from syncadmin.config.load import Known, load
from syncadmin.config.secrets import names_in

WIDTH = 108
MOST_LEFT_OUT = 40
DRAFTED = (
    "Drafted by `manage.py openapi` from {title} ({described}). A description says what a system should do, "
    "not what it does: go through the comments, fill in what is open, then `manage.py apply`, "
    "`manage.py check` and *Try it*."
)
LEGEND = (
    "guessed: the description does not say it; why it seems so follows. FILL IN: only you can know. note: "
    "worth knowing. What has no comment is as the description has it."
)
LEFT_OUT = "note: {count} more lists are described, and not drafted; --only PATH drafts one:"


def as_file(draft: Draft) -> str:
    """The draft as YAML with comments; it loads as it is. Raises BadConfig if it would not."""
    lines = _comment(DRAFTED.format(title=draft.title, described=draft.described)) + _comment(LEGEND)
    lines += ["version: 1", "systems:", f"  {draft.name}:", "    connector: rest"]
    lines += _settings(draft.system, 4)
    lines += ["    resources:" if draft.resources else "    resources: {}"]
    for name, part in draft.resources.items():
        lines += [*_yaml({name: None}, 6), *_settings(part, 8), ""]
    if draft.left_out:
        lines += _comment(LEFT_OUT.format(count=len(draft.left_out)))
        lines += [
            line for path, why in draft.left_out[:MOST_LEFT_OUT] for line in _comment(f"  {path}: {why}")
        ]
    text = "\n".join(lines).rstrip("\n") + "\n"
    load(text, Known(environment=dict.fromkeys(secrets_of(draft), "0")), "draft")
    return text


def secrets_of(draft: Draft) -> list[str]:
    """The names of the secrets that the draft wants."""
    return sorted(names_in(draft.system.settings))


def open_points(draft: Draft) -> list[tuple[str, str]]:
    """What a person has to fill in: the place and the words."""
    parts = {"": draft.system, **draft.resources}
    return [
        (".".join(filter(None, (name, key))), note.text)
        for name, part in parts.items()
        for key, note in part.all_notes()
        if note.kind is NoteKind.FILL_IN
    ]


def guesses(draft: Draft) -> int:
    """How much was guessed."""
    parts = (draft.system, *draft.resources.values())
    return sum(note.kind is NoteKind.GUESSED for part in parts for _key, note in part.all_notes())


def _settings(part: Part, indent: int) -> list[str]:
    lines: list[str] = []
    for one in part.order:
        if isinstance(one, Note):
            lines += _noted(one, indent)
            continue
        lines += [line for note in part.notes.get(one, ()) for line in _noted(note, indent)]
        lines += _yaml({one: part.settings[one]}, indent)
    return lines


def _noted(note: Note, indent: int) -> list[str]:
    return _comment(f"{note.kind}: {note.text}", indent)


def _comment(text: str, indent: int = 0) -> list[str]:
    """A text as comment lines: nothing in it ends the comment, or turns its direction."""
    clean = "".join(one if one.isprintable() else " " for one in text)
    return textwrap.wrap(
        clean[:2000],
        WIDTH,
        initial_indent=" " * indent + "# ",
        subsequent_indent=" " * indent + "#   ",
        break_long_words=True,
        break_on_hyphens=False,
    )


def _yaml(value: Any, indent: int) -> list[str]:
    text = as_yaml(_plain(value)).rstrip("\n")
    return textwrap.indent(text, " " * indent).split("\n")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return str(value) if isinstance(value, str) else value
