"""The words by which an item is found: folded, so that case, accents and the way of writing do not matter.

A search means words that begin with each of the words typed. Both databases find these by an index-friendly
test of one stored text, without an extension that only an administrator may install.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

WORDS = 64  # stored for an item
LETTERS = 40  # of one word
LOOKED_AT = 400  # characters of one value
_DIGITS = re.compile(r"[\d\s+()/.\-]+", re.ASCII)


def folded(text: str) -> list[str]:
    """The words of a text: letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = (c if c.isalnum() else "" if unicodedata.combining(c) else " " for c in plain)
    return [word[:LETTERS] for word in "".join(letters).split()]


def words_of(values: Iterable[Any]) -> str:
    """The search text of values: distinct words, each after a blank; phone numbers also as one run."""
    found: dict[str, None] = {}
    for value in values:
        for text in _texts(value):
            found.update(dict.fromkeys(folded(text)))
            digits = re.sub(r"\D", "", text, flags=re.ASCII) if _DIGITS.fullmatch(text) else ""
            if digits:
                found[digits[:LETTERS]] = None
        if len(found) >= WORDS:
            break
    return "".join(f" {word}" for word in list(found)[:WORDS])


def _texts(value: Any) -> Iterable[str]:
    if value is None or isinstance(value, bool):
        return ()
    if isinstance(value, list):
        return [text for item in value[:20] for text in _texts(item)]
    if isinstance(value, dict):
        return [text for item in list(value.values())[:20] for text in _texts(item)]
    return (str(value)[:LOOKED_AT],)
