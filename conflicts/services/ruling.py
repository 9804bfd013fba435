"""Learned rules at work: they decide open items as a person would, and are watched by what people do then.

A rule decides in the inbox, never beside it: its decision is bound to what the item shows, takes the same way
through the engine, is journaled under its name and can be undone. It decides an item once, and leaves alone
what a person has taken up or taken back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from conflicts.models import (
    Conflict,
    ConflictField,
    ConflictGroup,
    ConflictState,
    Decision,
    Facet,
    LearnedRule,
    Overruled,
    RuleState,
)
from conflicts.suggestions import Like, classed
from syncadmin.core.asked import BY_PEOPLE
from syncadmin.core.habits import USES, WATCHED, Changed, overruled_too_often
from syncadmin.core.plan import ConflictKind, PickKind
from syncadmin.core.values import same
from syncadmin.models import Entry, EntryKind, FieldMapping, MappingState, ledger
from syncadmin.models import Mapping as SyncMapping

from . import choices, decide, rules

BATCH = 500
MOST = 20_000  # items that are looked at in one go; the next pass goes on


def let_decide(mapping: SyncMapping, now: datetime) -> int:
    """Decide what the mapping's rules decide; returns how many items. No query if it has no rule.

    First the rules are looked at themselves: one that people overrule is suspended, and decides nothing more.
    """
    if not any(field.learned for field in mapping.fields.all()):
        return 0
    with transaction.atomic():
        MappingState.objects.select_for_update().get_or_create(mapping=mapping)
        valid = _unsuspended(in_force(mapping, now), now)
    if not valid:
        return 0
    last, looked, decided = 0, 0, 0
    while looked < MOST:
        with transaction.atomic():
            # the same order of locks as the engine: first the mapping, then the items
            MappingState.objects.select_for_update().get_or_create(mapping=mapping)
            ids = _open_items(mapping, valid, last, now)
            decided += _decide(mapping, ids, valid, now)
        if len(ids) < BATCH:
            break
        last, looked = ids[-1], looked + len(ids)
    return decided


def in_force(mapping: SyncMapping, now: datetime) -> dict[Like, LearnedRule]:
    """The rules that the configuration names and nobody has suspended, by what they are about.

    Under the mapping's lock. A rule that came by a file gets its row, one that the file took out is ended.
    """
    wanted = {
        (field.name, entry["differs"], Changed(entry["changed"]).stored): entry["take"]
        for field in FieldMapping.objects.filter(mapping=mapping, group="", two_people=False)
        for entry in field.learned
    }
    rows = LearnedRule.objects.filter(mapping=mapping).exclude(state=RuleState.ENDED)
    known = {(row.field, row.pattern, row.changed): row for row in rows}
    for like, row in list(known.items()):
        out = row.state != RuleState.PROPOSED and wanted.get(like) != row.take
        if out or (like in wanted and wanted[like] != row.take):
            row.state = RuleState.ENDED
            row.save(update_fields=["state"])
            del known[like]
    for like, take in wanted.items():
        if like not in known:
            field, pattern, changed = like
            made = {"field": field, "pattern": pattern, "changed": changed, "take": take}
            known[like] = LearnedRule(mapping=mapping, **made, proposed_at=now)
        if known[like].state == RuleState.PROPOSED:
            known[like].state, known[like].counts_from = RuleState.APPROVED, now
            known[like].answered_at = known[like].answered_at or now
            known[like].save()
    return {like: row for like, row in known.items() if row.state == RuleState.APPROVED and like in wanted}


# ---------------------------------------------------------------- deciding


def _open_items(
    mapping: SyncMapping, valid: Mapping[Like, LearnedRule], after: int, now: datetime
) -> list[int]:
    """Open items with a field that a rule is about, but for those that people have in hand."""
    groups = [
        pk
        for pk, *like in ConflictGroup.objects.filter(
            mapping=mapping, kind=ConflictKind.FIELD, facets__gt=0
        ).values_list("pk", "field", "pattern", "changed")
        if tuple(like) in valid
    ]
    if not groups:
        return []
    facets = Facet.objects.filter(group__in=groups, open=True, conflict__gt=after)
    before = Decision.objects.filter(
        Q(rule__isnull=False) | Q(undone_at__isnull=False), conflict=OuterRef("pk")
    )
    free = Conflict.objects.filter(~Exists(before), hold_reason="", second_look="", assignee=None)
    free = free.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), state=ConflictState.OPEN)
    found = free.filter(pk__in=facets.values("conflict_id"))
    return list(found.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _decide(
    mapping: SyncMapping, ids: Iterable[int], valid: Mapping[Like, LearnedRule], now: datetime
) -> int:
    tolerance = timedelta(seconds=mapping.clock_tolerance)
    made = []
    for conflict in decide.locked(ids).values():
        if conflict.state != ConflictState.OPEN:
            continue
        rows = list(conflict.fields.all())
        picks = {row.field: choice for row in rows if (choice := _choice(row, valid, tolerance)) is not None}
        if not picks or (mapping.whole_record and len(picks) < len(rows)):
            continue
        with suppress(choices.Invalid):  # the configuration has changed meanwhile: it is left to people
            made.append(choices.checked(conflict, picks, None))
    if made:
        decide.store(mapping.pk, made, None, "rules", now)
    return len(made)


def _choice(
    row: ConflictField, valid: Mapping[Like, LearnedRule], tolerance: timedelta
) -> choices.FieldChoice | None:
    """What a rule takes for a field, if one is about it."""
    found = valid.get((row.field, row.pattern, row.changed))
    if found is None or row.reason in BY_PEOPLE or not classed(row, tolerance):
        return None
    return choices.FieldChoice(PickKind(found.take), rule=found.pk)


# ---------------------------------------------------------------- watching


def _unsuspended(approved: Mapping[Like, LearnedRule], now: datetime) -> dict[Like, LearnedRule]:
    """The rules that go on, after a look at each that has decided anything."""
    decisions = Decision.objects.filter(rule__in=[found.pk for found in approved.values()])
    used = set(decisions.order_by().values_list("rule", flat=True).distinct())
    return {like: found for like, found in approved.items() if found.pk not in used or not _watch(found, now)}


def _watch(found: LearnedRule, now: datetime) -> bool:
    """Whether the rule is suspended now, since people overrule it."""
    uses = list(
        Decision.objects.filter(rule=found, at__gte=found.counts_from or found.proposed_at).order_by("-pk")[
            :USES
        ]
    )
    _note_overruled(found, [use for use in uses if not use.overruled])
    counted = len(uses), sum(bool(use.overruled) for use in uses)
    if (found.uses, found.overruled) != counted:
        found.uses, found.overruled = counted
        found.save(update_fields=["uses", "overruled"])
    if not overruled_too_often(found.overruled, found.uses):
        return False
    rules.suspend(found, now)
    return True


def _note_overruled(found: LearnedRule, uses: Sequence[Decision]) -> None:
    """Note which of these decisions people have overruled since: undone, decided otherwise, edited back."""
    if not uses:
        return
    links = {use.link_id for use in uses if use.link_id is not None}
    later = Decision.objects.filter(mapping=found.mapping_id, field=found.field, link__in=links, rule=None)
    decided: defaultdict[int | None, list[Decision]] = defaultdict(list)
    for one in later.filter(undone_at=None):
        decided[one.link_id].append(one)
    changes: defaultdict[int | None, list[Entry]] = defaultdict(list)
    told = Entry.objects.filter(mapping=found.mapping_id, link_id__in=links, field=found.field)
    told = told.filter(seq__gt=min(use.seq for use in uses), kind=EntryKind.CHANGE)
    for entry in told.defer("hash", "old"):
        changes[entry.link_id].append(entry)
    noted = []
    for use in uses:
        use.overruled = _overruled(use, decided[use.link_id], changes[use.link_id])
        noted += [use] if use.overruled else []
    Decision.objects.bulk_update(noted, ["overruled"], batch_size=BATCH)


def _overruled(use: Decision, decided: Sequence[Decision], changes: Sequence[Entry]) -> str:
    """How people said otherwise than a rule's decision, in time; '' if they did not."""
    given_up = use.right if use.kind == PickKind.LEFT else use.left
    until = use.at + WATCHED
    if use.undone_at is not None:
        return Overruled.UNDONE
    for one in decided:
        if one.seq > use.seq and one.at <= until and _otherwise(use, one, given_up):
            return Overruled.DECIDED
    as_told = ledger.as_text(given_up)
    if any(e.seq > use.seq and e.at <= until and e.new == as_told for e in changes):
        return Overruled.EDITED
    return ""


def _otherwise(use: Decision, later: Decision, given_up: object) -> bool:
    """Whether a person decided against the rule: on the same question, or for the value that it gave up."""
    if later.pattern == use.pattern and later.changed == use.changed:
        return later.kind != use.kind
    taken = {PickKind.LEFT: later.left, PickKind.RIGHT: later.right}
    return later.kind in taken and same(taken[PickKind(later.kind)], given_up)  # type: ignore[arg-type]
