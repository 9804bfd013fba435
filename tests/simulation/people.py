"""Simulated people: users who edit both systems, and staff who decide what waits in the inbox.

Every value a user writes carries a token of its own, so that the checker can tell whose it is, and which
values somebody had seen when they were replaced.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from conflicts.models import Conflict, LearnedRule, RuleState
from conflicts.models import Decision as Made
from conflicts.services import NAMED, RECORD_PICKS, FieldChoice, Invalid, Moved, RecordChoice, resolve
from connectors.base import ChangeMode
from syncadmin.core.plan import ConflictKind, PickKind, RecordPickKind

from .system import Missing, Refused, Row, System, Values, tokens

TEXTS = ("a", "b", "c", "o")


@dataclass(frozen=True)
class Decision:
    """What a person decided, and the tokens that the person saw and gave up, by field."""

    entities: set[int]
    given_up: dict[str, set[str]]
    leaves: bool = False
    restores: bool = False
    creates: bool = False
    deletes: bool = False


@dataclass
class People:
    """All users and staff of one history."""

    systems: dict[str, System]
    probes: Any
    references: bool = False
    badges: bool = False
    rng: random.Random = field(default_factory=random.Random)
    serial: int = 0
    entities: int = 0
    hot: int = 0
    written: set[str] = field(default_factory=set)
    decisions: list[Decision] = field(default_factory=list)
    staff: Any = None
    acts: int = 0
    ruled: int = 0  # the last decision of a rule that is noted
    edits: tuple[str, ...] = ()  # the only fields that they edit; none: any
    disputed: tuple[str, ...] = ()  # the fields that were decided last

    # ------------------------------------------------------------ users

    def act(self, rng: random.Random, weights: tuple[int, ...] = (12, 2, 2, 1)) -> None:
        """Some user does something to some record."""
        self.rng = rng
        act = rng.choices([self.edit, self.create, self.delete, self.restore], weights)[0]
        try:
            act()
            self.acts += 1
        except (Refused, Missing):
            self.probes["user refused by a system"] += 1

    def create(self) -> None:
        """A new person, or one that the other side, or even this one, knows already."""
        rng, system = self.rng, self._system()
        others = self._rows(self.systems["right" if system.side == "left" else "left"])
        own = self._rows(system)
        dice = rng.random()
        if others and dice < 0.25:
            entity, email = self._who(rng.choice(others))
        elif own and dice < 0.32:
            entity, email = self._who(rng.choice(own))
            self.probes["twin created"] += 1
        else:
            self.entities += 1
            entity, email = self.entities, f"e{self.entities}.0@x"
        self.hot = entity
        values: Values = {"email": email, "born": self._text(entity), "n": 0, "s": [], "p": None}
        values |= {name: self._text(entity) if rng.random() < 0.6 else None for name in TEXTS}
        if self.badges:
            values["d"] = self._text(entity) if rng.random() < 0.6 else None
        if rng.random() < 0.03:
            values["email"] = None
        if self.references:
            values["f"] = self._a_firm(system)
        system.create("people", values, "user")

    def edit(self) -> None:
        """Change one or two fields of a record."""
        rng, system = self.rng, self._system()
        row = self._a_row(system)
        if row is None:
            return
        entity = self._who(row)[0]
        self.hot = entity
        names = list(self.edits) or [
            "a",
            "a",
            "b",
            "c",
            "c",
            "o",
            "n",
            "s",
            "p",
            *(["f"] if self.references else []),
            *(["d"] * 3 if self.badges else []),
        ]
        values = {
            name: self._value(system, row, name, entity)
            for name in rng.choices(names, k=rng.choice([1, 1, 2]))
        }
        if rng.random() < 0.04:
            self.serial += 1
            values["email"] = self._wrote(f"e{entity}.{self.serial}@x")
        late = (
            timedelta(seconds=rng.randint(1, 28))
            if system.habits.late_commits and rng.random() < 0.4
            else timedelta()
        )
        if late:
            self.probes["late commit"] += 1
        system.edit("people", row.key, values, "user", late=late)

    def edit_there(self, rng: random.Random, side: str, key: str) -> None:
        """Change one field of this very record, if it is there."""
        self.rng, system = rng, self.systems[side]
        row = system.live("people").get(key)
        if row is None:
            return
        name, entity = rng.choice(["a", "b", "c", "n", "s", "p"]), self._who(row)[0]
        try:
            system.edit("people", key, {name: self._value(system, row, name, entity)}, "user")
            self.acts += 1
        except Refused:
            self.probes["user refused by a system"] += 1

    def delete(self) -> None:
        """Delete a record; now and then many."""
        system = self._system()
        rows = self._rows(system)
        count = len(rows) if self.rng.random() < 0.04 else 1
        for row in self.rng.sample(rows, min(count, len(rows))):
            self.hot = self._who(row)[0]
            system.delete("people", row.key, "user")

    def wipe(self, rng: random.Random) -> None:
        """Somebody deletes nearly everything on one side."""
        system = self.systems[rng.choice(["left", "right"])]
        rows = self._rows(system)
        for row in rng.sample(rows, max(len(rows) - rng.choice([0, 0, 1]), 0)):
            system.delete("people", row.key, "user")

    def change_their_mind(self, rng: random.Random) -> None:
        """Somebody edits what was decided a moment ago, before the decision can be carried out."""
        self.rng = rng
        system = self._system()
        rows = [row for row in self._rows(system) if self._who(row)[0] == self.hot]
        names = [name for name in self.disputed if name in TEXTS]
        if not rows or not names:
            return
        self.probes["edited what was just decided"] += 1
        try:
            system.edit("people", rng.choice(rows).key, {rng.choice(names): self._text(self.hot)}, "user")
        except Refused:
            self.probes["user refused by a system"] += 1

    def think_again(self, rng: random.Random) -> None:
        """Somebody takes an edit or a delete back, or decides what waits."""
        self.rng = rng
        try:
            if not self.decide(rng) or rng.random() < 0.5:
                self.take_back()
        except Refused:
            self.probes["user refused by a system"] += 1

    def take_back(self) -> None:
        """Whoever was the last to edit or delete a record, if it is as they left it, sets it back."""
        audit = self.systems["left"].audit
        done = (e for e in reversed(audit) if e.actor == "user" and e.resource == "people")
        last = next((e for e in done if e.op != "create"), None)
        if last is None:
            return
        system = self.systems[last.side]
        row = system.live("people").get(last.key)
        if last.op == "delete" and last.key in system.trash("people"):
            self.probes["delete taken back"] += 1
            system.restore("people", last.key, "user")
        elif row is not None and last.new is not None and last.new.items() <= row.values.items():
            self.probes["edit taken back"] += 1
            system.edit("people", last.key, dict(last.old or {}), "user")

    def delete_first(self, rng: random.Random, side: str) -> None:
        """Delete the record that comes first in a listing."""
        rows = sorted(self._rows(self.systems[side]), key=lambda row: row.key)
        if len(rows) > 1:
            self.systems[side].delete("people", rows[0].key, "user")

    def restore(self) -> None:
        """Take a record out of the trash, or make a deleted one anew."""
        system = self._system()
        trash = system.trash("people")
        if trash:
            system.restore("people", self.rng.choice(trash), "user")
            self.probes["restored from the trash"] += 1
        elif self.hot:
            self.probes["made anew"] += 1
            values = {"email": f"e{self.hot}.0@x", "born": self._text(self.hot), "n": 0, "s": [], "p": None}
            values |= dict.fromkeys(TEXTS) | ({"f": None} if self.references else {})
            values |= {"d": None} if self.badges else {}
            system.create("people", values, "user")

    def _value(self, system: System, row: Row, name: str, entity: int) -> Any:
        rng = self.rng
        if name == "f":
            return self._a_firm(system)
        if name == "n":
            return (row.values.get("n") or 0) + rng.choice([1, 2, 5])
        if name == "s":
            kept = [m for m in row.values.get("s") or [] if rng.random() < 0.7]
            return [*kept, *([self._text(entity)] if rng.random() < 0.8 else [])]
        if name == "p":
            self.serial += 1
            self.written.add(f"d{self.serial}")
            return Decimal(self.serial) + Decimal("0.25")
        dice = rng.random()
        if dice < 0.06:
            return row.values.get(name)
        if dice < 0.12:
            return None
        if dice < 0.2 and (theirs := self._other_value(system, entity, name)) is not None:
            return theirs
        return self._text(entity) + ("  " if rng.random() < 0.15 else "")

    def _other_value(self, system: System, entity: int, name: str) -> Any:
        other = self.systems["right" if system.side == "left" else "left"]
        found = [r for r in self._rows(other) if self._who(r)[0] == entity]
        return found[0].values.get(name) if found else None

    def _text(self, entity: int) -> str:
        self.serial += 1
        return self._wrote(f"e{entity}-{self.serial}")

    def _wrote(self, value: str) -> str:
        self.written |= tokens(value)
        return value

    def _system(self) -> System:
        return self.systems[self.rng.choice(["left", "right"])]

    def _rows(self, system: System) -> list[Row]:
        return list(system.live("people").values())

    def _a_row(self, system: System) -> Row | None:
        """A record, more often than not the one that somebody has just touched."""
        rows = self._rows(system)
        hot = [r for r in rows if self._who(r)[0] == self.hot]
        if hot and self.rng.random() < 0.6:
            return self.rng.choice(hot)
        return self.rng.choice(rows) if rows else None

    def _who(self, row: Row) -> tuple[int, str]:
        return who(row.values), row.values.get("email") or f"e{who(row.values)}.0@x"

    def _a_firm(self, system: System) -> str | None:
        """The key of a firm on this side, now and then a new one."""
        firms = list(system.live("firms"))
        if not firms or self.rng.random() < 0.3:
            self.entities += 1
            return system.create(
                "firms", {"email": f"e{self.entities}.0@x", "a": self._text(self.entities)}, "user"
            ).key
        return self.rng.choice([*firms, None])

    # ------------------------------------------------------------ staff

    def note_rules(self) -> None:
        """What learned rules have decided since, with what they gave up, as for any other decision."""
        for made in Made.objects.filter(rule__isnull=False, pk__gt=self.ruled).order_by("pk"):
            self.ruled = made.pk
            conflict = Conflict.objects.get(pk=made.conflict_id)
            entities = {who(conflict.snapshot.get(side) or {}) for side in ("left", "right")}
            lost = tokens(made.right if made.kind == PickKind.LEFT else made.left)
            self.decisions.append(Decision(entities, {made.field: lost}))
            self.probes[f"a rule decided {made.pattern}"] += 1
            self.probes["decided by a rule"] += 1
        suspended = LearnedRule.objects.filter(state=RuleState.SUSPENDED).count()
        self.probes["a rule was suspended"] = suspended

    def decide(self, rng: random.Random, *, firmly: bool = False) -> bool:
        """Somebody decides one open item. `firmly`: no answer that leaves things as they are."""
        waiting = Conflict.objects.raw("SELECT * FROM conflicts_conflict WHERE state = 'open' ORDER BY id")
        items = list(waiting)
        if not items:
            return False
        item = rng.choice(items)
        picks, record, decision = self._choose(rng, item, firmly)
        try:
            resolve(item.pk, item.revision, picks, record, self.staff)
        except (Moved, Invalid):
            self.probes["decision refused"] += 1
            return False
        self.probes[f"decided {item.kind}"] += 1
        self.decisions.append(decision)
        self.hot = max(decision.entities)
        self.disputed = tuple(picks)
        return True

    def _choose(
        self, rng: random.Random, item: Conflict, firmly: bool
    ) -> tuple[dict[str, FieldChoice], RecordChoice | None, Decision]:
        given_up: dict[str, set[str]] = {}
        entities = {who(item.snapshot.get(side) or {}) for side in ("left", "right")}
        kinds = list(RECORD_PICKS[ConflictKind(item.kind)])
        if item.mapping.name == "badges" and not item.candidates:  # it makes no records
            kinds = [k for k in kinds if k not in (*NAMED, RecordPickKind.CREATE)]
        elif item.mapping.name == "badges":
            kinds = [k for k in kinds if k is not RecordPickKind.CREATE]
        fields = list(item.fields.all())
        leaving = (RecordPickKind.LEAVE, RecordPickKind.IGNORE)
        if fields and (not kinds or rng.random() < 0.8):
            picks = {f.field: self._pick(rng, f, firmly, given_up) for f in fields}
            groups = [p for name, p in picks.items() if name in "bc"]
            if len(groups) == 2:  # decided together, if they are a group: from one side
                picks["c"] = FieldChoice(groups[0].kind, groups[0].typed and self._text(0))
                given_up["c"] = set().union(
                    *(tokens(v) for f in fields if f.field == "c" for v in (f.left, f.right))
                )
            leaves = any(p.kind is PickKind.LEAVE for p in picks.values())
            return picks, None, Decision(entities, given_up, leaves)
        kinds = [k for k in kinds if not (firmly and k in leaving)] or kinds
        kind = rng.choice(kinds)
        if kind in NAMED and not item.candidates:
            kind = RecordPickKind.CREATE
        key = rng.choice(item.candidates) if kind in NAMED else ""
        if kind is RecordPickKind.DELETE:
            for side in ("left", "right"):
                for name, value in item.snapshot.get(side, {}).items():
                    given_up.setdefault(name, set()).update(tokens(value))
        return (
            {},
            RecordChoice(kind, key),
            Decision(
                entities,
                given_up,
                kind in leaving,
                kind is RecordPickKind.RESTORE,
                kind in (RecordPickKind.CREATE, RecordPickKind.DISTINCT),  # not the same: so it needs one
                kind is RecordPickKind.DELETE,
            ),
        )

    def _pick(self, rng: random.Random, f: Any, firmly: bool, given_up: dict[str, set[str]]) -> FieldChoice:
        kinds = [PickKind.LEFT, PickKind.RIGHT, PickKind.LEFT, PickKind.RIGHT]
        kinds += [] if firmly else [PickKind.LEAVE]
        kinds += [PickKind.BASE] if f.has_base else []
        kinds += [PickKind.VALUE] if f.field in TEXTS else []
        kind = rng.choice(kinds)
        lost = given_up.setdefault(f.field, set())
        if kind is not PickKind.LEFT and kind is not PickKind.LEAVE:
            lost |= tokens(f.left)
        if kind is not PickKind.RIGHT and kind is not PickKind.LEAVE:
            lost |= tokens(f.right)
        if kind is not PickKind.VALUE:
            return FieldChoice(kind)
        entity = next(iter(tokens(f.left) | tokens(f.right)), "0-0").split("-")[0]
        return FieldChoice(kind, self._text(int(entity)))


def who(values: Values) -> int:
    """The entity that a record is about, by the tokens it holds."""
    for name in ("email", "born", *TEXTS):
        for t in tokens(values.get(name)):
            return int(t.split("-")[0])
    return 0


__all__ = ["ChangeMode", "Decision", "People", "who"]
