"""Names in plain letters: what people call something in their language, as a short name can say it."""

from __future__ import annotations

import unicodedata

GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})
OTHERS = str.maketrans({"æ": "ae", "Æ": "Ae", "ø": "o", "Ø": "O", "å": "a", "Å": "A", "ł": "l", "Ł": "L"})


def spelled(text: str) -> str:
    """A text with its accents and umlauts written in plain letters; other scripts stay as they are."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).translate(GERMAN | OTHERS))
    return "".join(character for character in apart if not unicodedata.combining(character))
