"""Values of other systems, made visible: from a canonical value to what a page shows, in the reader's words.

Values are hostile. Nothing here builds markup: a page gets plain pieces, each with a name for its look, and
escapes them itself. Whitespace, invisible and direction-changing characters become visible marks.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .reasons import translated

SHORT = 600  # characters shown at once
LONG = 20_000  # characters shown on demand

_NAMED = {
    "\t": ("→", gettext_lazy("tab")),
    "\n": ("↵", gettext_lazy("line break")),
    "\r": ("␍", gettext_lazy("carriage return")),
    "\u00a0": ("⍽", gettext_lazy("no-break space")),
    "\u200b": ("·", gettext_lazy("zero-width space")),
    "\ufeff": ("·", gettext_lazy("byte order mark")),
}


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z", re.ASCII)  # a canonical time


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of text. `mark` names a character that would not be seen ('' for ordinary text)."""

    text: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A value ready for a page.

    `look` is one of text, number, word, none, set, json. For `none` the piece says what kind of nothing.
    `rest` is what follows the shown part on demand; `length` is the full length if it was cut.
    """

    look: str
    pieces: tuple[Piece, ...]
    rest: tuple[Piece, ...] = ()
    length: int = 0

    @property
    def plain(self) -> str:
        """The pieces as one string."""
        return "".join(piece.text for piece in self.pieces)


def show(value: Any) -> Shown:
    """A canonical value as pieces to show."""
    if value is None:
        return Shown("none", (Piece(_("empty")),))
    if value == "":
        return Shown("none", (Piece(_("empty text")),))
    if isinstance(value, bool):
        return Shown("word", (Piece(_("yes") if value else _("no")),))
    if isinstance(value, int | float):
        return Shown("number", (Piece(str(value)),))
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        if not value:
            return Shown("none", (Piece(_("empty set")),))
        return Shown(
            "set", tuple(Piece(brief(element, 80)) for element in value[:50]), length=max(0, len(value) - 50)
        )
    if isinstance(value, str):
        if _TIME.fullmatch(value):
            return Shown("text", (Piece(exact(datetime.fromisoformat(value))),))
        return _text("text", value)
    return _text("json", json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True), breaks=True)


def brief(value: Any, limit: int = 60) -> str:
    """A value on one line, for lists and messages; never longer than `limit` characters."""
    if value is None:
        return _("empty")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list) and all(isinstance(element, str) for element in value):
        text = ", ".join(value[:20]) or _("empty set")
    elif isinstance(value, str):
        text = value or _("empty text")
    else:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    head = text[: limit + 1]
    line = "".join(" " if char.isspace() else ("·" if _unseen(char) else char) for char in head)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def exact(at: datetime) -> str:
    """A time to the second, in the reader's zone, which it names."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"


def said_by_name(text: str, left: str, right: str) -> str:
    """A reason of the core or the engine in the reader's language, with the systems' names for its sides."""
    names = {"left": left, "right": right}
    return translated(re.sub(r"\b(?:the )?(left|right) side\b", lambda found: names[found[1]], text))


def _text(look: str, text: str, breaks: bool = False) -> Shown:
    if len(text) <= SHORT:
        return Shown(look, tuple(_pieces(text, breaks)))
    return Shown(
        look,
        tuple(_pieces(text[:SHORT], breaks, cut=True)),
        tuple(_pieces(text[SHORT:LONG], breaks, cut=True)),
        length=len(text),
    )


def _unseen(char: str) -> bool:
    return unicodedata.category(char) in ("Cf", "Cc", "Co", "Cs", "Zl", "Zp")


def _pieces(text: str, breaks: bool, cut: bool = False) -> list[Piece]:
    """Ordinary runs and marks. Single spaces within stay; leading, trailing and doubled ones are marked.

    Where the text is `cut`, its ends are not those of the value.
    """
    pieces: list[Piece] = []
    run = ""
    inner_end = len(text) if cut else len(text.rstrip(" "))
    inner_start = 0 if cut else len(text) - len(text.lstrip(" "))
    for index, char in enumerate(text):
        mark: Piece | None = None
        if char == " ":
            doubled = index and text[index - 1] == " "
            if not breaks and (index < inner_start or index >= inner_end or doubled):
                mark = Piece("␣", _("space"))
        elif char == "\n" and breaks:
            pass
        elif char in _NAMED:
            shown, name = _NAMED[char]
            mark = Piece(shown + ("\n" if char == "\n" else ""), str(name))
        elif _unseen(char):
            mark = Piece(f"U+{ord(char):04X}", unicodedata.name(char, "control character").lower())
        if mark is None:
            run += char
            continue
        if run:
            pieces.append(Piece(run))
            run = ""
        pieces.append(mark)
    if run:
        pieces.append(Piece(run))
    return pieces
