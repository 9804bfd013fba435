"""What there is to undo: decisions as they stand now, and why some of them cannot be taken back.

The journal tells whether a decision was carried out and what has moved since; the links tell what both sides
hold. Nothing is written here, and no system is asked: an undo is checked again when it is carried out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from conflicts.models import Answer, Conflict, ConflictState, Decision, SecondLook
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.core.values import Value, decode
from syncadmin.models import Entry, EntryKind, FieldMapping, Intent, Link, LinkStatus

Pair = tuple[Value, Value]


class Fate(StrEnum):
    """How a decision stands; the first three can be undone at once."""

    WAITING = "waiting"  # not carried out yet: it is withdrawn
    READY = "ready"  # both sides hold what it wrote
    OVERRIDE = "override"  # it has moved since, and the person gives up the newer values
    MOVED = "moved"
    TOGETHER = "together"
    TWO_PEOPLE = "took two"  # it is only proposed, until another person approves
    DONE = "done"
    BUSY = "busy"
    NEVER = "never"
    AGAIN = "again"
    GONE = "gone"
    UNMAPPED = "unmapped"
    LINK = "link"
    CREATE = "create"
    DELETE = "delete"
    RESTORE = "restore"
    RETRY = "retry"
    DISTINCT = "distinct"


UNDOABLE = (Fate.WAITING, Fate.READY, Fate.OVERRIDE)
WHY: Mapping[Fate, Any] = {
    Fate.WAITING: _("Not written yet: it is withdrawn."),
    Fate.READY: _("Both systems get back what they held."),
    Fate.OVERRIDE: _("Both systems get back what they held; the newer value is given up."),
    Fate.MOVED: _("It has changed since."),
    Fate.TOGETHER: _("It is decided together with a field that cannot be undone."),
    Fate.TWO_PEOPLE: _("It took two people, and so does taking it back, one by one."),
    Fate.DONE: _("It is undone already."),
    Fate.BUSY: _("It is being written right now. Try again in a moment."),
    Fate.NEVER: _("It was never written: the record had changed, and was asked about again."),
    Fate.AGAIN: _("It has been asked about again since; decide it there."),
    Fate.GONE: _("The two records are no longer a pair."),
    Fate.UNMAPPED: _("This field is no longer mapped."),
    Fate.LINK: _("Two records were linked, and share one history since. Take them apart in the systems."),
    Fate.CREATE: _("A new record was created. Delete it in its system; the delete is noticed."),
    Fate.DELETE: _("The record was deleted. Its values are in the history; enter it anew in its system."),
    Fate.RESTORE: _("The record was created again. Delete it in its system; you are asked as before."),
    Fate.DISTINCT: _("Two records were said not to be the same. That is taken back on the card."),
    Fate.RETRY: _("The same values were sent again; there was nothing to choose."),
}
_FINAL = {
    RecordPickKind.LINK: Fate.LINK,
    RecordPickKind.CREATE: Fate.CREATE,
    RecordPickKind.DELETE: Fate.DELETE,
    RecordPickKind.RESTORE: Fate.RESTORE,
    RecordPickKind.RETRY: Fate.RETRY,
    RecordPickKind.DISTINCT: Fate.DISTINCT,
}


@dataclass(frozen=True, slots=True)
class Look:
    """A decision as it stands. `now` is what both sides hold, `since` the entry that moved it, `live` the
    open item that its record has meanwhile, `waiting` the changes that wait there, by side. `two_people`:
    it took two people, or would now, and so does taking it back.
    """

    decision: Decision
    fate: Fate
    now: Pair | None = None
    since: Entry | None = None
    live: Conflict | None = None
    waiting: Mapping[str, int] = field(default_factory=dict)
    group: str = ""
    two_people: bool = False

    @property
    def undoable(self) -> bool:
        """Whether it is undone if the person says so."""
        return self.fate in UNDOABLE

    @property
    def unit(self) -> tuple[int, Any, str]:
        """What it was decided together with."""
        return (self.decision.conflict_id, self.decision.at, self.group)

    @property
    def why(self) -> Any:
        """What becomes of it, or why it cannot be undone, in words."""
        return WHY[self.fate]


def latest(conflict: Conflict) -> QuerySet[Decision]:
    """What was decided last on an item, and not undone."""
    made = Decision.objects.filter(conflict=conflict, undone_at=None)
    newest = made.order_by("-pk").values("at")[:1]
    return made.filter(at=newest).order_by("pk")


def look(decisions: QuerySet[Decision]) -> list[Look]:
    """How decisions of one mapping stand now. A bounded number of queries, however many they are."""
    rows = list(decisions.select_related("conflict__link", "conflict__mapping", "by").order_by("pk"))
    if not rows:
        return []
    known = _Known(rows[0].mapping_id, rows)
    return [replace(known.look(row), two_people=known.took_two(row)) for row in rows]


class _Known:
    """All that is known about the records of some decisions."""

    def __init__(self, mapping_id: int, rows: Sequence[Decision]) -> None:
        link_ids = {row.link_id for row in rows if row.link_id is not None}
        self.links = Link.objects.filter(mapping=mapping_id).in_bulk(link_ids)
        fields = FieldMapping.objects.filter(mapping=mapping_id)
        self.groups = dict(fields.values_list("name", "group"))
        self.guarded = set(fields.filter(two_people=True).values_list("name", flat=True))
        answers = SecondLook.objects.filter(conflict__in={row.conflict_id for row in rows})
        answers = answers.filter(answer=Answer.APPROVED)
        self.approved = set(answers.values_list("conflict_id", "answered_at"))
        keys = {row.conflict.key for row in rows if row.link_id is None}
        alone = Q(mapping=mapping_id, link=None, key__in=keys)
        items = Conflict.objects.live().filter(Q(link__in=link_ids) | alone)
        self.live = {_record(item): item for item in items.prefetch_related("fields").select_related("link")}
        intents = Intent.objects.filter(mapping=mapping_id)
        being = intents.filter(Q(link__in=link_ids) | Q(link=None, key__in=keys))
        self.being_written = {
            ("link", link_id) if link_id else ("key", key)
            for link_id, key in being.values_list("link_id", "key")
        }
        made = Decision.objects.filter(conflict__in={row.conflict_id for row in rows}, undone_at=None)
        self.latest = dict(made.values("conflict").annotate(last=Max("at")).values_list("conflict", "last"))
        self.told: dict[tuple[int | None, str], list[Entry]] = defaultdict(list)
        kinds = (EntryKind.CHANGE, EntryKind.WRITE, EntryKind.DISPOSITION, EntryKind.DECISION)
        first = min(row.seq for row in rows)
        entries = Entry.objects.filter(
            mapping=mapping_id, link_id__in=link_ids, seq__gt=first, kind__in=kinds
        )
        for entry in entries.defer("hash", "old", "new").order_by("seq"):
            self.told[entry.link_id, entry.field].append(entry)

    def took_two(self, row: Decision) -> bool:
        """Whether two people made a decision, or would have to now."""
        return row.field in self.guarded or (row.conflict_id, row.at) in self.approved

    def look(self, row: Decision) -> Look:
        """How one decision stands."""
        fate, since = self._fate(row)
        group = self.groups.get(row.field, "")
        live = self.live.get(_record(row.conflict))
        if not row.field or row.link_id not in self.links:
            return Look(row, fate, since=since, group=group)
        held = {f.field: f for f in live.fields.all()} if live is not None else {}
        if row.field in held:
            f = held[row.field]
            seqs = {side: seq for side, seq in (("left", f.left_seq), ("right", f.right_seq)) if seq}
            return Look(row, fate, (f.left, f.right), since, live, seqs, group)
        if fate is Fate.READY and row.kind == PickKind.LEAVE:
            now = row.left, row.right
        else:
            now = _agreed(self.links[row.link_id], row.field)
        return Look(row, fate, now, since, live, group=group)

    def _fate(self, row: Decision) -> tuple[Fate, Entry | None]:
        conflict = row.conflict
        live = self.live.get(_record(conflict))
        place = ("link", row.link_id) if row.link_id else ("key", conflict.key)
        if row.undone_at is not None:
            return Fate.DONE, None
        if conflict.state == ConflictState.DECIDED and conflict.decided_at == row.at:
            return (Fate.BUSY if place in self.being_written else Fate.WAITING), None
        if place in self.being_written or (live is not None and live.state == ConflictState.DECIDED):
            return Fate.BUSY, None
        if not row.field:
            if row.kind in _FINAL:
                return _FINAL[RecordPickKind(row.kind)], None
            if row.link_id and self._parted(row):
                return Fate.GONE, None
            asked_again = live is not None or conflict.state != ConflictState.CLOSED
            later = self.latest[row.conflict_id] != row.at
            return (Fate.AGAIN if asked_again or later else Fate.READY), None
        if self._parted(row):
            return Fate.GONE, None
        if row.field not in self.groups:
            return Fate.UNMAPPED, None
        return self._moved(row)

    def _parted(self, row: Decision) -> bool:
        link = self.links.get(row.link_id or 0)
        return link is None or link.status == LinkStatus.CLOSED

    def _moved(self, row: Decision) -> tuple[Fate, Entry | None]:
        """Whether a decision on a field was carried out, and what came after it."""
        carried = False
        for entry in self.told[row.link_id, row.field]:
            if entry.seq <= row.seq:
                continue
            if entry.kind == EntryKind.DECISION and entry.rule.startswith("undo"):
                continue
            if entry.rule in (f"person: {row.kind}", f"rule #{row.rule_id}: {row.kind}"):
                carried = True
            elif entry.kind in (EntryKind.CHANGE, EntryKind.DECISION):
                return (Fate.MOVED if carried else Fate.NEVER), entry
        if not carried:
            return Fate.NEVER, None
        whole = [e for e in self.told[row.link_id, ""] if e.seq > row.seq and e.kind == EntryKind.CHANGE]
        if whole:
            return Fate.MOVED, whole[0]
        live = self.live.get(_record(row.conflict))
        if live is not None and any(f.field == row.field for f in live.fields.all()):
            return Fate.AGAIN, None
        return Fate.READY, None


def _record(item: Conflict) -> tuple[int | None, str, str]:
    return (item.link_id, "", "") if item.link_id else (None, item.side, item.key)


def _agreed(link: Link, name: str) -> Pair:
    """What both sides hold of a field, as far as the hub knows; None where it knows nothing."""
    left = decode(bytes(link.left_shadow))
    right = left if link.right_shadow is None else decode(bytes(link.right_shadow))
    return left.get(name), right.get(name)
