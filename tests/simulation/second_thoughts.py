"""Staff change their minds: decisions are taken back, right away, later, or while a pass carries them out.

Now and then they decide by a rule all that waits, and take that back as a whole.

It draws from random numbers of its own, and only in some histories: what else happens stays as it was.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from conflicts.models import BulkItem, BulkRun, Conflict, RunKind
from conflicts.models import Decision as Made
from conflicts.services import bulk
from conflicts.services.undo import undo
from conflicts.undoable import Fate, Look, look
from syncadmin.core.bulk import Rule

from .people import Decision, People, who
from .system import tokens

SHARE = 0.4  # of all histories
RECENT = 6


@dataclass
class SecondThoughts:
    """One history's second thoughts."""

    people: People
    rng: random.Random
    often: float

    @classmethod
    def of(cls, seed: int, people: People) -> SecondThoughts:
        """Those of a seed; in most histories nobody has any."""
        rng = random.Random(f"second thoughts {seed}")
        return cls(people, rng, 0.6 if rng.random() < SHARE else 0)

    def now_and_then(self, share: float = 1.0) -> bool:
        """Maybe somebody takes back one of the last decisions. Returns whether anybody tried."""
        if not self.often or self.rng.random() >= self.often * share:
            return False
        if self.rng.random() < 0.15:
            self.in_bulk()
        else:
            self.take_back()
        return True

    def in_bulk(self) -> None:
        """Somebody decides all that waits by a rule, or undoes the last time that was done.

        Between preview and confirmation users go on as they like.
        """
        before = BulkRun.objects.filter(kind=RunKind.DECIDE).order_by("-pk").first()
        if before is not None and self.rng.random() < 0.6:
            run = bulk.start_undo(before, self.people.staff, override=self.rng.random() < 0.5)
        else:
            rule = self.rng.choice(list(Rule))
            run = bulk.start(rule, self.people.staff, query="mapping=people")
        bulk.prepare(run.pk)
        bulk.confirm(run.pk)
        while bulk.step(run.pk).more:
            pass
        run.refresh_from_db()
        self.people.probes[f"bulk {run.kind}: items"] += run.decided
        for reason in run.items.filter(state="left out").values_list("reason", flat=True):
            self.people.probes[f"bulk {run.kind} left out: {reason}"] += 1
        for item in run.items.filter(state="decided").select_related("conflict"):
            self._note_item(item)

    def _note_item(self, item: BulkItem) -> None:
        """What an item of a run gave up: of an undo what was there, else what the other side held."""
        given_up: dict[str, set[str]] = {}
        for name, pick in item.picks.items():
            if isinstance(pick, list):
                values = pick[1:]
            else:
                made = item.conflict.decisions.filter(field=name).latest("pk")
                values = [made.right if pick == "left" else made.left]
            given_up[name] = set().union(*(tokens(value) for value in values))
        entities = {who(item.conflict.snapshot.get(side) or {}) for side in ("left", "right")}
        self.people.decisions.append(Decision(entities, given_up))

    def take_back(self) -> None:
        """Somebody undoes a decision, whole or for one field, and may insist on it."""
        mine = Made.objects.filter(mapping__name="people", undone_at=None)
        recent = list(mine.order_by("-pk")[:RECENT])
        if not recent:
            return
        chosen = self.rng.choice(recent)
        if self.rng.random() < 0.7:  # rather one that a pass has carried out
            chosen = next((m for m in recent if m.field and m.conflict.state != "decided"), chosen)
        numbers = [m.pk for m in recent if (m.conflict_id, m.at) == (chosen.conflict_id, chosen.at)]
        if self.rng.random() < 0.3:
            numbers = [chosen.pk]
        looks = look(Made.objects.filter(pk__in=numbers))
        over = {}
        if self.rng.random() < 0.5:
            over = {each.decision.pk: each.now for each in looks if each.now and each.fate is Fate.MOVED}
        result = undo(numbers, self.people.staff, over=over)
        for each in result.left:
            self.people.probes[f"undo refused: {each.fate}"] += 1
        for each in result.done:
            self.people.probes[f"undone: {each.fate}"] += 1
        if result.done:
            self._note(result.done)

    def _note(self, looks: list[Look]) -> None:
        """What was seen and given up, as for any other decision."""
        given_up: dict[str, set[str]] = {}
        entities: set[int] = set()
        for each in looks:
            decision = each.decision
            conflict = Conflict.objects.get(pk=decision.conflict_id)
            entities |= {who(conflict.snapshot.get(side) or {}) for side in ("left", "right")}
            for value in each.now or ():
                given_up.setdefault(decision.field, set()).update(tokens(value))
        self.people.decisions.append(Decision(entities, given_up))
        self.people.hot = max(entities)
