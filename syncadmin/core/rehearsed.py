"""Words of a rehearsal: whether one is asked for, how records stand, and what would be done with them."""

from __future__ import annotations

from enum import StrEnum


class Rehearse(StrEnum):
    """Whether a new mapping's first pass writes only what somebody has approved beforehand."""

    NO = "no"
    REQUIRED = "required"


class Standing(StrEnum):
    """How a record, or a pair of them, stands before anything is done. Equal ones are only counted."""

    DIFFERS = "differs"
    LEFT = "left"
    RIGHT = "right"
    AMBIGUOUS = "ambiguous"
    GONE = "gone"
    UNREADABLE = "unreadable"


class Fate(StrEnum):
    """What would be done with it, first of all; `LINK`: paired, and nothing is written."""

    DELETE = "delete"
    CREATE = "create"
    CHANGE = "change"
    HOLD = "hold"
    WAIT = "wait"
    LINK = "link"
    NONE = "none"
