"""The inbox's tables, by concern."""

from .items import Conflict, ConflictField, ConflictQuerySet, ConflictState, SecondLookState, Told
from .together import Answer, Comment, SecondLook

__all__ = [
    "Answer",
    "Comment",
    "Conflict",
    "ConflictField",
    "ConflictQuerySet",
    "ConflictState",
    "SecondLook",
    "SecondLookState",
    "Told",
]
