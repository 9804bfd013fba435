"""What a pass works on: items (what is known of a record or pair) and efforts (what it is trying to write).

An effort is stored with its intents before anything is sent, so that any later pass can finish it: it holds
all that is needed to store the outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from conflicts.models import Conflict
from connectors import base
from syncadmin.core import plan as core
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, decode, encode
from syncadmin.models import Intent, bulk

from .binding import Binding, Translated
from .lease import Lease
from .links import LinkRow

MarkId = tuple[int, int]  # id, generation
Place = tuple[Side, str]  # side, field name ('' for the record itself)


@dataclass(slots=True)
class Run:
    """One pass at work: what it is bound to, what gives it the right to store, what it has counted.

    To `waiting_sides` nothing goes that could replace an unseen edit, until somebody accepts the risk.
    """

    binding: Binding
    lease: Lease
    pass_id: int
    clock: Callable[[], datetime]
    counts: dict[str, int] = field(default_factory=dict)
    waiting_sides: frozenset[Side] = frozenset()

    def count(self, name: str, by: int = 1) -> None:
        """Add to a named count of the pass."""
        if by:
            self.counts[name] = self.counts.get(name, 0) + by


@dataclass(slots=True)
class ChangeRow:
    """A planned change with its number in the journal (0 until stored, and once it has its disposition)."""

    side: Side
    field: str
    old: Value
    new: Value
    disposition: str
    rule: str
    seq: int = 0
    changed_at: datetime | None = None


@dataclass(slots=True)
class Attempt:
    """One write of an effort, its intent and, once known, its outcome.

    `idempotency` names it for systems that know such keys; `away` is why nothing at all could be written to
    its system: the system's failure, not the record's. `in_doubt`: an earlier round may have sent it, and its
    system has not said that it was not carried out. `receipts` names the place where its receipt is left, ''
    if it leaves none.
    """

    write: core.Write
    intent_id: int = 0
    idempotency: str = ""
    raw: base.Write | None = None
    outcome: base.Outcome | None = None
    answer: Translated | None = None
    away: base.Retry | None = None
    in_doubt: bool = False
    receipts: str = ""

    @property
    def applied(self) -> bool:
        """Whether the system confirmed it."""
        return self.outcome is not None and self.outcome.result is base.Result.APPLIED


@dataclass(frozen=True, slots=True)
class Restored:
    """A field that an undo brings back: both values, their ancestor, and the changes that wait again.

    `seqs` are the numbers in the journal, by side; `decision` is the decision that was taken back.
    """

    values: tuple[Value, Value]
    ancestor: tuple[Value, Value] | None
    seqs: dict[Side, int]
    decision: int

    def packed(self) -> list[Any]:
        """As an intent stores it."""
        ancestor = None if self.ancestor is None else list(self.ancestor)
        return [list(self.values), ancestor, {s.value: n for s, n in self.seqs.items()}, self.decision]

    @classmethod
    def unpacked(cls, stored: list[Any]) -> Restored:
        """What `packed` gave."""
        (left, right), ancestor, seqs, decision = stored
        agreed = None if ancestor is None else (ancestor[0], ancestor[1])
        return cls((left, right), agreed, {Side(s): n for s, n in seqs.items()}, decision)


@dataclass(slots=True)
class Effort:
    """The writes of one item, with what to store once they are applied.

    `settled` and `seen` are by field: what both sides will hold, and what each side held when it was decided.
    `changes` get their disposition with the writes; `held` ones wait for the answer to what is `asked`;
    `restored` are the fields on which a decision is taken back; `waits`: others wait for a referenced record.
    `noted` are the times, by side, at which the records had last been changed when it was decided.
    """

    left_key: str | None
    right_key: str | None
    link: LinkRow | None
    settled: dict[str, tuple[Value, Value]]
    seen: dict[Side, dict[str, Value]]
    changes: list[ChangeRow]
    attempts: list[Attempt]
    alone: bytes | None
    marks: list[MarkId] = field(default_factory=list)
    places: list[tuple[Side, str]] = field(default_factory=list)
    conflict: Conflict | None = None
    keeps_conflict: bool = False
    observed: dict[Side, core.Record] = field(default_factory=dict)
    actor: str = ""
    tries: int = 0
    asked: core.Conflict | None = None
    waits: bool = False
    noted: dict[str, str] = field(default_factory=dict)
    held: list[ChangeRow] = field(default_factory=list)
    restored: dict[str, Restored] = field(default_factory=dict)

    @property
    def brought_back(self) -> dict[str, Restored]:
        """The fields that an undo has brought back: every write that they need is applied."""
        failed = {name for a in self.attempts if not a.applied for name in a.write.values}
        return {name: back for name, back in self.restored.items() if name not in failed}

    def source_key(self) -> tuple[Side, str]:
        """For a create: the side and key of the record it is made from."""
        side = Side.LEFT if self.left_key is not None else Side.RIGHT
        return side, str(self.left_key if self.left_key is not None else self.right_key)


@dataclass(slots=True)
class Item:
    """One record or pair with everything that `decide` and the store need to know.

    `listed` tells that it was decided by what a listing showed. `stuck` names fields ('' for the record
    itself) whose planned value a system has refused before; `planned` are the changes of writes in doubt;
    `partners` are the unlinked records, by key, that an unlinked one may be the same as; `distinct` are keys
    of those that a person has said it is not; `as_of`: what is known of it comes from a backup of then.
    """

    side: Side
    key: str
    link: LinkRow | None = None
    marks: list[MarkId] = field(default_factory=list)
    tries: int = 0
    marked: set[Side] = field(default_factory=set)
    fresh: bool = False
    listed: bool = False
    seen: dict[Side, Translated | None] = field(default_factory=dict)
    unanswered: bool = False
    observations: dict[Side, core.Present | core.Absent | core.Matches] = field(default_factory=dict)
    conflict: Conflict | None = None
    intents: list[Intent] = field(default_factory=list)
    pending: dict[Place, tuple[int, Value]] = field(default_factory=dict)
    planned: dict[Place, ChangeRow] = field(default_factory=dict)
    match: bytes | None = None
    ignored: bool = False
    alone: bytes | None = None
    plan: core.Plan | None = None
    stuck: frozenset[str] = frozenset()
    partners: dict[str, Translated] = field(default_factory=dict)
    distinct: frozenset[str] = frozenset()
    as_of: datetime | None = None
    doubts: frozenset[str] = frozenset()

    @property
    def decided(self) -> core.Plan:
        """The plan of an item that was judged."""
        if self.plan is None:
            raise LookupError(f"{self.side} {self.key} was not judged")
        return self.plan

    @property
    def postponed(self) -> bool:
        """Whether what a person has decided, or is asked, has to wait for a referenced record."""
        plan = self.plan
        if plan is None or self.conflict is None or not plan.waits or plan.writes:
            return False
        if plan.action not in (core.LinkAction.KEEP, core.LinkAction.NONE):
            return False
        if self.link is None or (self.conflict.decision and not plan.used_record_pick):
            return True
        return any(f.field in plan.waits for f in self.conflict.fields.all())

    def places(self) -> list[tuple[Side, str]]:
        """The records (side, key) that this item is about."""
        if self.link is None:
            return [(self.side, self.key)]
        return [(side, self.link.key(side)) for side in SIDES]

    def problems(self) -> dict[Side, dict[str, str]]:
        """Values that can't be read, by side and field."""
        return {side: t.problems for side, t in self.seen.items() if t is not None and t.problems}


def intent_body(effort: Effort, attempt: Attempt, *, undone: bool = False) -> bytes:
    """What an intent stores of its effort; `undone`: the system has said that it was not carried out."""
    write = attempt.write
    return encode(
        {
            "values": dict(write.values),
            "expected": dict(write.expected),
            "version": write.version,
            "left_key": effort.left_key,
            "right_key": effort.right_key,
            "settled": {name: list(pair) for name, pair in effort.settled.items()},
            "seen": {side.value: dict(values) for side, values in effort.seen.items()},
            "alone": effort.alone,
            "changes": [
                [c.side.value, c.field, c.old, c.new, c.disposition, c.rule, c.seq] for c in effort.changes
            ],
            "actor": effort.actor,
            "keeps": effort.keeps_conflict,
            "restored": {name: back.packed() for name, back in effort.restored.items()},
            "noted": effort.noted,
            "undone": undone,
            "receipts": attempt.receipts,
        }
    )


def idempotency_of(intent_id: int, planned_at: datetime) -> str:
    """What names an intent's write for its system, whoever sends it, and names no other one for ever.

    A hub whose database was restored or made anew gives its numbers again, but not at the same time.
    """
    return f"{intent_id}@{planned_at.astimezone(UTC).isoformat()}"


def open_intents(mapping_id: int) -> list[Intent]:
    """All intents of a mapping that have no outcome yet, oldest first."""
    return bulk.some(Intent, "mapping_id = %s", [mapping_id])


def without_changes(body: bytes, over: Container[int | None]) -> bytes:
    """What an intent stores, without the changes (by number) that have their disposition."""
    stored = decode(body)
    stored["changes"] = [change for change in stored["changes"] if change[-1] not in over]
    return encode(stored)


def not_carried_out(body: bytes) -> bytes:
    """What an intent stores once its system has said that it was not carried out."""
    return encode(decode(body) | {"undone": True})


def efforts_of(intents: list[Intent], link: LinkRow | None) -> list[Effort]:
    """The efforts that these intents (of one item) were stored for: one for each time it was decided."""
    together: dict[tuple[int, datetime], list[Intent]] = {}
    for intent in intents:
        together.setdefault((intent.token, intent.created_at), []).append(intent)
    return [_effort_of(mine, link) for mine in together.values()]


def _effort_of(intents: list[Intent], link: LinkRow | None) -> Effort:
    bodies: list[dict[str, Any]] = [decode(bytes(intent.body)) for intent in intents]
    first = bodies[0]
    return Effort(
        left_key=first["left_key"],
        right_key=first["right_key"],
        link=link,
        settled={name: (pair[0], pair[1]) for name, pair in first["settled"].items()},
        seen={Side(side): values for side, values in first["seen"].items()},
        changes=[ChangeRow(Side(c[0]), *c[1:]) for c in first["changes"]],
        attempts=[
            Attempt(
                core.Write(
                    Side(intent.side),
                    core.Op(intent.op),
                    intent.key if intent.op != core.Op.CREATE else None,
                    body["values"],
                    body["expected"],
                    body["version"],
                ),
                intent.pk,
                idempotency_of(intent.pk, intent.created_at),
                in_doubt=not body.get("undone"),
                receipts=body.get("receipts", ""),
            )
            for intent, body in zip(intents, bodies, strict=True)
        ],
        alone=first["alone"],
        actor=first["actor"],
        keeps_conflict=first.get("keeps", False),
        noted=first.get("noted", {}),
        restored={name: Restored.unpacked(back) for name, back in first.get("restored", {}).items()},
    )
