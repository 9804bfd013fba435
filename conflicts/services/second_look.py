"""A second pair of eyes: ask for it, approve what was proposed, or decline it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from conflicts.models import Answer, Conflict, SecondLook, SecondLookState
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.models import EventKind, events

from . import two_people
from .bars import Refused, ensure_unclaimed, name_of
from .decide import FieldChoice, Invalid, Moved, RecordChoice, checked, store
from .together import locked_open
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


def approve(conflict_id: int, look_id: int, user: Any, now: datetime, comment: str = "") -> Conflict:
    """Carry out a proposed decision, in the name of the second person.

    Raises `Refused` for the one who proposed it, on hold or under another's claim; `Moved` if the item or the
    proposal is no longer what was seen.
    """
    with transaction.atomic():
        conflict, look = _proposal(conflict_id, look_id)
        if look.asked_by_id == user.pk:
            raise Refused(conflict, _("Who proposed it cannot approve it: it takes another person."))
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


def decline(conflict_id: int, look_id: int, user: Any, now: datetime, comment: str = "") -> Conflict:
    """Turn a proposal or a wish for a look down: the item is free again. Others than who asked say why.

    Raises `Invalid` without a comment, `Moved` as `approve` does.
    """
    comment = _plain(comment)
    with transaction.atomic():
        conflict = locked_open(conflict_id)
        look = conflict.second_looks.filter(pk=look_id, answer="").select_related("asked_by").first()
        if look is None:
            raise Moved(conflict)
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
    """An open proposal that is still about what its item shows, both locked."""
    conflict = locked_open(conflict_id)
    look = conflict.second_looks.filter(pk=look_id, answer="").select_related("asked_by").first()
    if look is None or not look.picks or look.revision != conflict.revision:
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
