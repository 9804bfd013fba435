"""Policy as plain data: owners, merge strategies, delete and first-contact policy, guards.

A policy is built once from a mapping's configuration and handed to `decide`. It holds no values of
records and does nothing by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from .fieldtype import FieldType
from .side import Side


class Drift(StrEnum):
    """What happens when the side that does not own a field changes it."""

    ENFORCE = "enforce"
    IGNORE = "ignore"
    REVIEW = "review"


class Merge(StrEnum):
    """Strategy for a shared field that both sides changed to different values."""

    REVIEW = "review"
    NEWEST = "newest"
    PREFER_LEFT = "prefer left"
    PREFER_RIGHT = "prefer right"
    COUNTER = "counter"
    SET = "set"
    TEXT = "text"
    MIN = "min"
    MAX = "max"
    NON_EMPTY = "non_empty"
    RULE = "rule"


class FirstContact(StrEnum):
    """Who wins where two matched records differ and no ancestor is known."""

    REVIEW = "review"
    PREFER_LEFT = "prefer left"
    PREFER_RIGHT = "prefer right"
    NEWEST = "newest"


class Create(StrEnum):
    """The side(s) on which records may be created."""

    BOTH = "both"
    LEFT = "left"
    RIGHT = "right"
    NONE = "none"

    def allows(self, side: Side) -> bool:
        """Whether a record may be created on `side`."""
        return self is Create.BOTH or self.value == side.value


class Deletes(StrEnum):
    """What a proven delete on one side does to the other, unchanged side."""

    PROPAGATE = "propagate"
    IGNORE = "ignore"
    REVIEW = "review"


class EditVsDelete(StrEnum):
    """What happens when one side deleted a record that the other side changed."""

    REVIEW = "review"
    DELETE_WINS = "delete wins"
    RESTORE = "restore"


class LeftScope(StrEnum):
    """What happens to the other record when a linked record leaves the row filter."""

    STOP = "stop"
    DELETE = "delete"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class FieldPolicy:
    """How one field mapping is typed, owned and merged.

    `name` is the field mapping's name; `owner` None means shared; `rule` is the CEL expression of
    `Merge.RULE`; fields with the same `group` are decided together.
    """

    name: str
    type: FieldType
    owner: Side | None = None
    drift: Drift = Drift.ENFORCE
    merge: Merge = Merge.REVIEW
    rule: str = ""
    group: str = ""
    first_contact: FirstContact | None = None


class PolicyError(ValueError):
    """A policy contradicts itself. Says which field mappings are meant and what fits."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Fields that are decided together: a group, or a single field. Strategies that differ mean review."""

    fields: tuple[FieldPolicy, ...]
    owner: Side | None
    drift: Drift
    merge: Merge
    first_contact: FirstContact

    @classmethod
    def of(cls, fields: tuple[FieldPolicy, ...], first_contact: FirstContact) -> Unit:
        """The unit of `fields`. Raises `PolicyError` if they do not have one owner."""
        owners, drifts, merges, contacts = (
            {f.owner for f in fields},
            {f.drift for f in fields if f.owner},
            {f.merge for f in fields},
            {f.first_contact or first_contact for f in fields},
        )
        if len(owners) > 1 or len(drifts) > 1:
            names = ", ".join(f.name for f in fields)
            raise PolicyError(f"the fields {names} are one group and need the same owner and drift policy")
        return cls(
            fields=fields,
            owner=owners.pop(),
            drift=drifts.pop() if drifts else Drift.ENFORCE,
            merge=merges.pop() if len(merges) == 1 else Merge.REVIEW,
            first_contact=contacts.pop() if len(contacts) == 1 else FirstContact.REVIEW,
        )


@dataclass(frozen=True, slots=True)
class RowOwner:
    """Rows for which the CEL expression `when` holds are owned, whole, by `owner`."""

    when: str
    owner: Side


@dataclass(frozen=True)
class Policy:
    """Everything `decide` needs to know of a mapping.

    Precedence of owners: the table's `owner`, else the first matching of `row_owners`, else the
    field's own. `filters` holds a CEL expression per side; a record for which it is false is out
    of scope. `clock_tolerance` is the time within which two changes cannot be ordered.
    """

    fields: tuple[FieldPolicy, ...]
    match: tuple[str, ...] = ()
    owner: Side | None = None
    drift: Drift = Drift.ENFORCE
    row_owners: tuple[RowOwner, ...] = ()
    create: Create = Create.BOTH
    deletes: Deletes = Deletes.REVIEW
    edit_vs_delete: EditVsDelete = EditVsDelete.REVIEW
    first_contact: FirstContact = FirstContact.REVIEW
    left_scope: LeftScope = LeftScope.STOP
    filters: Mapping[Side, str] = field(default_factory=dict)
    whole_record: bool = False
    clock_tolerance: timedelta = timedelta(seconds=5)

    @cached_property
    def by_name(self) -> dict[str, FieldPolicy]:
        """Field policies by the field mapping's name."""
        return {f.name: f for f in self.fields}

    @cached_property
    def types(self) -> dict[str, FieldType]:
        """Field types by the field mapping's name."""
        return {f.name: f.type for f in self.fields}

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """What is decided together, in the order of the fields. Raises `PolicyError`."""
        grouped: dict[tuple[str, str], list[FieldPolicy]] = {}
        for f in self.fields:
            grouped.setdefault((f.group, "" if f.group else f.name), []).append(f)
        return tuple(Unit.of(tuple(fields), self.first_contact) for fields in grouped.values())


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits that stop a pass and ask a person (see `guards`).

    Shares are fractions (0..1) of the records that the mapping knows; `floor` is the number of
    changes below which a guard never trips, so that small tables do not cry wolf. `max_blanks` limits the
    records that would lose a value to an empty one; `max_shrinks` and `max_same` those that would, in any one
    field, get a value that says less, and the same value in place of another.
    """

    max_deletes: float = 0.05
    max_changes: float = 0.40
    max_blanks: float = 0.10
    max_shrinks: float = 0.10
    max_same: float = 0.20
    floor: int = 10

    @property
    def least(self) -> float:
        """The smallest of the shares: no guard trips below it."""
        return min(self.max_deletes, self.max_changes, self.max_blanks, self.max_shrinks, self.max_same)
