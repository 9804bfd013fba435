"""What people do in the inbox: each is one transaction, checked and journaled."""

from .decide import RECORD_PICKS, FieldChoice, Invalid, Moved, RecordChoice, resolve

__all__ = ["RECORD_PICKS", "FieldChoice", "Invalid", "Moved", "RecordChoice", "resolve"]
