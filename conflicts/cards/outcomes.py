"""The line on what became of a decision, and a decision said in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from conflicts.models import Conflict
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.core.side import SIDES

from .places import title

PICK_WORDS = {
    PickKind.BASE: gettext_lazy("the value last agreed"),
    PickKind.VALUE: gettext_lazy("a typed value"),
    PickKind.LEAVE: gettext_lazy("leave as is"),
}
RECORD_WORDS = {
    RecordPickKind.LINK: gettext_lazy("the same as %(key)s"),
    RecordPickKind.DISTINCT: gettext_lazy("not the same as %(key)s"),
    RecordPickKind.CREATE: gettext_lazy("a record of its own"),
    RecordPickKind.IGNORE: gettext_lazy("never sync it"),
    RecordPickKind.DELETE: gettext_lazy("delete it on both sides"),
    RecordPickKind.RESTORE: gettext_lazy("restore it"),
    RecordPickKind.LEAVE: gettext_lazy("leave as is"),
    RecordPickKind.RETRY: gettext_lazy("try again"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a decision, in one line: `words` say the decision, `poll` when to look again."""

    conflict: Conflict
    words: tuple[str, ...]
    poll: str
    slow: bool
    took: str = ""


def outcome(conflict: Conflict, now: datetime) -> Outcome:
    """The line on a decision. It is asked for often at first, then rarely."""
    waited = (now - conflict.decided_at).total_seconds() if conflict.decided_at else 0
    poll = "500ms" if waited < 10 else "3s" if waited < 120 else "15s"
    took = ""
    if conflict.closed_at and conflict.decided_at and conflict.closed_at >= conflict.decided_at:
        took = f"{(conflict.closed_at - conflict.decided_at).total_seconds():.1f}"
    return Outcome(conflict, tuple(decision_words(conflict)), poll, slow=waited > 20, took=took)


def decision_words(conflict: Conflict) -> list[str]:
    """What was decided, in words, one line a pick."""
    systems = {side.value: str(conflict.mapping.resource(side).system) for side in SIDES}
    lines = []
    for row in conflict.fields.all():
        if row.pick:
            kind = row.pick.get("kind", "")
            what = systems.get(kind) or PICK_WORDS.get(kind, kind)
            lines.append(_("%(field)s: %(choice)s") % {"field": title(row.field), "choice": what})
    if conflict.decision:
        kind = conflict.decision["kind"]
        words = str(RECORD_WORDS.get(kind, kind)) % {"key": conflict.decision.get("key", "")}
        lines.append(words[:1].upper() + words[1:])
    return lines
