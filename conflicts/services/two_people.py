"""Decisions that take two people: which they are, and how the first one's is kept until the second answers.

`two_people` on a field mapping asks for it, and so does anybody who asks for a second look at an item.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from conflicts.models import Answer, Conflict, SecondLook, SecondLookState
from syncadmin.core.plan import RecordPickKind
from syncadmin.models import EventKind, events

from .writing_down import write_down

# record-level picks that make or end a record, and with it the values of every field
WHOLE = (RecordPickKind.DELETE, RecordPickKind.RESTORE)


def needed(conflict: Conflict, fields: Collection[str], record: str, user: Any) -> bool:
    """Whether a decision of `user` on these fields, or this record-level pick, takes a second person."""
    guarded = {field.name for field in conflict.mapping.fields.all() if field.two_people}
    if guarded & set(fields):
        return True
    if record in WHOLE and guarded:
        return True
    if record == RecordPickKind.RETRY and guarded & {field.field for field in conflict.fields.all()}:
        return True
    if conflict.second_look != SecondLookState.WANTED:
        return False
    # who asked for a second look has looked already: what they decide is the first half
    asked = open_look(conflict)
    return asked is not None and user is not None and asked.asked_by_id == user.pk


def as_stored(fields: Mapping[str, Any], record: Any) -> dict[str, Any]:
    """Choices as a proposal keeps them; what was typed is checked again when it is approved."""
    return {
        "fields": {
            name: [choice.kind.value, choice.typed, list(choice.hunks)] for name, choice in fields.items()
        },
        "record": [record.kind.value, record.key] if record else None,
    }


def propose(conflict: Conflict, picks: Mapping[str, Any], user: Any, actor: str, now: datetime) -> SecondLook:
    """Keep a decision, under the item's lock, until a second person answers; the first one's claim ends."""
    look = open_look(conflict) or SecondLook(conflict=conflict)
    look.asked_by, look.asked_at, look.revision = user, now, conflict.revision
    look.picks = dict(picks)
    look.save()
    conflict.second_look = SecondLookState.PROPOSED
    conflict.claimed_by = conflict.claimed_until = None
    conflict.save(update_fields=["second_look", "claimed_by", "claimed_until"])
    write_down(conflict, actor, "decision proposed", now, look.picks)
    tell_asked(conflict, user, actor, now)
    return look


def propose_undo(
    conflict: Conflict,
    decisions: Collection[int],
    over: Mapping[int, Any],
    user: Any,
    actor: str,
    now: datetime,
) -> SecondLook:
    """Keep the wish to take decisions back, under the item's lock, until a second person answers.

    `over` are the newer values, by decision, that would be given up.
    """
    picks = undo_as_stored(decisions, over)
    look = SecondLook.objects.create(
        conflict=conflict, asked_by=user, asked_at=now, revision=conflict.revision, picks=picks
    )
    conflict.second_look = SecondLookState.PROPOSED
    conflict.save(update_fields=["second_look"])
    write_down(conflict, actor, "undo proposed", now, picks)
    tell_asked(conflict, user, actor, now)
    return look


def undo_as_stored(decisions: Collection[int], over: Mapping[int, Any]) -> dict[str, Any]:
    """The wish to take decisions back, as a proposal keeps it."""
    return {"undo": sorted(decisions), "over": {str(number): list(over[number]) for number in sorted(over)}}


def void(conflict_ids: Collection[int]) -> None:
    """What waits for a second person at these items is no longer to be had."""
    open_looks = SecondLook.objects.filter(conflict__in=conflict_ids, answer="")
    if open_looks.update(answer=Answer.VOID):
        Conflict.objects.filter(pk__in=conflict_ids).update(second_look="")


def is_proposed_so(conflict: Conflict, picks: Mapping[str, Any], user: Any) -> bool:
    """Whether this very decision of this very person waits already: it was sent twice."""
    if conflict.second_look != SecondLookState.PROPOSED or user is None:
        return False
    look = open_look(conflict)
    return look is not None and look.asked_by_id == user.pk and look.picks == picks


def open_look(conflict: Conflict) -> SecondLook | None:
    """What nobody has answered yet."""
    return conflict.second_looks.filter(answer="").select_related("asked_by").first()


def tell_asked(conflict: Conflict, user: Any, actor: str, now: datetime, words: str = "") -> None:
    """Somebody else is wanted."""
    events.tell(
        EventKind.SECOND_LOOK,
        now,
        mapping_id=conflict.mapping_id,
        conflicts=[conflict.pk],
        by=user.pk if user else None,
        actor=actor,
        words=words,
    )


def answered(conflicts: Iterable[Conflict], user: Any, now: datetime) -> None:
    """Looks that were wanted at these items have been given: the items are decided."""
    asked = [conflict.pk for conflict in conflicts if conflict.second_look]
    if asked:
        SecondLook.objects.filter(conflict__in=asked, answer="").update(
            answer=Answer.APPROVED, answered_by=user, answered_at=now
        )
