"""What is said of a drafted setting: guessed, and from what; to be filled in; or worth knowing."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class NoteKind(StrEnum):
    """How sure a setting is."""

    GUESSED = "guessed"
    FILL_IN = "FILL IN"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for an integrator."""

    kind: NoteKind
    text: str


def guessed(text: str) -> Note:
    """The description does not say it; this is why it seems so."""
    return Note(NoteKind.GUESSED, text)


def fill_in(text: str) -> Note:
    """The description can't be known to say it: a person has to."""
    return Note(NoteKind.FILL_IN, text)


def remark(text: str) -> Note:
    """Worth knowing beside a setting, or in place of one."""
    return Note(NoteKind.NOTE, text)


@dataclass(slots=True)
class Part:
    """Settings in the order of a file, each with its notes; notes that belong to none stand between them."""

    settings: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, list[Note]] = field(default_factory=dict)
    order: list[str | Note] = field(default_factory=list)

    def say(self, key: str, value: Any, *notes: Note) -> None:
        """Set one; a second time replaces it, and adds to what is said of it."""
        if key not in self.settings:
            self.order.append(key)
        self.settings[key] = value
        self.notes.setdefault(key, []).extend(notes)

    def add(self, *notes: Note) -> None:
        """What is to be said without a setting."""
        self.order.extend(notes)

    def drop(self, key: str) -> Any:
        """Leave a setting out again; its value."""
        self.order.remove(key)
        self.notes.pop(key, None)
        return self.settings.pop(key)

    def take(self, other: Part) -> None:
        """All of another part, after what is here."""
        for one in other.order:
            if isinstance(one, Note):
                self.add(one)
            else:
                self.say(one, other.settings[one], *other.notes.get(one, ()))

    def all_notes(self) -> list[tuple[str, Note]]:
        """Every note with the setting it is of, '' for none."""
        alone = [("", one) for one in self.order if isinstance(one, Note)]
        return [*alone, *((key, note) for key, notes in self.notes.items() for note in notes)]
