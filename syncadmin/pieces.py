"""A text cut into pieces for a page: ordinary runs, characters that would not be seen, and differences.

Whitespace, invisible and direction-changing characters and letters of a foreign script become visible marks.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .lookalikes import impostors
from .marking import Marks

_NAMED = {
    "\t": ("→", gettext_lazy("tab")),
    "\n": ("↵", gettext_lazy("line break")),
    "\r": ("␍", gettext_lazy("carriage return")),
    "\u00a0": ("⍽", gettext_lazy("no-break space")),
    "\u200b": ("·", gettext_lazy("zero-width space")),
    "\ufeff": ("·", gettext_lazy("byte order mark")),
}
_MISSING = 40  # characters of what is missing that are told


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text. `mark` names a character that would not be seen or is not what it seems ('' for none).

    `change` tells how it differs from another value: "changed" (the other has not got it), "gap" (the other
    has `mark` here; a set's member that is missing is the text itself), "fold" (the text says how much alike
    is left out), or "" for no difference.
    """

    text: str
    mark: str = ""
    change: str = ""


def unseen(char: str) -> bool:
    """Whether a character leaves no trace on a page."""
    return unicodedata.category(char) in ("Cf", "Cc", "Co", "Cs", "Zl", "Zp")


def pieces(text: str, breaks: bool, cut: bool = False, marks: Marks | None = None) -> list[Piece]:
    """Ordinary runs and marks. Single spaces within stay; leading, trailing and doubled ones are marked.

    With `breaks` lines and indents are those of the text. Where the text is `cut`, its ends are not those of
    the value.
    """
    found = impostors(text)
    changed = marks.changed if marks is not None else bytearray(len(text))
    gaps = marks.gaps if marks is not None else {}
    inner = (0, len(text)) if cut else (len(text) - len(text.lstrip(" ")), len(text.rstrip(" ")))
    made: list[Piece] = []
    start = 0

    def close(end: int) -> None:
        if end > start:
            made.append(Piece(text[start:end], change="changed" if changed[start] else ""))

    for index, char in enumerate(text):
        mark = _mark(text, index, char, breaks, inner)
        if mark is None and index in found:
            mark = Piece(char, _impostor(char, found[index]))
        turned = index > start and changed[index] != changed[index - 1]
        if mark is None and index not in gaps and not turned:
            continue
        close(index)
        start = index
        if index in gaps:
            made.append(_gap(gaps[index]))
        if mark is not None:
            made.append(Piece(mark.text, mark.mark, "changed" if changed[index] else ""))
            start = index + 1
    close(len(text))
    if len(text) in gaps:
        made.append(_gap(gaps[len(text)]))
    return made


def _mark(text: str, index: int, char: str, breaks: bool, inner: tuple[int, int]) -> Piece | None:
    """The visible mark of a character that would not be seen."""
    if char == " ":
        doubled = index and text[index - 1] == " "
        outside = not inner[0] <= index < inner[1]
        return Piece("␣", _("space")) if not breaks and (outside or doubled) else None
    if char == "\n" and breaks:
        return None
    if char in _NAMED:
        shown, name = _NAMED[char]
        return Piece(shown + ("\n" if char == "\n" else ""), str(name))
    if unseen(char):
        return Piece(f"U+{ord(char):04X}", unicodedata.name(char, "control character").lower())
    return None


def _impostor(char: str, twin: str) -> str:
    name = unicodedata.name(char, f"U+{ord(char):04X}").lower()
    return _("not %(twin)s but %(name)s") % {"twin": twin, "name": name}


def _gap(lost: str) -> Piece:
    shown = "".join("·" if unseen(char) else char for char in lost[:_MISSING])
    return Piece("", shown + ("…" if len(lost) > _MISSING else ""), "gap")
