"""What people do in the inbox: each is one transaction, checked and journaled."""

from .decide import NAMED, RECORD_PICKS, FieldChoice, Invalid, Moved, RecordChoice, resolve
from .distinct import said, take_back

__all__ = [
    "NAMED",
    "RECORD_PICKS",
    "FieldChoice",
    "Invalid",
    "Moved",
    "RecordChoice",
    "resolve",
    "said",
    "take_back",
]
