"""The inbox's tables, by concern."""

from .bulk import BulkItem, BulkItemState, BulkRun, RunKind, RunState
from .decisions import UNDO, Decision, Overruled
from .items import Conflict, ConflictField, ConflictQuerySet, ConflictState, SecondLookState, Told
from .listing import ConflictGroup, Facet
from .rules import LearnedRule, RuleState
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
    "LearnedRule",
    "Overruled",
    "RuleState",
    "RunKind",
    "RunState",
    "SavedView",
    "SecondLook",
    "SecondLookState",
    "Told",
]
