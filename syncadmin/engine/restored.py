"""A hub whose database was restored from a backup: it knows what was then, and forgot what it did since.

Such a hub can't tell its own writes since then from its users' edits. A field that looks as if one side alone
had changed it may have been put back by its user; a count that both sides hold may have been added already; a
record that looks new may be the copy that the hub made of another, or that copy's original, deleted since. So
the first full comparison marks every record that is not as the backup says, and each of these is decided with
care, once: equal values agree, what nobody can have touched since takes the ordinary way, the rest is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

from django.db import transaction
from django.db.models import Max

from conflicts.models import Conflict, Decision
from syncadmin.core import plan as core
from syncadmin.core.asked import FROM_BACKUP
from syncadmin.core.policy import Deletes, Drift, EditVsDelete, LeftScope, Policy
from syncadmin.core.rows import owner_of
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import same
from syncadmin.models import Cursor, Entry, EntryKind, MappingState, Pass, Unlinked, ledger
from syncadmin.models.state import locked

from . import distinct, doubts, links, witness
from .bounce import held
from .effort import Item, Run
from .lease import Lease

RECORD_REASON = (
    "the hub's database was restored from a backup: what became of this record since can't be told"
)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
FEW = 3  # of a text that so many records hold on a side, each may be the one that is meant
BEYOND = 1_000_000  # numbers that nobody can have been given since the backup


def recognise(lease: Lease) -> datetime | None:
    """Whether the number of a lease was given out before, or more was stored than the database knows of.

    Then the database was restored, and the lease gets a number that is new. Returns as of when it is.
    """
    known = witness.last(lease.name)
    as_of = None
    if known.token >= lease.token or known.stored > lease.stored:
        beyond = witness.Numbers(max(known.token, lease.token) + 1, max(known.stored, lease.stored))
        as_of = declare(lease.mapping_id, lease.clock(), beyond=beyond)
        lease.token, lease.stored = beyond
    lease.testify()
    return as_of


def declare(
    mapping_id: int, now: datetime, *, beyond: witness.Numbers | None = None, as_of: datetime | None = None
) -> datetime:
    """Say that what the hub knows of a mapping is as of a backup: by default, of its last sign of life.

    Its next pass compares everything, and no worker of before can store anything. `beyond` are numbers that
    nobody has been given since; by default, ones far off. Returns as of when it is.
    """
    with transaction.atomic():
        state = locked(mapping_id)
        as_of = as_of or last_sign_of_life(mapping_id)
        mine = MappingState.objects.filter(mapping_id=mapping_id)
        if beyond is None:
            stored = mine.values_list("stored", flat=True).get()
            beyond = witness.Numbers(state.token + BEYOND, stored + BEYOND)
        changes = {"restored_from": as_of, "next_due": now, "next_reconcile": now}
        mine.update(token=beyond.token, stored=beyond.stored, **changes)
        then = f"{as_of.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
        text = f"restored from a backup: what the hub knows is as of {then}"
        ledger.append(mapping_id, [ledger.Row(EntryKind.NOTE, rule=text)], now)
    return as_of


def last_sign_of_life(mapping_id: int) -> datetime:
    """When the hub last did anything for a mapping, as far as its tables tell."""
    mine = {"mapping_id": mapping_id}
    passes = Pass.objects.filter(**mine).aggregate(began=Max("started_at"), ended=Max("finished_at"))
    signs = [
        *passes.values(),
        Cursor.objects.filter(**mine).aggregate(at=Max("read_at"))["at"],
        Entry.objects.filter(**mine).order_by("-seq").values_list("at", flat=True).first(),
        Decision.objects.filter(conflict__mapping_id=mapping_id).aggregate(at=Max("at"))["at"],
        Conflict.objects.filter(**mine).aggregate(at=Max("changed_at"))["at"],
    ]
    return max((sign for sign in signs if sign is not None), default=NEVER)


def doubt_copies(run: Run, since: datetime) -> None:
    """Records without a partner that were first seen `since` may be copies of each other: a person decides.

    Two are suspected if they share a text that few others have, and hold mostly the same besides. Those with
    the same match values are found in the ordinary way.
    """
    binding = run.binding
    if not any(binding.policy.create.allows(side) for side in SIDES):
        return
    free = {side: _without_partner(run, side) for side in SIDES}
    new = Unlinked.objects.filter(mapping_id=binding.id, first_seen__gte=since)
    newly = {(Side(side), key) for side, key in new.values_list("side", "key")}
    pairs = {
        (left.key, right.key)
        for left, right in _alike(free[Side.LEFT], free[Side.RIGHT])
        if ((Side.LEFT, left.key) in newly or (Side.RIGHT, right.key) in newly)
        and (
            binding.match_of(left.values) is None
            or binding.match_of(left.values) != binding.match_of(right.values)
        )
    }
    said = distinct.others(binding.id, Side.LEFT, [left for left, _ in pairs])
    pairs = {(left, right) for left, right in pairs if right not in said.get(left, ())}
    if not pairs:
        return
    with run.lease.fenced():
        doubts.remember(binding.id, pairs, run.clock())
    run.count("in doubt", len(pairs))


def _without_partner(run: Run, side: Side) -> list[core.Record]:
    rows = Unlinked.objects.filter(mapping_id=run.binding.id, side=side.value, ignored=False)
    keys = sorted(rows.values_list("key", flat=True))
    keys = sorted(set(keys) - links.by_key(run.binding.id, side, keys).keys())
    bound = run.binding.sides[side]
    found = bound.connector.fetch(bound.resource, keys, fields=bound.wanted).found if keys else {}
    return [t.record for t in bound.translate(list(found.values()))]


def _alike(
    left: Sequence[core.Record], right: Sequence[core.Record]
) -> Iterator[tuple[core.Record, core.Record]]:
    """Pairs that share a distinctive text and resemble each other."""
    holders = [_by_text(records) for records in (left, right)]
    seen: set[tuple[str, str]] = set()
    for text in holders[0].keys() & holders[1].keys():
        if max(len(holders[0][text]), len(holders[1][text])) > FEW:
            continue
        for a, b in product(holders[0][text], holders[1][text]):
            if (a.key, b.key) not in seen and doubts.resembles(a.values, b.values, ()):
                seen.add((a.key, b.key))
                yield a, b


def _by_text(records: Sequence[core.Record]) -> dict[tuple[str, str], list[core.Record]]:
    found: dict[tuple[str, str], list[core.Record]] = {}
    for record in records:
        for name, value in record.values.items():
            if isinstance(value, str) and value.strip():
                found.setdefault((name, " ".join(value.split()).casefold()), []).append(record)
    return found


# ---------------------------------------------------------------- deciding with care


def unsure(item: Item) -> bool:
    """Whether a record as a whole is to be decided with care, or is being asked about for this reason."""
    return item.as_of is not None or (item.conflict is not None and item.conflict.reason == RECORD_REASON)


def cautious(policy: Policy) -> Policy:
    """A policy that deletes nothing and brings nothing back by itself."""
    return replace(
        policy,
        deletes=Deletes.IGNORE if policy.deletes is Deletes.IGNORE else Deletes.REVIEW,
        edit_vs_delete=EditVsDelete.REVIEW,
        left_scope=LeftScope.STOP if policy.left_scope is LeftScope.STOP else LeftScope.REVIEW,
        drift=Drift.IGNORE if policy.drift is Drift.IGNORE else Drift.REVIEW,
    )


def with_reason(plan: core.Plan) -> core.Plan:
    """The plan of a record that is decided with care; what it asks about the whole record says why."""
    if plan.conflict is None or plan.conflict.kind not in _WHOLE:
        return plan
    return replace(plan, conflict=replace(plan.conflict, reason=RECORD_REASON))


_WHOLE = (core.ConflictKind.DELETE_REVIEW, core.ConflictKind.DELETED_CHANGED, core.ConflictKind.SCOPE)


def hold_untold(item: Item, policy: Policy) -> None:
    """Turn writes over what may be a newer edit into a conflict; what a person picked since is written."""
    plan = item.decided
    written = {name: w.side for w in plan.writes if w.op is core.Op.UPDATE for name in w.values}
    untold = _asked(item) & written.keys()
    if item.as_of is not None and _may_be_another(item, policy):
        untold |= written.keys()
    elif item.as_of is not None and written and not _is_owned(item, policy):
        untold |= _untold(item, policy)
    untold -= plan.used_picks
    if not untold:
        return
    if policy.whole_record:
        untold = set(written)
    together = {f.name for u in policy.units for f in u.fields if untold & {g.name for g in u.fields}}
    item.plan = held(item, plan, (untold | together) & written.keys(), FROM_BACKUP)


def _may_be_another(item: Item, policy: Policy) -> bool:
    """Whether a side may hold another record under the old one's key, which its system has given again.

    The backup has paired the key; what is there now has other match values, and its partner has not.
    """
    values = {s: o.record.values for s, o in item.observations.items() if isinstance(o, core.Present)}
    if item.link is None or len(values) < len(SIDES):
        return False
    shadows = {side: item.link.shadow(side) for side in SIDES}
    return any(
        name in values[side]
        and name in shadows[side]
        and not same(values[side][name], shadows[side][name])
        and not same(values[side][name], values[side.other].get(name))
        for side in SIDES
        for name in policy.match
    )


def _asked(item: Item) -> set[str]:
    """The fields that a person is asked about already, for this reason."""
    return (
        set()
        if item.conflict is None
        else {f.field for f in item.conflict.fields.all() if f.reason == FROM_BACKUP}
    )


def _is_owned(item: Item, policy: Policy) -> bool:
    values = [o.record.values for o in item.observations.values() if isinstance(o, core.Present)]
    return len(values) == len(SIDES) and isinstance(owner_of(policy, values[0], values[1]), Side)


def _untold(item: Item, policy: Policy) -> set[str]:
    """Shared fields that are to be written where somebody, or the hub, may have been since the backup."""
    free = {f.name for u in policy.units if u.owner is None for f in u.fields}
    touched = {side: _touched(item, side, policy) for side in SIDES}
    found: set[str] = set()
    for write in (w for w in item.decided.writes if w.op is core.Op.UPDATE):
        for name in write.values.keys() & free:
            if touched[write.side] or (touched[write.side.other] and _both_changed(item, name)):
                found.add(name)
    return found


def _touched(item: Item, side: Side, policy: Policy) -> bool:
    """Whether a record may have been changed since the backup, by whomever."""
    seen = item.observations.get(side)
    if not isinstance(seen, core.Present) or item.as_of is None:
        return True
    known = item.link.version(side) if item.link is not None else None
    if known is not None and seen.record.version is not None:
        return known != seen.record.version
    return seen.record.modified is None or seen.record.modified > item.as_of - policy.clock_tolerance


def _both_changed(item: Item, name: str) -> bool:
    """Whether neither side holds what was last agreed, as far as the backup knows."""
    for side, seen in item.observations.items():
        shadow = item.link.shadow(side) if item.link is not None else {}
        if (
            isinstance(seen, core.Present)
            and name in shadow
            and same(seen.record.values.get(name), shadow[name])
        ):
            return False
    return True
