"""A second pair of eyes: ask for it, approve what was proposed, or decline it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from conflicts.models import Answer, Conflict, ConflictState, SecondLook, SecondLookState
from conflicts.undoable import Fate, Pair
from conflicts.undoable import look as look_at
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.models import EventKind, events

from . import two_people
from .bars import Refused, ensure_unclaimed, name_of
from .choices import FieldChoice, Invalid, RecordChoice, checked
from .decide import Moved, store
from .together import locked, locked_open
from .undo import may, together, undo
from .writing_down import write_down

NOTE = 1000


def ask(conflict_id: int, note: str, user: Any, now: datetime) -> Conflict:
    """Have somebody else look at the item: the one who asks can then only propose a decision.

    Asked again by the same person it stays as it is. Raises `Refused` if a look is waited for already.
    """
    note = _plain(note)
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        look = two_people.open_look(conflict)
        if look is not None:
            if look.asked_by_id == user.pk and look.note == note:
                return conflict
            words = _("%(name)s has asked for a second look already.")
            raise Refused(conflict, words % {"name": name_of(look.asked_by)})
        SecondLook.objects.create(
            conflict=conflict, asked_by=user, asked_at=now, revision=conflict.revision, note=note
        )
        conflict.second_look = SecondLookState.WANTED
        conflict.save(update_fields=["second_look"])
        write_down(conflict, user.get_username(), "second look asked for", now, note)
        two_people.tell_asked(conflict, user, name_of(user), now, note)
    return conflict


def propose_undo(
    conflict_id: int, seen: Mapping[int, Pair | None], user: Any, now: datetime, actor: str = ""
) -> Conflict:
    """Propose to take back decisions of an item that took two people; another person approves it.

    `seen` says, by decision, what both sides held when the person saw it (None: what was decided); newer
    values are given up. Sent again it stays as it is. Raises `Refused` for what cannot be undone, or if
    something else is proposed already.
    """
    with transaction.atomic():
        conflict = locked(conflict_id)
        given_up = {number: pair for number, pair in seen.items() if pair is not None}
        stand = look_at(conflict.decisions.filter(pk__in=list(seen)))
        looks = together([may(each, given_up, None) for each in stand])
        over = {each.decision.pk: each.now for each in looks if each.fate is Fate.OVERRIDE}
        waits = two_people.open_look(conflict)
        if waits is not None:
            if waits.asked_by == user and waits.picks == two_people.undo_as_stored(seen, over):
                return conflict
            words = _("%(name)s has proposed something here already. Approve or decline it first.")
            raise Refused(conflict, words % {"name": name_of(waits.asked_by)})
        stuck = [each for each in looks if not each.undoable]
        if stuck or not looks:
            raise Refused(conflict, str(stuck[0].why) if stuck else _("There is nothing to undo."))
        actor = actor or user.get_username()
        two_people.propose_undo(conflict, seen, over, user, actor, now)
    return conflict


def approve(conflict_id: int, look_id: int, user: Any, now: datetime, comment: str = "") -> Conflict:
    """Carry out a proposed decision, or a proposed undo, in the name of the second person.

    Raises `Refused` for the one who proposed it, on hold or under another's claim, and for an undo of what
    has moved since; `Moved` if the item or the proposal is no longer what was seen.
    """
    with transaction.atomic():
        conflict, look = _proposal(conflict_id, look_id)
        if look.asked_by_id == user.pk:
            raise Refused(conflict, _("Who proposed it cannot approve it: it takes another person."))
        if "undo" in look.picks:
            _approve_undo(conflict, look, user, now, _plain(comment))
            return conflict
        if conflict.hold_reason:
            raise Refused(conflict, _("On hold: %(reason)s") % {"reason": conflict.hold_reason})
        ensure_unclaimed(conflict, user, now)
        fields, record = _choices(look)
        decided = checked(conflict, fields, record)
        look.comment = _plain(comment)
        look.save(update_fields=["comment"])
        store(conflict.mapping_id, [decided], user, user.get_username(), now)
        text = f"decision of {look.asked_by or 'someone'} approved"
        write_down(conflict, user.get_username(), text, now, look.comment)
        _tell(conflict, look, user, now, _("approved"))
    return conflict


def _approve_undo(conflict: Conflict, proposed: SecondLook, user: Any, now: datetime, comment: str) -> None:
    """Take back what was proposed, all of it, as it was seen then."""
    proposed.answer, proposed.answered_by, proposed.answered_at = Answer.APPROVED, user, now
    proposed.comment = comment
    proposed.save()
    conflict.second_look = ""
    conflict.save(update_fields=["second_look"])
    over = {int(number): (left, right) for number, (left, right) in proposed.picks["over"].items()}
    result = undo(proposed.picks["undo"], user, over=over, approved=True)
    if result.left:
        words = _("Not undone: %(why)s Decline it, and propose what still holds.")
        raise Refused(conflict, words % {"why": result.left[0].why})
    text = f"undo of {proposed.asked_by or 'someone'} approved"
    write_down(conflict, user.get_username(), text, now, comment)
    _tell(conflict, proposed, user, now, _("approved"))


def decline(conflict_id: int, look_id: int, user: Any, now: datetime, comment: str = "") -> Conflict:
    """Turn a proposal or a wish for a look down: the item is free again. Others than who asked say why.

    Raises `Invalid` without a comment, `Moved` as `approve` does.
    """
    comment = _plain(comment)
    with transaction.atomic():
        conflict, look = _unanswered(conflict_id, look_id)
        own = look.asked_by_id == user.pk
        if not own and not comment:
            raise Invalid({"": _("Say why you decline.")})
        look.answer, look.answered_by, look.answered_at, look.comment = Answer.DECLINED, user, now, comment
        look.save()
        conflict.second_look = ""
        conflict.save(update_fields=["second_look"])
        text = "withdrawn" if own else f"declined, asked by {look.asked_by or 'someone'}"
        write_down(conflict, user.get_username(), f"second look {text}", now, comment)
        if not own:
            _tell(conflict, look, user, now, _("declined: %(comment)s") % {"comment": comment})
    return conflict


def _proposal(conflict_id: int, look_id: int) -> tuple[Conflict, SecondLook]:
    """An open proposal that is still about what its item shows, both locked.

    One to take a decision back is checked against what the systems hold, whatever its item says.
    """
    conflict, look = _unanswered(conflict_id, look_id)
    if not look.picks or ("undo" not in look.picks and look.revision != conflict.revision):
        raise Moved(conflict)
    return conflict, look


def _unanswered(conflict_id: int, look_id: int) -> tuple[Conflict, SecondLook]:
    """What waits for a second person, with its item, both locked."""
    conflict = locked(conflict_id)
    look = conflict.second_looks.filter(pk=look_id, answer="").select_related("asked_by").first()
    if look is None or (conflict.state != ConflictState.OPEN and "undo" not in look.picks):
        raise Moved(conflict)
    return conflict, look


def _choices(look: SecondLook) -> tuple[dict[str, FieldChoice], RecordChoice | None]:
    fields = {
        name: FieldChoice(PickKind(kind), typed, tuple(hunks))
        for name, (kind, typed, hunks) in look.picks["fields"].items()
    }
    record = look.picks["record"]
    return fields, RecordChoice(RecordPickKind(record[0]), record[1]) if record else None


def _tell(conflict: Conflict, look: SecondLook, user: Any, now: datetime, words: str) -> None:
    if look.asked_by_id is not None:
        events.tell(
            EventKind.ANSWERED,
            now,
            mapping_id=conflict.mapping_id,
            conflicts=[conflict.pk],
            people=[look.asked_by_id],
            actor=name_of(user),
            words=words,
        )


def _plain(text: str) -> str:
    return text.replace("\0", "").replace("\r\n", "\n").strip()[:NOTE]
