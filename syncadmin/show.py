"""Values of other systems, made visible: from a canonical value to what a page shows, in the reader's words.

Values are hostile. Nothing here builds markup: a page gets plain pieces, each with a name for its look, and
escapes them itself. Whitespace, invisible and direction-changing characters become visible marks.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from .marking import Marks, marks
from .pieces import Piece, pieces, unseen
from .reasons import translated

SHORT = 600  # characters shown at once
LONG = 20_000  # characters shown on demand
AROUND = 80  # characters shown before and after a difference in a long text
MEMBERS = 50  # members of a set that are shown
# times, dates and decimals: a single digit marked within one would tell nothing
_WHOLE = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+Z)?|-?\d+\.\d+", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)  # a canonical time


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
            "set",
            tuple(Piece(brief(element, 80)) for element in value[:MEMBERS]),
            length=max(0, len(value) - MEMBERS),
        )
    if isinstance(value, str):
        if _TIME.fullmatch(value):
            return Shown("text", (Piece(_to_the_end(datetime.fromisoformat(value))),))
        return _text("text", value)
    return _text("json", _json(value), breaks=True)


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
    line = "".join(" " if char.isspace() else ("·" if unseen(char) else char) for char in head)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def exact(at: datetime) -> str:
    """A time to the second, in the reader's zone, which it names."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z}"


def _to_the_end(at: datetime) -> str:
    """A time that is a value: two that differ in a fraction of a second must not look the same."""
    fraction = f".{at.microsecond:06}".rstrip("0") if at.microsecond else ""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S}{fraction} {timezone.localtime(at):%Z}"


def said_by_name(text: str, left: str, right: str) -> str:
    """A reason of the core or the engine in the reader's language, with the systems' names for its sides."""
    names = {"left": left, "right": right}
    return translated(re.sub(r"\b(?:the )?(left|right) side\b", lambda found: names[found[1]], text))


def differing(value: Any, other: Any) -> Shown:
    """A canonical value as pieces to show, with marks at all that `other` has not, or has besides."""
    if isinstance(value, bool) or value is None or other is None:
        return _all_changed(show(value))
    if isinstance(value, list) and isinstance(other, list) and _texts(value) and _texts(other):
        return _members(value, other)
    if isinstance(value, str) and isinstance(other, str) and not _WHOLE.fullmatch(value):
        return _marked("text", value, marks(value, other))
    if isinstance(value, list | dict) and isinstance(other, list | dict):
        text, before = _json(value), _json(other)
        return _marked("json", text, marks(text, before), breaks=True)
    return _all_changed(show(value))


def _all_changed(shown: Shown) -> Shown:
    if shown.look == "none":
        return shown
    return replace(shown, pieces=tuple(replace(piece, change="changed") for piece in shown.pieces))


def _texts(value: list[Any]) -> bool:
    return all(isinstance(element, str) for element in value)


def _members(value: list[str], other: list[str]) -> Shown:
    """A set: its own members first, each marked if it is new, then those that it lacks."""
    theirs, mine = set(other), set(value)
    shown = [Piece(brief(m, 80), change="" if m in theirs else "changed") for m in value[:MEMBERS]]
    shown += [Piece(brief(m, 80), change="gap") for m in other if m not in mine][:MEMBERS]
    if not shown:
        return show(value)
    return Shown("set", tuple(shown), length=max(0, len(value) - MEMBERS))


def _marked(look: str, text: str, found: Marks, breaks: bool = False) -> Shown:
    """A text with its differences; of a long one the places where they are, and all of it on demand."""
    if not text:
        return show(text)
    if len(text) <= SHORT:
        return Shown(look, tuple(pieces(text, breaks, marks=found)))
    parts: list[Piece] = []
    end = shown = 0
    for start, stop in _places(found, len(text)):
        if start > end:
            parts.append(_fold(start - end))
        parts += pieces(text[start:stop], breaks, cut=True, marks=found.part(start, stop))
        end, shown = stop, shown + stop - start
        if shown >= SHORT:
            break
    if end < len(text):
        parts.append(_fold(len(text) - end))
    rest = tuple(pieces(text[:LONG], breaks, cut=True, marks=found.part(0, LONG)))
    return Shown(look, tuple(parts), rest, length=len(text))


def _fold(count: int) -> Piece:
    words = ngettext("%(count)s more character", "%(count)s more characters", count)
    return Piece(words % {"count": count}, change="fold")


def _places(found: Marks, length: int) -> list[tuple[int, int]]:
    """Where something differs, with what is around it, as ranges of the text, in order."""
    ranges: list[tuple[int, int]] = []
    for place in found.places():
        start, stop = max(0, place - AROUND), min(length, place + AROUND)
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], max(stop, ranges[-1][1])
        else:
            ranges.append((start, stop))
        if len(ranges) > 12 or ranges[-1][1] - ranges[0][0] > 40 * SHORT:
            break
    return [(start, min(stop, start + SHORT)) for start, stop in ranges] or [(0, min(length, SHORT))]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def _text(look: str, text: str, breaks: bool = False) -> Shown:
    if len(text) <= SHORT:
        return Shown(look, tuple(pieces(text, breaks)))
    return Shown(
        look,
        tuple(pieces(text[:SHORT], breaks, cut=True)),
        tuple(pieces(text[SHORT:LONG], breaks, cut=True)),
        length=len(text),
    )


def short_number(value: float) -> str:
    """A number that is not negative, to two digits, as the reader's language writes it."""
    rounded = float(f"{max(value, 0):.2g}")
    if rounded < 1e-9:
        return "0"
    places = max(0, 1 - int(f"{rounded:e}".partition("e")[2]))
    text = formats.number_format(rounded, places, use_l10n=True, force_grouping=True)
    return text.rstrip("0").rstrip(".,") if places else text
