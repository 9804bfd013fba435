"""That two records are not the same: said with a decision, and taken back later.

Both are journaled. What is said keeps the pair from being proposed or linked by itself; the engine reads it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from conflicts.models import Conflict
from syncadmin.core.side import Side
from syncadmin.models import Distinct, EntryKind, MappingState, ledger, marks


def say(conflict: Conflict, key: str, actor: str, now: datetime) -> None:
    """Remember, inside a decision's transaction, that the item's record is not its candidate `key`."""
    Distinct.objects.get_or_create(
        mapping_id=conflict.mapping_id, **_keys(conflict, key), defaults={"by": actor[:150], "at": now}
    )


def unsay(conflict: Conflict, key: str) -> bool:
    """Forget it again, inside the caller's transaction. False if nothing was said."""
    gone, _ = Distinct.objects.filter(mapping_id=conflict.mapping_id, **_keys(conflict, key)).delete()
    return bool(gone)


def take_back(conflict: Conflict, key: str, user: Any) -> bool:
    """Let the item's record and `key` be proposed as the same again. False if nothing was said of them.

    One transaction: both records are marked dirty, the mapping is due, and the journal says who did it.
    """
    keys = _keys(conflict, key)
    with transaction.atomic():
        state = MappingState.objects.select_for_update().get(mapping_id=conflict.mapping_id)
        if not unsay(conflict, key):
            return False
        now = timezone.now()
        places = [(side, keys[f"{side}_key"]) for side in Side]
        marks.mark(conflict.mapping_id, places, "decision", now)
        state.next_due = min(state.next_due, now)
        state.save(update_fields=["next_due"])
        row = ledger.Row(
            EntryKind.DECISION,
            conflict.side,
            conflict.key,
            rule=f"may be the same as {key} again, conflict #{conflict.pk}",
            actor=user.get_username(),
        )
        ledger.append(conflict.mapping_id, [row], now)
    return True


def _keys(conflict: Conflict, key: str) -> dict[str, str]:
    side = Side(conflict.side)
    return {f"{side}_key": conflict.key, f"{side.other}_key": key}
