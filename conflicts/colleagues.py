"""What a card shows of the people around an item: who holds it, whose it is, who looks, what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from syncadmin.show import brief

from .cards.outcomes import PICK_WORDS, RECORD_WORDS
from .cards.places import title
from .due import Due, due
from .models import Answer, Comment, Conflict, ConflictState, SecondLook
from .services.bars import name_of
from .services.together import runs

MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"
PEOPLE = 500


@dataclass(frozen=True, slots=True)
class Look:
    """A second look: wanted, proposed (`words` say the decision), or declined a moment ago."""

    number: int
    by: str
    mine: bool
    at: datetime
    note: str
    words: tuple[str, ...]
    declined_by: str = ""
    comment: str = ""
    undoes: bool = False


@dataclass(frozen=True, slots=True)
class Colleagues:
    """Everything that the card's parts on people need. `tag` differs whenever they look different."""

    conflict: Conflict
    open: bool
    holder: str = ""
    holder_id: int | None = None
    mine: bool = False
    until: datetime | None = None
    assignee: str = ""
    assigned_to_me: bool = False
    held_by: str = ""
    snoozed_until: datetime | None = None
    due: Due | None = None
    look: Look | None = None
    declined: Look | None = None
    lookers: tuple[str, ...] = ()
    holder_here: bool = False
    comments: Sequence[Comment] = ()
    people: Sequence[tuple[int, str]] = ()
    token: UUID = field(default_factory=uuid4)
    error: str = ""
    entered: str = ""

    @property
    def tag(self) -> str:
        """A short word for what is shown."""
        shown = (
            self.open, self.holder_id, self.conflict.assignee_id, self.conflict.hold_reason, self.due,
            self.snoozed_until, self.look, self.declined, self.lookers, self.holder_here, len(self.comments),
        )  # fmt: skip
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:12]

    @property
    def blocked(self) -> bool:
        """Whether deciding would be refused."""
        return bool(
            self.conflict.hold_reason or (self.holder and not self.mine) or (self.look and self.look.words)
        )


def colleagues(
    conflict: Conflict,
    user: Any,
    now: datetime,
    *,
    lookers: Sequence[int] = (),
    error: str = "",
    entered: str = "",
) -> Colleagues:
    """What the people around an item do, as `user` sees it. Four queries."""
    is_open = conflict.state == ConflictState.OPEN
    held = runs(conflict, now) and is_open
    holder = conflict.claimed_by_id if held else None
    ids = {conflict.assignee_id, conflict.claimed_by_id, conflict.held_by_id, *lookers} - {None}
    names = {person.pk: name_of(person) for person in User.objects.filter(pk__in=ids)} if ids else {}
    looks = list(conflict.second_looks.select_related("asked_by", "answered_by").order_by("-id")[:1])
    about_now = bool(looks) and ("undo" in looks[0].picks) != is_open
    last = shown(looks[0], conflict, user) if about_now else None
    waits = bool(looks) and looks[0].answer == ""
    return Colleagues(
        conflict=conflict,
        open=is_open,
        holder=names.get(holder, ""),
        holder_id=holder,
        mine=held and holder == user.pk,
        until=conflict.claimed_until if held else None,
        assignee=names.get(conflict.assignee_id, ""),
        assigned_to_me=conflict.assignee_id == user.pk,
        held_by=names.get(conflict.held_by_id, ""),
        snoozed_until=conflict.snoozed_until
        if is_open and conflict.snoozed_until and conflict.snoozed_until > now
        else None,
        due=due(conflict, now),
        look=last if waits else None,
        declined=last if last and last.declined_by else None,
        lookers=tuple(sorted(names[pk] for pk in lookers if pk in names and pk != holder)),
        holder_here=holder in lookers,
        comments=list(conflict.comments.select_related("author")),
        people=_people() if is_open and user.has_perm("conflicts.resolve_conflict") else (),
        error=error,
        entered=entered,
    )


def _people() -> list[tuple[int, str]]:
    """Who can be given an item."""
    found = User.objects.with_perm("conflicts.resolve_conflict", backend=MODEL_BACKEND)
    found = found.filter(is_staff=True).only("username", "first_name", "last_name").order_by("username")
    return [(person.pk, name_of(person)) for person in found[:PEOPLE]]


def shown(look: SecondLook, conflict: Conflict, user: Any) -> Look:
    """A second look as `user` sees it."""
    declined = look.answer == Answer.DECLINED
    return Look(
        number=look.pk,
        by=name_of(look.asked_by),
        mine=look.asked_by_id == user.pk,
        at=look.asked_at,
        note=look.note,
        words=tuple(_words(look, conflict)),
        declined_by=name_of(look.answered_by) if declined and look.answered_by_id != look.asked_by_id else "",
        comment=look.comment,
        undoes="undo" in look.picks,
    )


def _words(look: SecondLook, conflict: Conflict) -> list[str]:
    """The proposed decision, one line a pick; or the decisions that would be taken back."""
    systems = {"left": str(conflict.mapping.left.system), "right": str(conflict.mapping.right.system)}
    lines = []
    undone = look.picks.get("undo", ())
    for row in conflict.decisions.all() if undone else ():
        if row.pk not in undone:
            continue
        words = PICK_WORDS if row.field else RECORD_WORDS
        chosen = systems.get(row.kind) or str(words.get(row.kind, row.kind))
        lines.append(f"{title(row.field)}: {chosen}" if row.field else chosen % {"key": ""})
    for name, (kind, typed, hunks) in look.picks.get("fields", {}).items():
        what = systems.get(kind) or str(PICK_WORDS.get(kind, kind))
        if kind == "value" and not hunks:
            what = f"“{brief(typed, 200)}”"
        lines.append(_("%(field)s: %(choice)s") % {"field": title(name), "choice": what})
    if record := look.picks.get("record"):
        words = str(RECORD_WORDS.get(record[0], record[0])) % {"key": record[1]}
        lines.append(words[:1].upper() + words[1:])
    return lines
