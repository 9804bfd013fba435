"""What of a mapping's configuration decides what a pass does, as a short text that changes with it."""

from __future__ import annotations

import hashlib
import json

from syncadmin.core.side import SIDES
from syncadmin.models import Mapping

from .convert import mapping_document, system_document

# what says when and to whom, or how much is let through, but not what is done
BESIDE = (
    "label", "enabled", "title", "value", "schedule", "reconcile", "guards", "due", "escalate", "risk",
    "rehearse",
)  # fmt: skip


def fingerprint(mapping: Mapping) -> str:
    """The fingerprint of a mapping as it is given, with its fields and rules, and of both its resources."""
    told = mapping_document(mapping)
    for key in BESIDE:
        told.pop(key, None)
    for field in told["fields"].values():
        field.pop("weight", None)
        field.pop("two_people", None)
    ends = [system_document(mapping.resource(side).system, [mapping.resource(side)]) for side in SIDES]
    text = json.dumps([told, ends], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
