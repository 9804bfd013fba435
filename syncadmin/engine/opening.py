"""What a pass asks of the hub when it begins, each by one statement: mostly nothing of it is there.

What is told here may be out of date a moment later. So only that is asked which passes alone bring about, or
which the next pass may just as well see.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from syncadmin.models import PassKind, bulk
from syncadmin.models.hooks import Came

_COMPARED = (
    "EXISTS (SELECT 1 FROM syncadmin_pass p "
    "WHERE p.mapping_id = s.mapping_id AND p.state = 'done' AND p.kind <> 'incremental')"
)
_RUNNING = "EXISTS (SELECT 1 FROM syncadmin_pass p WHERE p.mapping_id = s.mapping_id AND p.state = 'running')"
_TOLD = ("guarantees", "limits", "shape", "weighed", "remembered")
_WAITING = """
    SELECT EXISTS (SELECT 1 FROM syncadmin_intent WHERE mapping_id = %s),
    EXISTS (SELECT 1 FROM syncadmin_hint WHERE mapping_id = %s AND came = %s AND NOT marked),
    EXISTS (SELECT 1 FROM syncadmin_hookreading WHERE mapping_id = %s),
    EXISTS (SELECT 1 FROM syncadmin_riskacceptance WHERE mapping_id = %s AND lapsed_at IS NULL),
    EXISTS (SELECT 1 FROM syncadmin_rehearsal
            WHERE mapping_id = %s AND approved_at IS NOT NULL AND closed_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Before:
    """How a mapping stood when a pass began: whether a full comparison is due or was ever made, and what
    passes noted of it. `unended` tells that a pass of before has no end.
    """

    due: bool
    compared: bool
    unended: bool
    told: dict[str, Any]

    def kind(self, asked: str) -> str:
        """What kind of pass to make: a full comparison if none was made yet, or one is due or asked for."""
        if not self.compared:
            return PassKind.BACKFILL
        return PassKind.RECONCILE if self.due or asked == PassKind.RECONCILE else PassKind.INCREMENTAL


def before(mapping_id: int, now: datetime) -> Before:
    """How a mapping stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT next_reconcile <= %s OR restored_from IS NOT NULL, {_COMPARED}, {_RUNNING}, "
            f"{', '.join(_TOLD)} FROM syncadmin_mappingstate s WHERE s.mapping_id = %s",
            [bulk.moment(now), mapping_id],
        )
        due, compared, unended, *told = cursor.fetchone()
    values = (json.loads(value) if isinstance(value, str) else value for value in told)
    return Before(bool(due), bool(compared), bool(unended), dict(zip(_TOLD, values, strict=True)))


class Waiting(NamedTuple):
    """Whether there is any of what a pass has to look at: open intents, new hints, what was accounted of
    hints before, a risk that was accepted, an approved plan.
    """

    intents: bool
    hints: bool
    readings: bool
    accepted: bool
    plans: bool


def waiting(mapping_id: int) -> Waiting:
    """What waits for a pass."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [mapping_id, mapping_id, Came.WAITING, *[mapping_id] * 3])
        return Waiting(*map(bool, cursor.fetchone()))
