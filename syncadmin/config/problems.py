"""Problems of a configuration: where each is, what is wrong and what is allowed instead.

A problem is plain data; a file's line is added by whoever knows the file. All problems are collected
before anything is refused, so that a person sees them at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from django.utils.translation import gettext as _

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `path` are the keys that lead to it; `remedy`: what to do ('' if clear)."""

    path: Path
    message: str
    remedy: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        """The path in the form people read: `mappings.customers.match[0]`."""
        return dotted(self.path)

    @property
    def text(self) -> str:
        """Message and remedy as one sentence or two."""
        return f"{self.message}. {self.remedy}" if self.remedy else self.message

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"line": self.line, "place": self.place, "message": self.message, "remedy": self.remedy}


class BadConfig(Exception):
    """A configuration that is refused: nothing of it was applied. `problems` has all of them."""

    def __init__(self, problems: Iterable[Problem], source: str = "") -> None:
        self.problems = list(problems)
        self.source = source
        super().__init__("\n".join(self.lines()))

    def lines(self) -> list[str]:
        """One line a problem: `file:line: key.path: message`."""
        return [render(problem, self.source) for problem in self.problems]


def render(problem: Problem, source: str = "") -> str:
    """A problem as one line for a terminal; leaves out what is not known."""
    where = (
        f"{source}:{problem.line}"
        if source and problem.line
        else source or (_("line %(number)s") % {"number": problem.line} if problem.line else "")
    )
    return ": ".join(part for part in (where, problem.place, problem.text) if part)


def dotted(path: Sequence[str | int]) -> str:
    """Keys joined by dots, list positions in brackets."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def quoted(value: object) -> str:
    """A value as it is shown in a message: in double quotes, shortened."""
    text = str(value)
    return f'"{text if len(text) <= 60 else text[:57] + "..."}"'


def unknown(said: str, name: object, allowed: Iterable[str], *, none: str = "", **more: str) -> str:
    """`unknown WHAT "name"; did you mean "x"? Allowed: ...` (`none` is said if nothing is allowed).

    `said` is the sentence's beginning in the reader's language, with `%(name)s` and what `more` holds.
    """
    known = [str(item) for item in allowed]
    return said % {"name": quoted(name), **more} + hint(name, known, none=none)


def hint(name: object, known: Sequence[str], *, none: str = "") -> str:
    """The tail of a message: the nearest allowed name, then all of them."""
    if not known:
        return f"; {none}" if none else ""
    allowed = _("Allowed: %(names)s") % {"names": ", ".join(known)}
    return f"{guess(name, known) or '.'} {allowed}"


def guess(name: object, known: Sequence[str]) -> str:
    """The tail of a message that names the nearest name; '' if none is near."""
    near = get_close_matches(str(name), known, n=1, cutoff=0.6)
    return "; " + _('did you mean "%(near)s"?') % {"near": near[0]} if near else ""
