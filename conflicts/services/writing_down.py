"""The journal's word on what people do with an item besides deciding it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from conflicts.models import Conflict
from syncadmin.models import EntryKind, ledger


def write_down(conflict: Conflict, actor: str, text: str, now: datetime, words: Any = msgspec.UNSET) -> None:
    """Journal what a person did with an item, at the item's record; `words` are what the person said."""
    row = ledger.Row(
        EntryKind.NOTE,
        link_id=conflict.link_id,
        side=conflict.side,
        key=conflict.key,
        actor=actor[:150],
        rule=f"conflict #{conflict.pk}: {text}",
        new=words,
    )
    ledger.append(conflict.mapping_id, [row], now)
