"""A text that both sides edited, cut into what they agree on and the places where they do not.

The same differences as in `text`, but nothing is decided: where the sides overlap, a person picks. A place
that only one side edited is a hunk too, with that side as its natural pick.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .text import Edit, edits, unit_for


class Take(StrEnum):
    """What a person takes at a hunk."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"  # the left text, then the right
    BASE = "base"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the texts; where `left` equals `right` there is nothing to pick. `base` may not be known."""

    base: str | None
    left: str
    right: str

    @property
    def agreed(self) -> bool:
        """Whether both sides have the same here."""
        return self.left == self.right

    @property
    def natural(self) -> Take | None:
        """The pick that loses nothing: the only side that edited; None if both did, or if it is not known."""
        if self.base is None:
            return None
        if self.left == self.base:
            return Take.RIGHT
        return Take.LEFT if self.right == self.base else None

    def text(self, take: Take) -> str:
        """What the merged text holds here."""
        if take is Take.BOTH:
            return self.left + _between(self.left, self.right) + self.right
        return {Take.LEFT: self.left, Take.RIGHT: self.right, Take.BASE: self.base or ""}[take]


def parts(base: str | None, left: str, right: str) -> list[Part]:
    """The texts in parts, in order. Without a base the left text counts as it, so no side is the natural one.

    Raises `text.Overlap` if the texts are too large to be compared.
    """
    ground = left if base is None else base
    unit = unit_for(ground, left, right)
    mine, theirs = edits(ground, left, unit), edits(ground, right, unit)
    found: list[Part] = []
    position = 0
    for start, end in _places(sorted({*mine, *theirs})):
        if start > position:
            same = ground[position:start]
            found.append(Part(same, same, same))
        old = ground[start:end]
        new = [_edited(ground, start, end, which) for which in (mine, theirs)]
        found.append(Part(old if base is not None else None, *new))
        position = end
    if position < len(ground):
        found.append(Part(ground[position:], ground[position:], ground[position:]))
    return found


def compose(pieces: Sequence[Part], takes: Sequence[Take]) -> str:
    """The merged text: one take for each part that is not agreed, in order. Raises ValueError otherwise."""
    wanted = list(takes)
    if len(wanted) != sum(not part.agreed for part in pieces):
        raise ValueError("one pick is needed for each difference")
    chosen = iter(wanted)
    return "".join(part.left if part.agreed else part.text(next(chosen)) for part in pieces)


def _places(ordered: Sequence[Edit]) -> list[tuple[int, int]]:
    """Ranges of the base that edits touch, those that touch each other as one."""
    ranges: list[tuple[int, int]] = []
    for edit in ordered:
        if ranges and edit.start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], max(ranges[-1][1], edit.end)
        else:
            ranges.append((edit.start, edit.end))
    return ranges


def _edited(base: str, start: int, end: int, made: Sequence[Edit]) -> str:
    """The part of the base from `start` to `end` with the edits in it."""
    text, position = "", start
    for edit in made:
        if edit.start >= start and edit.end <= end:
            text += base[position : edit.start] + edit.text
            position = edit.end
    return text + base[position:end]


def _between(one: str, two: str) -> str:
    """What keeps two texts apart that are put one after the other."""
    if not one or not two or one[-1].isspace() or two[0].isspace():
        return ""
    return "\n" if "\n" in one or "\n" in two else " "
