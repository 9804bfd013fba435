"""What is different in a text beside another one, character by character, as marks for a page.

The differences come from `reconcile-text` (Myers' algorithm). Marks are tidied for the eye: single characters
that two edits happen to share count as changed, and letters are never torn from their accents.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from reconcile_text import diff

TOGETHER = 2_000  # characters, words or lines of both texts: the diff takes the square of this, some 30 ms
MOST = 100_000  # characters above which only beginning and end are compared
ISLAND = 2  # characters alike between two edits that are too few to be shown as such
UNLIKE = 0.65  # share of a text from which on it is another text, not an edited one


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one text: `changed` has a 1 for each character that the other lacks; `gaps` is what it lacks."""

    changed: bytearray
    gaps: dict[int, str] = field(default_factory=dict)

    def part(self, start: int, stop: int) -> Marks:
        """The marks of a part of the text."""
        gaps = {place - start: lost for place, lost in self.gaps.items() if start <= place < stop}
        return Marks(self.changed[start:stop], gaps)

    def places(self) -> Iterator[int]:
        """Where something differs, in order: the ends of each changed run, and the gaps."""
        ends = [*self.gaps]
        at = self.changed.find(1)
        while at >= 0:
            over = self.changed.find(0, at)
            over = len(self.changed) if over < 0 else over
            ends += range(at, over, 60)
            ends.append(over)
            at = self.changed.find(1, over)
        return iter(sorted(ends))


def marks(text: str, other: str) -> Marks:
    """What `text` has and lacks beside `other`."""
    changed = bytearray(len(text))
    start = _common(text, other)
    end = _common(text[start:][::-1], other[start:][::-1])
    middle, rest = text[start : len(text) - end], other[start : len(other) - end]
    found = _compared(middle, rest) if middle and rest else Marks(bytearray(b"\x01" * len(middle)))
    changed[start : start + len(middle)] = found.changed
    gaps = {start + place: missing for place, missing in found.gaps.items()}
    if rest and not middle:
        gaps[start] = rest
    _keep_letters_whole(text, changed)
    return Marks(changed, gaps)


def _common(one: str, two: str) -> int:
    length = min(len(one), len(two))
    if one[:length] == two[:length]:
        return length
    low, high = 0, length  # by halves: comparing slices is much faster than characters
    while low < high:
        half = (low + high + 1) // 2
        if one[:half] == two[:half]:
            low = half
        else:
            high = half - 1
    return low


def _compared(text: str, other: str) -> Marks:
    changed, gaps = bytearray(len(text)), {}
    unit = _unit(text, other)
    if unit is None:
        return Marks(bytearray(b"\x01" * len(text)))
    at = before = 0
    for step in diff(other, text, unit):
        if isinstance(step, str):
            changed[at : at + len(step)] = b"\x01" * len(step)
            at += len(step)
        elif step > 0:
            at, before = at + step, before + step
        else:
            gaps[at] = gaps.get(at, "") + other[before : before - step]
            before -= step
    if len(text) > 4 and sum(changed) > UNLIKE * len(text):
        return Marks(bytearray(b"\x01" * len(text)))
    _fill_islands(changed)
    # where something stands in its place, nothing is missing
    return Marks(changed, {place: lost for place, lost in gaps.items() if not _beside(changed, place)})


def _unit(text: str, other: str) -> Literal["Character", "Word", "Line"] | None:
    """What to compare: characters, words or lines, as there are few enough of them; None if there are not."""
    if len(text) + len(other) <= TOGETHER:
        return "Character"
    if max(len(text), len(other)) > MOST:
        return None
    if len(text.split()) + len(other.split()) <= TOGETHER:
        return "Word"
    return "Line" if text.count("\n") + other.count("\n") <= TOGETHER else None


def _beside(changed: bytearray, place: int) -> bool:
    return any(changed[max(0, place - 1) : place + 1])


def _fill_islands(changed: bytearray) -> None:
    last = -1
    for index, flag in enumerate(changed):
        if flag:
            if 0 <= last < index - 1 <= last + ISLAND:
                changed[last + 1 : index] = b"\x01" * (index - last - 1)
            last = index


def _keep_letters_whole(text: str, changed: bytearray) -> None:
    if text.isascii() or len(text) > MOST:
        return
    for index in range(1, len(text)):
        joined = unicodedata.combining(text[index]) or "\u200d" in text[index - 1 : index + 1]
        if joined and changed[index] != changed[index - 1]:
            changed[index] = changed[index - 1] = 1
