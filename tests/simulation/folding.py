"""Folding the journal: what became of each observed change, as an auditor would work it out."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conflicts.models import Conflict
from syncadmin.models import Entry

from .system import tokens

if TYPE_CHECKING:
    from .world import World

INTERIM = ("held", "rejected")


@dataclass
class Change:
    """One observed change and what became of it."""

    entry: Entry
    final: list[str] = field(default_factory=list)
    interim: list[str] = field(default_factory=list)
    rule: str = ""
    settled_in: int | None = None  # the pass
    link: int | None = None  # where it was settled: a change of a record without a partner has none yet

    @property
    def tokens(self) -> set[str]:
        """The tokens of the new value, or of the values of a record that appeared."""
        return _tokens(self.entry.new)


@dataclass
class Fold:
    """The journal of one mapping, folded."""

    changes: dict[int, Change] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)  # keys (left, right), as ever linked
    paired: list[tuple[str, str]] = field(default_factory=list)  # records (side, key) that ever had a partner

    @property
    def places(self) -> set[tuple[str, str]]:
        """Records (side, key) that the journal knows."""
        return {(e.side, e.key) for e in self.entries} | set(self.paired)

    def story(self, token: str) -> str:
        """What the journal tells of a value."""
        told = [
            f"{e.kind} {e.side} {e.field} {e.old}->{e.new} {e.disposition} {e.rule} of {e.of} (#{e.seq})"
            for e in self.entries
            if token in _tokens(e.new) | _tokens(e.old)
        ]
        return " | ".join(told) or "the journal never saw it"


def _tokens(text: str | None) -> set[str]:
    value: Any = json.loads(text) if text is not None else None
    values = value.values() if isinstance(value, dict) else [value]
    found: set[str] = set()
    for v in values:
        found |= tokens(v)
    return found


def fold(world: World, name: str = "people") -> Fold:
    """Fold the journal of a mapping."""
    folded = Fold()
    waiting: dict[int, int] = defaultdict(int)
    mine = world.mappings[name]
    for item in Conflict.objects.live().filter(mapping=mine).prefetch_related("fields"):
        for seq, _ in item.seqs.values():
            waiting[seq] += 1
        for f in item.fields.all():
            for seq in (f.left_seq, f.right_seq):
                waiting[seq or 0] += 1
    entries = list(Entry.objects.filter(mapping=mine).order_by("seq"))
    folded.entries = entries
    for entry in entries:
        if entry.kind == "link":
            folded.pairs.append(tuple(json.loads(entry.new or '["", ""]')))
            folded.paired += zip(("left", "right"), json.loads(entry.new or "[]"), strict=True)
        if entry.kind == "change":
            folded.changes[entry.seq] = Change(entry)
        elif entry.disposition:
            change = folded.changes.get(entry.of or 0)
            if change is None:
                folded.problems.append(f"#{entry.seq} is about #{entry.of}, which is no change")
            elif entry.disposition == "reverted":
                if not change.final:
                    folded.problems.append(f"#{entry.seq} takes back what #{entry.of} never came to")
                change.final.clear()
                change.rule = ""
            elif entry.disposition in INTERIM:
                change.interim.append(entry.disposition)
            else:
                change.final.append(f"{entry.disposition} ({entry.rule}) #{entry.seq}")
                change.rule, change.settled_in, change.link = entry.rule, entry.pass_id, entry.link_id
    for seq, change in folded.changes.items():
        e = change.entry
        words = f"change #{seq} {e.side} {e.key} {e.field or 'record'} {e.old}->{e.new}"
        if waiting[seq] and change.final:
            folded.problems.append(f"{words} waits in the inbox, but is {change.final}")
        elif not waiting[seq] and len(change.final) != 1:
            folded.problems.append(
                f"{words} has {len(change.final)} final dispositions: {change.final} {change.interim}"
            )
    return folded
