"""Normalisation of text: trim, case, e-mail, phone, Unicode form, empty as null.

Nothing is normalised unless the field mapping asks for it: text that merely looks different is
different, and what is normalised is also what gets written to the other side.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from .fieldtype import Normalize

_PHONE = re.compile(r"\+?[\d\s().\-/]+")


def email(text: str) -> str:
    """An e-mail address without surrounding space, in lower case."""
    return text.strip().lower()


def phone(text: str) -> str:
    """A phone number as digits, with a leading `+` if it is international.

    Text that holds anything but digits and the usual punctuation ("ask for Ann, ext. 12") says more than
    a number does, so it is only trimmed.
    """
    trimmed = text.strip()
    if not _PHONE.fullmatch(trimmed):
        return trimmed
    international = trimmed.startswith(("+", "00"))
    if international:
        trimmed = trimmed.removeprefix("00").replace("(0)", "")
    digits = "".join(character for character in trimmed if character.isdigit())
    return "+" + digits if international and digits else digits


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


_STEPS: dict[Normalize, Callable[[str], str]] = {
    Normalize.TRIM: str.strip,
    Normalize.LOWER: str.lower,
    Normalize.UPPER: str.upper,
    Normalize.EMAIL: email,
    Normalize.PHONE: phone,
    Normalize.NFC: _nfc,
}


def normalizer(steps: tuple[Normalize, ...]) -> Callable[[str], str | None] | None:
    """One function for all `steps`, in the order given; None if there is nothing to do.

    Whatever its position, `empty_as_null` acts last, so that a text of spaces that is also trimmed is null.
    """
    if not steps:
        return None
    functions = [_STEPS[step] for step in steps if step in _STEPS]
    empty_as_null = Normalize.EMPTY_AS_NULL in steps

    def normalize(text: str) -> str | None:
        for function in functions:
            text = function(text)
        return None if empty_as_null and not text else text

    return normalize
