"""What a person chose, checked: whether it can be a decision on what the item shows. Stores nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from conflicts.models import Conflict, ConflictField
from conflicts.selectors import linked_candidates
from conflicts.typed import Unreadable
from syncadmin.core.plan import ConflictKind, PickKind, RecordPickKind
from syncadmin.core.values import Value, decode
from syncadmin.models import FieldMapping

from .entered import entered

RECORD_PICKS: dict[ConflictKind, tuple[RecordPickKind, ...]] = {
    ConflictKind.FIELD: (),
    ConflictKind.AMBIGUOUS: (
        RecordPickKind.LINK,
        RecordPickKind.DISTINCT,
        RecordPickKind.CREATE,
        RecordPickKind.IGNORE,
        RecordPickKind.LEAVE,
    ),
    ConflictKind.DELETED_CHANGED: (RecordPickKind.DELETE, RecordPickKind.RESTORE, RecordPickKind.LEAVE),
    ConflictKind.DELETE_REVIEW: (RecordPickKind.DELETE, RecordPickKind.RESTORE, RecordPickKind.LEAVE),
    ConflictKind.SCOPE: (RecordPickKind.DELETE, RecordPickKind.LEAVE),
    ConflictKind.REJECTED: (RecordPickKind.RETRY, RecordPickKind.LEAVE),
}
NAMED = (RecordPickKind.LINK, RecordPickKind.DISTINCT)  # choices that name a candidate
FIELD_KINDS = (ConflictKind.FIELD, ConflictKind.REJECTED)


class Invalid(Exception):
    """The decision cannot be stored. `errors` says why, by field ('' for the record as a whole)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {text}" if field else text for field, text in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """What a person chose for one field.

    For `PickKind.VALUE` it is what counts: the text as `typed`, or the picks that merge it by `hunks`.
    `followed`: it takes a suggestion as it is. `rule` is the number of the learned rule that chose, if any.
    """

    kind: PickKind
    typed: str = ""
    hunks: tuple[str, ...] = ()
    followed: bool = False
    rule: int | None = None


@dataclass(frozen=True, slots=True)
class RecordChoice:
    """What a person chose for the whole record. `key` counts only for LINK and DISTINCT."""

    kind: RecordPickKind
    key: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that has passed its checks: picks by field row, and the record-level choice.

    `followed` are the fields for which a suggestion was taken as it was.
    """

    conflict: Conflict
    picks: Sequence[tuple[ConflictField, dict[str, Any]]] = ()
    record: dict[str, Any] | None = None
    followed: frozenset[str] = frozenset()


def checked(
    conflict: Conflict, field_picks: Mapping[str, FieldChoice], record_pick: RecordChoice | None
) -> Decided:
    """The choices, bound to what this revision of the item shows. Raises `Invalid`."""
    picks = _checked_fields(conflict, field_picks)
    record = _checked_record(conflict, record_pick)
    if not picks and record is None:
        raise Invalid({"": _("Nothing is picked yet.")})
    followed = frozenset(name for name, choice in field_picks.items() if choice.followed)
    return Decided(conflict, picks, record, followed)


def _checked_fields(
    conflict: Conflict, choices: Mapping[str, FieldChoice]
) -> list[tuple[ConflictField, dict[str, Any]]]:
    """Choices as picks bound to the values of this revision; raises `Invalid` naming every bad one."""
    fields = {field.field: field for field in conflict.fields.all()}
    policies = {field.name: field for field in conflict.mapping.fields.all()}
    errors: dict[str, str] = {}
    picks = []
    for name, choice in choices.items():
        field = fields.get(name)
        if ConflictKind(conflict.kind) not in FIELD_KINDS or field is None:
            words = _("There is nothing to decide on field “%(field)s”; open: %(open)s.")
            errors[name] = words % {"field": name, "open": ", ".join(fields) or _("none")}
            continue
        if choice.kind is PickKind.BASE and not field.has_base:
            errors[name] = _("There is no value last agreed: both sides had their own from the start.")
            continue
        value = None
        if choice.kind is PickKind.VALUE:
            try:
                value = entered(conflict.mapping, field, policies.get(name), choice.typed, choice.hunks)
            except Unreadable as error:
                errors[name] = str(error)
                continue
        pick = {
            "kind": choice.kind.value,
            "value": value,
            "seen_left": field.left,
            "seen_right": field.right,
            "ancestor": _ancestor(conflict, name),
        }
        picks.append((field, pick if choice.rule is None else {**pick, "rule": choice.rule}))
    errors.update(_split_groups(choices, fields, policies))
    if errors:
        raise Invalid(errors)
    return picks


def _ancestor(conflict: Conflict, name: str) -> list[Value] | None:
    """What both sides last agreed on for a field, None if they never did: what an undo goes back to."""
    if conflict.link is None:
        return None
    left = decode(bytes(conflict.link.left_shadow))
    right = left if conflict.link.right_shadow is None else decode(bytes(conflict.link.right_shadow))
    return [left[name], right[name]] if name in left and name in right else None


def _split_groups(
    choices: Mapping[str, FieldChoice], fields: Iterable[str], policies: Mapping[str, FieldMapping]
) -> dict[str, str]:
    """Errors of groups (street, zip, city) of which only a part is picked, or parts of different sides."""
    groups: dict[str, list[str]] = {}
    for name in fields:
        if name in policies and policies[name].group:
            groups.setdefault(policies[name].group, []).append(name)
    errors = {}
    for names in groups.values():
        picked = [name for name in names if name in choices]
        kinds = {choices[name].kind for name in picked} - {PickKind.VALUE}
        together = ", ".join(names)
        if picked and len(picked) < len(names):
            words = _("Decided together: %(fields)s.") % {"fields": together}
            errors.update({name: words for name in names if name not in choices})
        elif len(kinds) > 1:
            words = _("Decided together, from one side: %(fields)s.") % {"fields": together}
            errors.update(dict.fromkeys(names, words))
    return errors


def _checked_record(conflict: Conflict, choice: RecordChoice | None) -> dict[str, Any] | None:
    """The record-level choice as it is stored, bound to the values seen."""
    if choice is None:
        return None
    allowed = RECORD_PICKS[ConflictKind(conflict.kind)]
    if choice.kind not in allowed:
        words = _("“%(choice)s” is no choice for this kind of conflict; choices: %(choices)s.")
        names = ", ".join(allowed) or _("none: pick per field")
        raise Invalid({"": words % {"choice": choice.kind, "choices": names}})
    if choice.kind in NAMED:
        if choice.key not in conflict.candidates:
            words = _("“%(key)s” is not among the candidates: %(candidates)s.")
            candidates = ", ".join(conflict.candidates) or _("there are none")
            raise Invalid({"": words % {"key": choice.key, "candidates": candidates}})
        if choice.kind is RecordPickKind.LINK and choice.key in linked_candidates(conflict):
            words = _("“%(key)s” is linked to another record already.")
            raise Invalid({"": words % {"key": choice.key}})
    sides = [conflict.side] if conflict.kind == ConflictKind.AMBIGUOUS else ["left", "right"]
    seen = {side: conflict.snapshot[side] for side in sides if side in conflict.snapshot}
    return {"kind": choice.kind.value, "key": choice.key, "seen": seen}
