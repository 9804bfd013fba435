"""Comments on an item: plain text, said once, never edited. `@name` mentions a colleague."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from conflicts.models import Comment
from syncadmin.models import EventKind, events

from .bars import name_of
from .choices import Invalid
from .together import locked
from .writing_down import write_down

LONGEST = 4000
MENTION = re.compile(r"(?<![\w@])@([\w.+-]*\w)")


def comment(conflict_id: int, text: str, token: UUID, user: Any, now: datetime) -> Comment:
    """Store a person's words on an item, open or not; the same `token` again is the same comment.

    Those mentioned are told, and so are its assignee and everybody who wrote before. Raises `Invalid` for no
    or too many words, or `Conflict.DoesNotExist`.
    """
    text = text.replace("\0", "").replace("\r\n", "\n").strip()
    if not text:
        raise Invalid({"": _("There is nothing to say yet.")})
    if len(text) > LONGEST:
        raise Invalid({"": _("A comment holds at most %(count)s characters.") % {"count": LONGEST}})
    with transaction.atomic():
        conflict = locked(conflict_id)
        if said := Comment.objects.filter(token=token, author=user).first():
            return said
        earlier = set(conflict.comments.exclude(author=None).values_list("author_id", flat=True))
        said = Comment.objects.create(conflict=conflict, author=user, at=now, text=text, token=token)
        mentioned = _mentioned(text)
        said.mentions.set(mentioned)
        write_down(conflict, user.get_username(), "comment", now, text)
        named = {person.pk for person in mentioned} - {user.pk}
        concerned = (earlier | {conflict.assignee_id} - {None}) - named - {user.pk}
        for kind, people in ((EventKind.MENTIONED, named), (EventKind.COMMENTED, concerned)):
            if people:
                events.tell(
                    kind,
                    now,
                    mapping_id=conflict.mapping_id,
                    conflicts=[conflict.pk],
                    people=sorted(people),
                    actor=name_of(user),
                    words=text,
                )
    return said


def _mentioned(text: str) -> list[User]:
    """Active staff whose user names are in the text."""
    names = set(MENTION.findall(text)[:50])
    return list(User.objects.filter(username__in=names, is_active=True, is_staff=True)) if names else []
