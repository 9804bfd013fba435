"""All tables of the sync domain: what is configured, what is known, what has happened."""

from .assessment import AssessmentSignature, AssessmentVersion
from .duties import Duty
from .events import Event, EventKind
from .hooks import Came, Delivery, DeliveryState, Hint, HookDay, HookReading
from .journal import Entry, EntryKind
from .leaving import Leaving
from .mappings import FieldMapping, Mapping, RowRule
from .notices import Channel, Notice, NoticeState, Profile, Rhythm, Subscription
from .passes import GuardStop, Pass, PassKind, PassState
from .probes import Probe, ProbeHold, ProbeState
from .rehearsals import Rehearsal, RehearsalLine, RehearsalState
from .risk import Meter, MeterDay, RiskAcceptance
from .state import (
    Cursor,
    Distinct,
    Doubt,
    Intent,
    IntentState,
    KeyRanges,
    Link,
    LinkStatus,
    MappingState,
    Mark,
    Unlinked,
)
from .surveys import Survey, SurveyState
from .systems import Health, Remembered, Resource, System
from .tried import TriedWrite
from .versions import Comparing, MappingVersion, VersionState
from .watches import Watch, WatchDay, WatchedRecord, WatchState

__all__ = [
    "AssessmentSignature",
    "AssessmentVersion",
    "Came",
    "Channel",
    "Comparing",
    "Cursor",
    "Delivery",
    "DeliveryState",
    "Distinct",
    "Doubt",
    "Duty",
    "Entry",
    "EntryKind",
    "Event",
    "EventKind",
    "FieldMapping",
    "GuardStop",
    "Health",
    "Hint",
    "HookDay",
    "HookReading",
    "Intent",
    "IntentState",
    "KeyRanges",
    "Leaving",
    "Link",
    "LinkStatus",
    "Mapping",
    "MappingState",
    "MappingVersion",
    "Mark",
    "Meter",
    "MeterDay",
    "Notice",
    "NoticeState",
    "Pass",
    "PassKind",
    "PassState",
    "Probe",
    "ProbeHold",
    "ProbeState",
    "Profile",
    "Rehearsal",
    "RehearsalLine",
    "RehearsalState",
    "Remembered",
    "Resource",
    "Rhythm",
    "RiskAcceptance",
    "RowRule",
    "Subscription",
    "Survey",
    "SurveyState",
    "System",
    "TriedWrite",
    "Unlinked",
    "VersionState",
    "Watch",
    "WatchDay",
    "WatchState",
    "WatchedRecord",
]
