"""The inbox's tables, by concern."""

from .items import Conflict, ConflictField, ConflictQuerySet, ConflictState

__all__ = ["Conflict", "ConflictField", "ConflictQuerySet", "ConflictState"]
