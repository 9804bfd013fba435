"""Planted bugs: each switches one defence of the engine off, so that the rig can show that it would notice.

A mutant that no seed catches means a hole in the rig, or a mechanism that nobody needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from conflicts.services import decide, ruling
from connectors.base import Outcome, Result
from syncadmin.core import decide as decision
from syncadmin.core import fields, habits, matching, merge, presence
from syncadmin.core import plan as core
from syncadmin.core import ranges as core_ranges
from syncadmin.core.policy import EditVsDelete
from syncadmin.core.side import Side
from syncadmin.engine import (
    accounts,
    agree,
    binding,
    candidates,
    collect,
    guard,
    indoubt,
    lease,
    load,
    outcome,
    ranges,
    recover,
    restored,
    run,
    store,
    write,
)
from syncadmin.models import MappingState, Mark, marks

from .connector import SimConnector

Patch = pytest.MonkeyPatch
MUTANTS: dict[str, Callable[[Patch], None]] = {}


def mutant(plant: Callable[[Patch], None]) -> Callable[[Patch], None]:
    """Register a planted bug under its function's name."""
    MUTANTS[plant.__name__.replace("_", " ")] = plant
    return plant


@contextmanager
def planted(name: str) -> Iterator[None]:
    """The engine with this bug ('' for none)."""
    with pytest.MonkeyPatch.context() as patch:
        if name:
            MUTANTS[name](patch)
        yield


# ---------------------------------------------------------------- writing


@mutant
def blind_write(patch: Patch) -> None:
    real = write._write

    def blind(*args: Any) -> Any:
        return replace(real(*args), expected={}, version=None)

    patch.setattr(write, "_write", blind)


@mutant
def time_out_taken_for_success(patch: Patch) -> None:
    real = write._send_all

    def hopeful(bound: Any, mine: Any) -> None:
        real(bound, mine)
        for attempt in mine:
            if attempt.outcome.result is Result.UNKNOWN and attempt.write.op is not core.Op.CREATE:
                attempt.outcome = Outcome(Result.APPLIED, attempt.write.key)

    patch.setattr(write, "_send_all", hopeful)


@mutant
def acknowledged_before_it_is_written(patch: Patch) -> None:
    real_plans, real_outcomes = store.store_plans, outcome.store_outcomes

    def hasty(active: Any, items: Any) -> Any:
        writing = real_plans(active, items)
        for _, effort in writing:
            for attempt in effort.attempts:
                if attempt.write.op is core.Op.UPDATE:
                    attempt.outcome = Outcome(Result.APPLIED, attempt.write.key)
        hurried = [e for _, e in writing if all(a.outcome is not None for a in e.attempts)]
        if hurried:
            real_outcomes(active, hurried)
        for effort in hurried:
            effort.marks, effort.changes = [], []
        return writing

    patch.setattr(store, "store_plans", hasty)


@mutant
def unconditional_repeat(patch: Patch) -> None:
    """What was left open is simply sent again, whatever the systems hold by now."""

    def repeat(active: Any, items: Any) -> bool:
        again = [(item, effort) for item in items for effort in recover._efforts(item)]
        if not again:
            return False
        efforts = [effort for _, effort in again]
        write.prepare(active.binding, again)
        for attempt in (a for e in efforts for a in e.attempts if a.raw is not None):
            attempt.raw = replace(attempt.raw, expected={}, version=None, idempotency="")
        write.send(active.binding, efforts)
        write.read_back(active.binding, efforts)
        write.read_answers(active.binding, efforts)
        outcome.store_outcomes(active, efforts)
        return True

    patch.setattr(recover, "settle_applied", repeat)


@mutant
def no_recovery(patch: Patch) -> None:
    patch.setattr(recover, "settle_applied", lambda *_: False)
    patch.setattr(recover, "mark_open_intents", lambda *_: 0)


@mutant
def late_writes_forgotten(patch: Patch) -> None:
    patch.setattr(indoubt, "arrived", lambda *_: set())
    patch.setattr(indoubt, "hold_late_delete", lambda *_: None)


# ---------------------------------------------------------------- shadows


@mutant
def read_back_absorbs_a_strangers_edit(patch: Patch) -> None:
    real = agree.settle

    def greedy(effort: Any, link: Any, held: bool) -> bool:
        real(effort, link, held)
        shadows = {side: link.shadow(side) for side in Side}
        for attempt in effort.attempts:
            if attempt.applied and attempt.answer is not None:
                shadows[attempt.write.side].update(attempt.answer.record.values)
        link.store(shadows, dict.fromkeys(Side), link.alone)
        return True

    for module in (agree, store, outcome):
        patch.setattr(module, "settle", greedy)


@mutant
def shadow_from_the_intent_instead_of_the_answer(patch: Patch) -> None:
    patch.setattr(write, "read_back", lambda *_: None)
    patch.setattr(write, "read_answers", lambda *_: None)


# ---------------------------------------------------------------- reading


@mutant
def mark_cleared_whatever_its_generation(patch: Patch) -> None:
    def sweeping(handled: Any) -> None:
        Mark.objects.filter(pk__in=[pk for pk, _ in handled]).delete()

    patch.setattr(marks, "clear", sweeping)


@mutant
def mark_removed_before_it_was_handled(patch: Patch) -> None:
    real = run.load

    def hasty(bind: Any, batch: Any, *args: Any) -> Any:
        Mark.objects.filter(pk__in=[m.id for m in batch]).delete()
        return real(bind, batch, *args)

    patch.setattr(run, "load", hasty)


@mutant
def cursor_stored_before_the_marks(patch: Patch) -> None:
    real = collect._read_side

    def hasty(
        bind: Any, bound: Any, at: Any, held: Any, cache: Any, now: Any, found: Any, report: Any
    ) -> None:
        changes = bound.connector.changes

        def ahead(resource: str, cursor: Any, **options: Any) -> Any:
            for page in changes(resource, cursor, **options):
                if cursor is not None:
                    with held.fenced():
                        collect._store_cursor(bind.id, bound.side, _later(page.cursor), now)
                yield replace(page, cursor=_later(page.cursor))

        bound.connector.changes = ahead
        real(bind, bound, at, held, cache, now, found, report)

    patch.setattr(collect, "_read_side", hasty)


def _later(cursor: Any) -> Any:
    """A cursor from which the overlap does not reach back to what it has passed."""
    from datetime import datetime

    from .connector import OVERLAP

    return (datetime.fromisoformat(cursor) + OVERLAP).isoformat() if cursor else cursor


@mutant
def no_overlap(patch: Patch) -> None:
    patch.setattr(SimConnector, "overlap", staticmethod(timedelta))


@mutant
def stale_listing_accepted(patch: Patch) -> None:
    patch.setattr(run, "doubtful", lambda *_: [])


@mutant
def fingerprint_of_a_system_alone(patch: Patch) -> None:
    patch.setattr(ranges, "all_known", lambda *_: core_ranges.NOTHING)
    patch.setattr(
        ranges, "known_of", lambda _, __, kept, ___: ([core_ranges.NOTHING] * len(kept.ranges), (0, 0, 0))
    )


@mutant
def missing_field_taken_as_null(patch: Patch) -> None:
    real = binding.BoundSide._translate

    def blanking(self: Any, record: Any, lookup: Any) -> Any:
        values = {f.source: record.values.get(f.source) for f in self.fields}
        return real(self, replace(record, values=values), lookup)

    patch.setattr(binding.BoundSide, "_translate", blanking)
    patch.setattr(binding, "ensure_fits", lambda *_: None)


@mutant
def partial_listing_taken_as_deletes(patch: Patch) -> None:
    real = load.load

    def gullible(bind: Any, batch: Any, *args: Any) -> Any:
        items = real(bind, batch, *args)
        absent = Mark.objects.filter(pk__in=[m.id for m in batch], reason="absent")
        missing = {(Side(m.side), m.key) for m in absent}
        for item in items:
            for side, key in item.places():
                if item.link is not None and (side, key) in missing:
                    item.seen[side], item.observations[side] = None, core.Absent(key)
        return items

    patch.setattr(run, "load", gullible)


# ---------------------------------------------------------------- deciding


@mutant
def last_writer_wins_without_a_time(patch: Patch) -> None:
    real = merge._newest

    def guessing(*args: Any) -> Any:
        verdict = real(*args)
        return merge.Take(Side.LEFT, "newest") if isinstance(verdict, merge.Undecided) else verdict

    patch.setattr(merge, "_newest", guessing)


@mutant
def delete_wins_over_edit(patch: Patch) -> None:
    real = presence._judge
    patch.setattr(
        presence,
        "_judge",
        lambda gone, record, edited, policy: real(
            gone, record, edited, replace(policy, edit_vs_delete=EditVsDelete.DELETE_WINS)
        ),
    )


@mutant
def held_field_written_anyway(patch: Patch) -> None:
    real = fields._merge

    def rash(*args: Any) -> Any:
        verdict = real(*args)
        return (
            fields.Take(Side.LEFT, "one side changed") if isinstance(verdict, fields.Undecided) else verdict
        )

    patch.setattr(fields, "_merge", rash)


@mutant
def pick_applied_to_newer_values(patch: Patch) -> None:
    patch.setattr(fields, "_applies", lambda *_: True)
    for module in (decision, matching):
        patch.setattr(module, "still_holds", lambda *_: True)


@mutant
def override_not_journaled(patch: Patch) -> None:
    real = accounts.journal_changes

    def forgetful(active: Any, items: Any, now: Any) -> Any:
        for item in items:
            kept = tuple(c for c in item.plan.changes if c.disposition is not core.Disposition.OVERRIDDEN)
            item.plan = replace(item.plan, changes=kept)
        return real(active, items, now)

    patch.setattr(store, "journal_changes", forgetful)


@mutant
def create_without_its_reference(patch: Patch) -> None:
    real = binding.BoundSide._translate

    def dangling(self: Any, record: Any, lookup: Any) -> Any:
        made = real(self, record, lookup)
        values = {**made.record.values, **dict.fromkeys(made.record.waiting)}
        return replace(made, record=replace(made.record, values=values, waiting=frozenset()))

    patch.setattr(binding.BoundSide, "_translate", dangling)


@mutant
def duplicates_ignored(patch: Patch) -> None:
    real = candidates._find

    def blind(bind: Any, side: Any, items: Any, cache: Any) -> None:
        real(bind, side, items, cache)
        for item in items:
            item.observations[side.other] = core.Matches()

    patch.setattr(candidates, "_find", blind)


@mutant
def no_guard(patch: Patch) -> None:
    patch.setattr(guard, "check", lambda *_: None)


# ---------------------------------------------------------------- learned rules


@mutant
def rule_applied_to_what_it_does_not_match(patch: Patch) -> None:
    def eager(row: Any, valid: Any, _: Any) -> Any:
        about = [found for (name, *_), found in valid.items() if name == row.field]
        return decide.FieldChoice(core.PickKind(about[0].take), rule=about[0].pk) if about else None

    patch.setattr(ruling, "_choice", eager)


@mutant
def suspended_rule_decides(patch: Patch) -> None:
    patch.setattr(habits, "LEAST_OVERRULED", 1)  # histories are short
    patch.setattr(ruling, "_watch", lambda *_: False)


# ---------------------------------------------------------------- backups


@mutant
def restored_hub_not_noticed(patch: Patch) -> None:
    patch.setattr(restored, "recognise", lambda held: held.testify())
    patch.setattr(restored, "declare", lambda *_, **__: None)


@mutant
def restored_hub_trusts_its_backup(patch: Patch) -> None:
    """It compares everything, and then decides as ever."""
    patch.setattr(restored, "unsure", lambda _: False)
    patch.setattr(restored, "hold_untold", lambda *_: None)


# ---------------------------------------------------------------- one at a time


@mutant
def no_fence(patch: Patch) -> None:
    from django.db import transaction

    @contextmanager
    def open_gate(self: lease.Lease, beside: Any = ()) -> Iterator[MappingState]:
        with transaction.atomic():
            yield MappingState.objects.get(mapping_id=self.mapping_id)

    patch.setattr(lease.Lease, "fenced", open_gate)


@mutant
def no_lease(patch: Patch) -> None:
    real = lease.acquire

    def shared(mapping_id: int, holder: str, clock: Any) -> lease.Lease | None:
        state = MappingState.objects.filter(mapping_id=mapping_id)
        state.update(expires_at=None)
        got = real(mapping_id, holder, clock)
        if got is not None:
            got.token -= got.token
            state.update(token=0)
        return got

    patch.setattr(lease, "acquire", shared)
