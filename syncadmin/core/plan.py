"""The plan: the outcome of a decision, as plain data. Nothing has been touched yet.

What goes into `decide` (records, link state, picks) and what comes out of it (writes, settled
shadows, conflicts, changes with their dispositions) are defined here, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .side import Side
from .values import Value

Values = Mapping[str, Value]
AloneRecord = Mapping[Side, Values | None]


# ---------------------------------------------------------------- what goes in


@dataclass(frozen=True, slots=True)
class Record:
    """One side's record in canonical form, by field mapping name.

    A name that is absent from `values` was not delivered: it is not an empty value and never
    counts as a change. `waiting` names reference fields whose target is not linked yet.
    `modified` and `times` (per field, where known) are UTC; `stamps` (see `stamps`) are per field too. `who`
    changed it last, where the system says that: only ever told to people.
    """

    key: str
    values: Values
    version: str | None = None
    modified: datetime | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    who: str = ""
    stamps: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Present:
    """The side holds this record. `in_scope` is false if the mapping's row filter excludes it."""

    record: Record
    in_scope: bool = True


@dataclass(frozen=True, slots=True)
class Absent:
    """It is proven that the side no longer holds the record."""

    key: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record of the other side that has the match values of an unlinked one.

    One that the row filter excludes must be named too (`in_scope` false): it keeps a second record from
    being created beside it. One that is not `sure` may be the same record, whatever its match values: a
    create whose answer was lost may have made one of the two from the other. One that is `claimed` may be so
    with a third record.
    """

    record: Record
    linked: bool
    in_scope: bool = True
    sure: bool = True
    claimed: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """What the other side holds for an unlinked record.

    `twins` are keys of further records on the unlinked record's own side with the same match
    values: with twins, who belongs to whom is a person's decision. `distinct` are keys of records that have
    the match values too, but of which a person has said that they are not the same. `vanished` are keys of
    records that may have been this one's copy, or its original, and are deleted.
    """

    candidates: tuple[Candidate, ...] = ()
    twins: tuple[str, ...] = ()
    distinct: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


Observation = Present | Absent | Matches


class PickKind(StrEnum):
    """What a person chose for one field of a conflict."""

    LEFT = "left"
    RIGHT = "right"
    BASE = "base"
    VALUE = "value"
    LEAVE = "leave"


@dataclass(frozen=True, slots=True)
class Pick:
    """A person's choice for one field, bound to the values that the person saw.

    `value` counts only for `PickKind.VALUE`. If a side no longer holds what was seen, the pick is
    not applied and the conflict comes back refreshed. `by` is who chose, where it was a rule, as the journal
    names it.
    """

    kind: PickKind
    seen_left: Value
    seen_right: Value
    value: Value = None
    by: str = "person"

    @property
    def named(self) -> str:
        """The choice as the journal names it."""
        return f"{self.by}: {self.kind}"


@dataclass(frozen=True, slots=True)
class Undo:
    """A person takes back what was decided on one field, bound to the values that the person saw.

    `values` is what the sides held before that decision, (left, right), and `ancestor` what they had last
    agreed on then (None: nothing). Both are brought back, and the field waits for a person again.
    """

    seen_left: Value
    seen_right: Value
    values: tuple[Value, Value]
    ancestor: tuple[Value, Value] | None = None


class RecordPickKind(StrEnum):
    """What a person chose for a whole record."""

    LINK = "link"  # ambiguous match: pair with `key`
    CREATE = "create"  # ambiguous match: it is a record of its own
    DISTINCT = "distinct"  # ambiguous match: it is not the same as `key`, which is not proposed again
    IGNORE = "ignore"  # ambiguous match: never sync this record
    DELETE = "delete"  # deleted/changed: delete the other too
    RESTORE = "restore"  # deleted/changed: create it again where it was deleted
    LEAVE = "leave"  # leave as is until a value changes
    RETRY = "retry"  # rejected: try again


@dataclass(frozen=True, slots=True)
class RecordPick:
    """A person's choice for a whole record, bound to the values seen.

    `seen` holds, by side, the values the person saw (for a match: of the unlinked record only).
    """

    kind: RecordPickKind
    key: str = ""
    seen: Mapping[Side, Values] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinkState:
    """What the hub remembers of a pair: the shadows per side, picks, and what was left alone.

    `alone` holds, by field, the pair of values a person chose to leave different. `alone_record` holds,
    by side, the values (None: the record was absent) at which the record as a whole was to be left as it is,
    by a person's LEAVE or by a policy that ignores deletes. `reopened` names the fields on which a person
    took a decision back: whatever they hold since, only a person decides them, unless the sides agree.
    """

    left_key: str
    right_key: str
    shadows: Mapping[Side, Values]
    alone: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    picks: Mapping[str, Pick | Undo] = field(default_factory=dict)
    record_pick: RecordPick | None = None
    alone_record: AloneRecord | None = None
    reopened: frozenset[str] = frozenset()

    def key(self, side: Side) -> str:
        """The key of the record on `side`."""
        return self.left_key if side is Side.LEFT else self.right_key


@dataclass(frozen=True, slots=True)
class Unlinked:
    """Stands where a link would: a record that is not paired, with what a person picked for it.

    `ignored` is what an earlier plan's `ignored` said: never sync this record. `alone_record`
    is as in a link.
    """

    record_pick: RecordPick | None = None
    ignored: bool = False
    alone_record: AloneRecord | None = None


# ---------------------------------------------------------------- what comes out


class Op(StrEnum):
    """What a write does to a record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Disposition(StrEnum):
    """What became of one observed change (DESIGN section 5)."""

    PROPAGATED = "propagated"
    CONVERGED = "converged"
    MERGED = "merged"
    OVERRIDDEN = "overridden"
    SUPERSEDED = "superseded"
    HELD = "held"
    REJECTED = "rejected"
    REVERTED = "reverted"


@dataclass(frozen=True, slots=True)
class Write:
    """One planned write to one side.

    `values` are the wanted canonical values (all fields for a create, changed ones for an update,
    none for a delete). `expected` are the canonical values that the side must still hold for the
    write to be allowed: for an update the written fields and their groups, for a delete all.
    `version` is the record's version as observed, if there is one.
    """

    side: Side
    op: Op
    key: str | None
    values: Values
    expected: Values = field(default_factory=dict)
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One observed change and what becomes of it if the plan's writes succeed.

    `field` None means the record itself: it appeared (`old` None) or went away (`new` None), with
    all its values. `rule` names the owner, strategy, policy or person that decided. A side that has no
    change of its own gets none.
    """

    side: Side
    field: str | None
    old: Value
    new: Value
    disposition: Disposition
    rule: str


class LinkAction(StrEnum):
    """What happens to the pairing itself."""

    KEEP = "keep"
    LINK = "link"  # pair left_key with right_key
    CREATE = "create"  # pair once the planned create has its key
    CLOSE = "close"  # both gone, or stopped
    NONE = "none"  # nothing is paired, nothing to do


class ConflictKind(StrEnum):
    """Why a person has to look."""

    FIELD = "field"  # both sides changed a shared field / first contact differs
    AMBIGUOUS = "ambiguous match"
    DELETED_CHANGED = "deleted / changed"
    DELETE_REVIEW = "delete"  # deleted on one side, unchanged on the other, policy review
    SCOPE = "left scope"
    REJECTED = "rejected"  # the system refused a write (opened by the engine, not by decide)


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """One field that no policy may decide.

    `base` is (left shadow, right shadow), None at first contact; `reason` says in words why.
    `moved` is true if a pick was made for older values.
    """

    field: str
    left: Value
    right: Value
    base: tuple[Value, Value] | None
    reason: str
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """One item for the inbox: at most one a plan.

    For `FIELD` the fields say what differs. For record kinds `side` is the side the question is
    about (the unlinked record's, or the side that deleted), and `candidates` the ranked keys.
    """

    kind: ConflictKind
    reason: str
    side: Side | None = None
    fields: tuple[FieldConflict, ...] = ()
    candidates: tuple[str, ...] = ()
    twins: tuple[str, ...] = ()
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole decision for one record or pair.

    `settled` are shadows to store once the plan's writes succeeded (left value, right value), by
    field; for written fields the engine replaces the written side's value by what the system
    answered. `restored` are, among them, the fields that an undo brings back: once its writes succeeded,
    their shadows are this ancestor again (None: there was none). `alone`, `alone_record` and `reopened`
    replace the link's (whenever the plan is not idle).
    `ignored`: this unlinked record is never to be synced; hand it in as `Unlinked(ignored=True)`
    from now on. `waits` names reference fields that hold back the record (create) or just
    themselves (update). `used_picks` are fields whose pick is applied; picks that were not used
    stay in force while the plan waits.
    """

    action: LinkAction
    left_key: str | None
    right_key: str | None
    writes: tuple[Write, ...] = ()
    settled: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    conflict: Conflict | None = None
    alone: Mapping[str, tuple[Value, Value]] = field(default_factory=dict)
    waits: tuple[str, ...] = ()
    used_picks: frozenset[str] = frozenset()
    used_record_pick: bool = False
    alone_record: AloneRecord | None = None
    ignored: bool = False
    reopened: frozenset[str] = frozenset()
    restored: Mapping[str, tuple[Value, Value] | None] = field(default_factory=dict)

    @property
    def idle(self) -> bool:
        """Nothing to write, store or ask."""
        return not (
            self.writes
            or self.settled
            or self.conflict
            or self.changes
            or self.waits
            or self.used_picks
            or self.used_record_pick
        ) and self.action in (LinkAction.KEEP, LinkAction.NONE)
