"""Three-way merge of text: exact, the same from both sides, and never a guess.

The two differences come from `reconcile-text` (Myers' algorithm by words, MIT licence). How they are put
together is ours, because that library weaves overlapping edits into each other where we want a person, and
merge3 is GPL. The rule is that of diff3 (Khanna, Kunal, Pierce: A Formal Investigation of Diff3, 2007): two
edits of the base go together if something that neither touched lies between them, or if they are the same
edit; otherwise they overlap. An edit is a range of the base and its new text, so the result holds nothing
but base text and edits, whichever side is named first.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from reconcile_text import diff

Unit = Literal["Word", "Line"]

MAX_CHARACTERS = 200_000
MAX_TOKENS = 2_800  # words or lines of two texts together: the diff takes the square of this, about 0.3 s


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The base's characters `start` to `end` become `text`."""

    start: int
    end: int
    text: str

    def touches(self, other: Edit) -> bool:
        """Whether nothing that both left alone lies between the two edits."""
        return self.start <= other.end and other.start <= self.end


class Overlap(Exception):
    """Both sides edited the same place, or the texts are too large to compare. Says which."""


def merge_text(base: str, left: str, right: str) -> str:
    """`base` with the edits of both sides. Raises `Overlap` where a person has to look."""
    if max(len(base), len(left), len(right)) > MAX_CHARACTERS:
        raise Overlap(f"a text has more than {MAX_CHARACTERS} characters")
    unit = unit_for(base, left, right)
    merged = sorted({*edits(base, left, unit), *edits(base, right, unit)})
    for one, two in pairwise(merged):
        if one.touches(two):
            raise Overlap(f"both sides edited the text near {_shown(base, one.start, two.end)!r}")
    parts: list[str] = []
    position = 0
    for edit in merged:
        parts += (base[position : edit.start], edit.text)
        position = edit.end
    return "".join((*parts, base[position:]))


def unit_for(base: str, left: str, right: str) -> Unit:
    """What to compare: words, or lines where there are too many words."""
    if len(base.split()) + max(len(left.split()), len(right.split())) <= MAX_TOKENS:
        return "Word"
    if base.count("\n") + max(left.count("\n"), right.count("\n")) <= MAX_TOKENS:
        return "Line"
    raise Overlap("the texts are too large to be merged")


def edits(base: str, changed: str, unit: Unit) -> list[Edit]:
    """The edits that turn `base` into `changed`, in order; neighbours are one edit."""
    edits: list[Edit] = []
    position = start = 0
    text = ""
    for step in (*diff(base, changed, unit), 0):
        if isinstance(step, str):
            text += step
        elif step < 0:
            position -= step
        else:
            if text or position > start:
                edits.append(_trimmed(base, start, position, text))
            position += step
            start, text = position, ""
    return edits


def _trimmed(base: str, start: int, end: int, text: str) -> Edit:
    """An edit without the space around it that it does not change: a word is diffed with its space."""
    while start < end and text and base[start] == text[0] and text[0].isspace():
        start, text = start + 1, text[1:]
    while start < end and text and base[end - 1] == text[-1] and text[-1].isspace():
        end, text = end - 1, text[:-1]
    return Edit(start, end, text)


def _shown(base: str, start: int, end: int) -> str:
    excerpt = base[max(0, start - 20) : end + 20]
    return excerpt if len(excerpt) <= 80 else excerpt[:77] + "..."
