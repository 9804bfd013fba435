"""The choices for a whole record, by kind of conflict, and what each does, with the systems' names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

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


def options(
    kind: ConflictKind, heads: Any, about: Side | None, changed: Any = None, *, fields: bool = True
) -> list[RecordOption]:
    """The record-level choices of a kind.

    `heads` are the card's columns; `changed` is when the record that is still there was changed last;
    `fields` tells whether there are fields above that can be edited.
    """
    left, right = heads[0].system, heads[1].system
    here, there = (right, left) if about is Side.RIGHT else (left, right)
    names = {"here": here, "there": there}
    made = {
        ConflictKind.AMBIGUOUS: _ambiguous,
        ConflictKind.DELETED_CHANGED: _deleted,
        ConflictKind.DELETE_REVIEW: _deleted,
        ConflictKind.SCOPE: _scope,
        ConflictKind.REJECTED: _rejected if fields else _rejected_whole,
    }.get(kind)
    found = made(names, changed) if made else []
    return [
        RecordOption(pick, name, effect, digit, danger)
        for digit, (pick, name, effect, danger) in enumerate(found, 1)
    ]


Said = list[tuple[RecordPickKind, str, str, bool]]


def _ambiguous(names: dict[str, str], changed: Any) -> Said:
    return [
        (
            RecordPickKind.CREATE,
            _("A record of its own"),
            _("Creates a new record in %(there)s, linked to this one.") % names,
            False,
        ),
        (
            RecordPickKind.IGNORE,
            _("Never sync it"),
            _("Stays in %(here)s only, and is not asked about again.") % names,
            False,
        ),
        (
            RecordPickKind.LEAVE,
            _("Leave it for now"),
            _("Stays in %(here)s only, and is asked about again when one of its values changes.") % names,
            False,
        ),
    ]


def _deleted(names: dict[str, str], changed: Any) -> Said:
    gone = _("The record goes from %(there)s; its values stay in the history.") % names
    if changed is not None:
        at = date_format(timezone.localtime(changed.at), "SHORT_DATETIME_FORMAT")
        gone += " " + _("What was changed there on %(at)s goes with it.") % {"at": at}
    return [
        (RecordPickKind.DELETE, _("Delete it in %(there)s too") % names, gone, True),
        (
            RecordPickKind.RESTORE,
            _("Restore it in %(here)s") % names,
            _("Creates it again in %(here)s with the values of %(there)s.") % names,
            False,
        ),
        (
            RecordPickKind.LEAVE,
            _("Leave as is"),
            _("Stays in %(there)s only, until a value changes.") % names,
            False,
        ),
    ]


def _scope(names: dict[str, str], changed: Any) -> Said:
    return [
        (
            RecordPickKind.DELETE,
            _("Delete it in %(there)s") % names,
            _("It no longer belongs to this mapping in %(here)s, so it goes from %(there)s.") % names,
            True,
        ),
        (
            RecordPickKind.LEAVE,
            _("Leave both as they are"),
            _("Neither record is changed; syncing of this pair rests."),
            False,
        ),
    ]


def _rejected(names: dict[str, str], changed: Any) -> Said:
    return [
        (
            RecordPickKind.RETRY,
            _("Try again"),
            _("Sends the same values once more, or those typed above."),
            False,
        ),
        (RecordPickKind.LEAVE, _("Leave as is"), _("Nothing is sent until a value changes."), False),
    ]


def _rejected_whole(names: dict[str, str], changed: Any) -> Said:
    """The record as a whole was refused: it is edited where it comes from."""
    again = _(
        "Sends the record once more. If its values cannot be taken, change them where it comes from first."
    )
    return [
        (RecordPickKind.RETRY, _("Try again"), again, False),
        (RecordPickKind.LEAVE, _("Leave as is"), _("Nothing is sent until a value changes."), False),
    ]
