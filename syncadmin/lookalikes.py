"""Letters that look like those of another script: a Cyrillic one in a Latin word, or a whole word of them.

From Unicode's list of confusable characters. Pure functions over text; only what is not ASCII is looked up.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from confusable_homoglyphs import categories, confusables

_WORD = re.compile(r"[^\W\d_]{2,}")
_SHARED = {"COMMON", "INHERITED"}


def impostors(text: str) -> dict[int, str]:
    """By position: letters in words of mixed scripts that look like a letter of the word's other script.

    The value is the letter that it looks like. In a word with as much of one script as of another, the Latin
    ones count as genuine.
    """
    found: dict[int, str] = {}
    if text.isascii():
        return found
    for word in _WORD.finditer(text):
        if word[0].isascii():
            continue
        scripts = [_script(char) for char in word[0]]
        kinds = {script for script in scripts if script not in _SHARED}
        if len(kinds) < 2:
            continue
        genuine = max(kinds, key=lambda kind: (scripts.count(kind), kind == "LATIN"))
        for offset, (char, script) in enumerate(zip(word[0], scripts, strict=True)):
            if script not in (genuine, *_SHARED) and (twin := _twin(char, genuine)):
                found[word.start() + offset] = twin
    return found


def look_the_same(one: str, two: str) -> bool:
    """Whether two different texts differ only in letters that look alike."""
    return one != two and not (one.isascii() and two.isascii()) and _skeleton(one) == _skeleton(two)


def _skeleton(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    return "".join(char if char.isascii() else _twin(char, "LATIN") or char for char in plain)


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return "LATIN" if char.isascii() else str(categories.alias(char))


@lru_cache(maxsize=4096)
def _twin(char: str, script: str) -> str:
    """The single letter of `script` that looks like `char`, '' if there is none."""
    for found in confusables.is_confusable(char, preferred_aliases=[script]) or ():
        for other in found["homoglyphs"]:
            if len(other["c"]) == 1 and _script(other["c"]) == script:
                return str(other["c"])
    return ""
