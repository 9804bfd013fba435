"""All tables of the sync domain: what is configured, what is known, what has happened."""

from .events import Event, EventKind
from .journal import Entry, EntryKind
from .mappings import FieldMapping, Mapping, RowRule
from .passes import GuardStop, Pass, PassKind, PassState
from .state import Cursor, Distinct, Intent, IntentState, Link, LinkStatus, MappingState, Mark, Unlinked
from .systems import Health, Resource, System

__all__ = [
    "Cursor",
    "Distinct",
    "Entry",
    "EntryKind",
    "Event",
    "EventKind",
    "FieldMapping",
    "GuardStop",
    "Health",
    "Intent",
    "IntentState",
    "Link",
    "LinkStatus",
    "Mapping",
    "MappingState",
    "Mark",
    "Pass",
    "PassKind",
    "PassState",
    "Resource",
    "RowRule",
    "System",
    "Unlinked",
]
