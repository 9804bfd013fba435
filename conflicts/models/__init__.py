"""The inbox's tables, by concern."""

from .bulk import BulkItem, BulkItemState, BulkRun, RunKind, RunState
from .decisions import UNDO, Decision
from .items import Conflict, ConflictField, ConflictQuerySet, ConflictState, SecondLookState, Told
from .listing import ConflictGroup, Facet
from .together import Answer, Comment, SecondLook
from .views import DefaultView, SavedView

__all__ = [
    "UNDO",
    "Answer",
    "BulkItem",
    "BulkItemState",
    "BulkRun",
    "Comment",
    "Conflict",
    "ConflictField",
    "ConflictGroup",
    "ConflictQuerySet",
    "ConflictState",
    "Decision",
    "DefaultView",
    "Facet",
    "RunKind",
    "RunState",
    "SavedView",
    "SecondLook",
    "SecondLookState",
    "Told",
]
