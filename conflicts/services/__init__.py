"""What people do in the inbox: each is one transaction, checked and journaled."""

from .bars import Refused
from .choices import NAMED, RECORD_PICKS, FieldChoice, Invalid, RecordChoice
from .decide import Moved, is_decided_so, resolve
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
