"""A REST system drafted from its published OpenAPI 3 description: what it tells, and what is guessed from it.

Pure but for `fetching`: text in, plain data out. A draft is a beginning that a person goes through, never a
promise: each setting that was concluded, and not told, says from what.
"""

from .document import MOST_BYTES, BadDescription, Document, read
from .drafting import Draft, draft
from .fetching import fetched
from .notes import Note, NoteKind, Part

__all__ = [
    "MOST_BYTES",
    "BadDescription",
    "Document",
    "Draft",
    "Note",
    "NoteKind",
    "Part",
    "draft",
    "fetched",
    "read",
]
