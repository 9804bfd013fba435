"""Why a field is asked about although a policy or a rule could decide it: nobody but a person can tell.

These reasons are told to people word for word (`syncadmin.reasons` has them in other languages), and what is
asked for one of them is never decided by a rule that was learned from other decisions.
"""

from __future__ import annotations

from .bounce import TURNS

TAKEN_BACK = "a decision on it was taken back"
BOUNCES = f"both systems keep setting it back: it was turned {TURNS} times within minutes"
BACK = (
    "a write of this field was interrupted, and the record was changed since: whether somebody has put the "
    "former value back can't be told"
)
REPLACED = (
    "a write of this field was interrupted, and it holds another value since: whether that has replaced what "
    "was written can't be told"
)
LATE = (
    "a write of this field was interrupted and given up, and it holds now what would have been written: "
    "whether it has arrived late, or somebody has entered the same, can't be told"
)
LATE_DELETE = (
    "a delete of this record was interrupted and given up, and the record is gone now: whether it has "
    "arrived late, or somebody has deleted the record, can't be told"
)
COUNTED = "a write of this count was interrupted, and it has moved since: whether it was added can't be told"
FROM_BACKUP = "the hub's database was restored from a backup: which value is the newer one can't be told"
BY_PEOPLE = frozenset({TAKEN_BACK, BOUNCES, BACK, REPLACED, LATE, COUNTED, FROM_BACKUP})
