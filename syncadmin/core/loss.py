"""Loss: whether a value says less than the one it replaces, and how many of one field's values do.

Pure. A value says less if it is the old one with something cut off, blanked out or left out. One such value
is an edit like any other; thousands at once are a broken import, a narrowed column or a masked export.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from .fieldtype import Kind
from .values import Value, empty, encode, same

FILLERS = frozenset("?\ufffd*#_xX0")  # what takes the place of characters that were masked or not understood
ZEROS = frozenset("0")
ELLIPSIS = ". \u2026"
WATCHED = 10_000  # values counted at once
EXAMPLES = 5


def says_less(kind: Kind, old: Value, new: Value) -> bool:
    """Whether `new` is `old` with a part of it gone. An empty value is a blank, which is counted apart."""
    if empty(old) or empty(new) or same(old, new):
        return False
    if kind is Kind.TEXT:
        return _text_less(str(old), str(new))
    if kind in (Kind.DECIMAL, Kind.DATETIME):
        return _filled(str(old), str(new), ZEROS)  # rounded, or a time of day that became midnight
    if kind is Kind.SET:
        return isinstance(old, list) and isinstance(new, list) and set(new) < set(old)
    return kind is Kind.JSON and _is_part(old, new)


def _text_less(old: str, new: str) -> bool:
    """Cut off, at least halved, or with characters replaced by fillers; spaces do not count."""
    old, new = " ".join(old.split()), " ".join(new.split())
    if old == new:
        return False
    kept = new.rstrip(ELLIPSIS)
    return (len(kept) < len(old) and kept in old) or 2 * len(new) <= len(old) or _filled(old, new, FILLERS)


def _filled(old: str, new: str, fillers: frozenset[str]) -> bool:
    return len(old) == len(new) and all(
        a == b or (b in fillers and a not in fillers) for a, b in zip(old, new, strict=True)
    )


def _is_part(old: Value, new: Value) -> bool:
    """Whether the JSON value `new` is `old` without some of its members, or with members that say less."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(name in old and _kept_or_part(old[name], value) for name, value in new.items())
    if isinstance(old, list) and isinstance(new, list):
        left = iter(old)
        return all(any(_kept_or_part(member, value) for member in left) for value in new)
    return isinstance(old, str) and isinstance(new, str) and _text_less(old, new)


def _kept_or_part(old: Value, new: Value) -> bool:
    return same(old, new) or (empty(new) and not empty(old)) or _is_part(old, new)


@dataclass(frozen=True, slots=True)
class Example:
    """One replaced value: whose, what it was, what it would be."""

    label: str
    old: Value
    new: Value


@dataclass(slots=True)
class Losses:
    """What the planned updates do to one field of one side: values that say less, and values that become one.

    Memory is bounded: with WATCHED different values counted, each further one takes one off all. So a value
    that is set in `n` records is counted at least `n - total / WATCHED` times.
    """

    shrunk: int = 0
    shrunk_examples: list[Example] = field(default_factory=list)
    same: int = 0
    same_examples: list[Example] = field(default_factory=list)
    _counts: Counter[Hashable] = field(default_factory=Counter)
    _leader: Hashable = None

    def add(self, kind: Kind, example: Example) -> None:
        """Count one value that takes the place of another."""
        if empty(example.old) or empty(example.new) or same(example.old, example.new):
            return
        if says_less(kind, example.old, example.new):
            self.shrunk += 1
            _show(self.shrunk_examples, example)
        self._count(example)

    def _count(self, example: Example) -> None:
        value = hash(encode({"": example.new}))
        if value not in self._counts and len(self._counts) >= WATCHED:
            self._counts = Counter({v: n - 1 for v, n in self._counts.items() if n > 1})
            return
        self._counts[value] += 1
        if self._counts[value] > self.same:
            self.same = self._counts[value]
            if value != self._leader:
                self._leader, self.same_examples = value, []
        if value == self._leader:
            _show(self.same_examples, example)


def _show(examples: list[Example], example: Example) -> None:
    if len(examples) < EXAMPLES:
        examples.append(example)
