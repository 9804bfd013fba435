"""The choices for a whole record, by kind of conflict, said with the systems' names."""

from __future__ import annotations

from dataclasses import dataclass

from syncadmin.core.plan import ConflictKind, RecordPickKind
from syncadmin.core.side import Side


@dataclass(frozen=True, slots=True)
class RecordOption:
    """A choice for the whole record, with what it does in words."""

    kind: RecordPickKind
    title: str
    effect: str
    digit: int
    danger: bool = False


def options(kind: ConflictKind, left: str, right: str, about: Side | None) -> list[RecordOption]:
    """The record-level choices of a kind, said with the systems' names."""
    here, there = (right, left) if about is Side.RIGHT else (left, right)
    made: dict[RecordPickKind, tuple[str, str, bool]] = {}
    if kind is ConflictKind.AMBIGUOUS:
        made = {
            RecordPickKind.CREATE: (
                "A record of its own",
                f"Creates a new record in {there}, linked to this one.",
                False,
            ),
            RecordPickKind.IGNORE: (
                "Never sync it",
                f"Stays in {here} only, and is not asked about again.",
                False,
            ),
            RecordPickKind.LEAVE: (
                "Leave it for now",
                f"Stays in {here} only, and is asked about again when one of its values changes.",
                False,
            ),
        }
    elif kind in (ConflictKind.DELETED_CHANGED, ConflictKind.DELETE_REVIEW):
        made = {
            RecordPickKind.DELETE: (
                f"Delete it in {there} too",
                f"The record goes from {there}; its values stay in the history.",
                True,
            ),
            RecordPickKind.RESTORE: (
                f"Restore it in {here}",
                f"Creates it again in {here} with the values of {there}.",
                False,
            ),
            RecordPickKind.LEAVE: (
                "Leave as is",
                f"Stays in {there} only, until a value changes.",
                False,
            ),
        }
    elif kind is ConflictKind.SCOPE:
        made = {
            RecordPickKind.DELETE: (
                f"Delete it in {there}",
                f"It no longer belongs to this mapping in {here}, so it goes from {there}.",
                True,
            ),
            RecordPickKind.LEAVE: (
                "Leave both as they are",
                "Neither record is changed; syncing of this pair rests.",
                False,
            ),
        }
    elif kind is ConflictKind.REJECTED:
        made = {
            RecordPickKind.RETRY: (
                "Try again",
                "Sends the same values once more, or those typed above.",
                False,
            ),
            RecordPickKind.LEAVE: ("Leave as is", "Nothing is sent until a value changes.", False),
        }
    return [
        RecordOption(pick, name, effect, digit, danger)
        for digit, (pick, (name, effect, danger)) in enumerate(made.items(), 1)
    ]
