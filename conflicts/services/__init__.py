"""What people do in the inbox: each is one transaction, checked and journaled."""

from .bars import Refused
from .decide import NAMED, RECORD_PICKS, FieldChoice, Invalid, Moved, RecordChoice, is_decided_so, resolve
from .distinct import take_back

__all__ = [
    "NAMED",
    "RECORD_PICKS",
    "FieldChoice",
    "Invalid",
    "Moved",
    "RecordChoice",
    "Refused",
    "is_decided_so",
    "resolve",
    "take_back",
]
