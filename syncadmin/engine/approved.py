"""A first pass held to its approved plan: it begins with exactly that, or stops and shows the difference.

A pass that stops leaves its own plan behind as a rehearsal, which waits for an approval in turn.
"""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery

from syncadmin.config.fingerprint import fingerprint
from syncadmin.core.rehearsed import Rehearse
from syncadmin.core.values import encode
from syncadmin.models import (
    EntryKind,
    EventKind,
    PassKind,
    Rehearsal,
    RehearsalLine,
    RehearsalState,
    bulk,
    events,
    ledger,
)

from .binding import Binding
from .collect import Collected
from .effort import Run
from .estimate import Pace
from .rehearse import Account, Line, account

UNAPPROVED = "nothing is written before the plan of a rehearsal is approved"
OUTDATED = "the mapping has been changed since its plan was approved: rehearse it again"
CARRIED_OUT, MOVED, REPLACED = "carried out", "moved", "replaced"
COLUMNS = (
    "rehearsal_id", "place", "left_key", "right_key", "label", "standing", "fate", "side", "held", "columns",
    "digest", "body",
)  # fmt: skip


class Unapproved(Exception):
    """The first pass must not write: no plan is approved, or the systems have left the approved one."""


def needed(binding: Binding, kind: str) -> Rehearsal | None:
    """The approved plan that a pass is held to, None if it needs none. Raises Unapproved.

    A plan is needed for the first full comparison, until one is done.
    """
    if binding.mapping.rehearse != Rehearse.REQUIRED or kind != PassKind.BACKFILL:
        return None
    found = approved(binding.id)
    if found is None:
        raise Unapproved(UNAPPROVED)
    if found.fingerprint != fingerprint(binding.mapping):
        raise Unapproved(OUTDATED)
    return found


def approved(mapping_id: int) -> Rehearsal | None:
    """The plan of a mapping that is approved and not carried out yet."""
    where = "mapping_id = %s AND approved_at IS NOT NULL AND closed_at IS NULL"
    found = bulk.some(Rehearsal, where, [mapping_id])
    return found[-1] if found else None


def hold_to(run: Run, plan: Rehearsal, found: Collected, pace: Pace) -> None:
    """Let the pass go on if it would do what was approved. Raises Unapproved, LeaseLost, ConnectorError.

    What is due was read by a full comparison whose stages are at hand.
    """
    made = account(run, found, lambda _: None, lambda *_: None, pace)
    if made.digest == plan.digest:
        return _begin(run, plan, "")
    now_planned = _keep(run, plan, found, pace)
    difference = {name: rows.count() for name, rows in differences(now_planned, plan).items()}
    # what was done before a worker died is gone from the plan, and no harm
    apart = sum(number for name, number in difference.items() if name != "gone" or plan.begun_at is None)
    if apart <= plan.allowed:
        with run.lease.fenced():
            now_planned.delete()
        return _begin(run, plan, f"; {apart} lines differ from it, up to {plan.allowed} were allowed")
    words = ", ".join(f"{number} {name}" for name, number in difference.items())
    with run.lease.fenced():
        now = run.clock()
        _close(plan, MOVED, now)
        Rehearsal.objects.filter(pk=now_planned.pk).update(difference=difference)
        text = f"stopped: the systems have left the approved plan #{plan.pk}: {words}"
        _note(run, text, "")
        events.tell(EventKind.GUARD, now, mapping_id=run.binding.id, words=text)
    raise Unapproved(f"the systems have changed since the plan was approved ({words}): look at it again")


def _begin(run: Run, plan: Rehearsal, words: str) -> None:
    with run.lease.fenced():
        if plan.begun_at is None:
            Rehearsal.objects.filter(pk=plan.pk).update(begun_at=run.clock())
            by = str(plan.approved_by)
            _note(run, f"carries out plan #{plan.pk}, approved by {by}{words}", by)


def carried_out(run: Run) -> None:
    """After a pass that is done: its plan needs no approval any more."""
    plan = approved(run.binding.id)
    if plan is not None and plan.begun_at is not None:
        with run.lease.fenced():
            _close(plan, CARRIED_OUT, run.clock())


def _close(plan: Rehearsal, how: str, now: object) -> None:
    Rehearsal.objects.filter(pk=plan.pk).update(closed_at=now, closed_how=how)


def _keep(run: Run, plan: Rehearsal, found: Collected, pace: Pace) -> Rehearsal:
    """The plan of the pass itself, as a rehearsal that waits for an approval."""
    now = run.clock()
    with run.lease.fenced():
        kept = Rehearsal.objects.create(
            mapping_id=run.binding.id,
            actor=f"pass #{run.pass_id}",
            state=RehearsalState.RUNNING,
            created_at=now,
            beat_at=now,
            fingerprint=plan.fingerprint,
            moved_from=plan,
        )

    def store(lines: list[Line]) -> None:
        with run.lease.fenced():
            store_lines(kept.pk, lines)

    made = account(run, found, store, lambda *_: None, pace)
    with run.lease.fenced():
        finish(kept, made, run.clock())
    return kept


def store_lines(rehearsal_id: int, lines: list[Line]) -> None:
    """Store lines of a rehearsal. In a transaction."""
    rows = [
        (
            rehearsal_id,
            line.place,
            line.left_key,
            line.right_key,
            line.label,
            line.standing.value,
            line.fate.value,
            line.side,
            line.held,
            f" {' '.join(line.columns)} " if line.columns else "",
            line.digest,
            encode(line.body),
        )
        for line in lines
    ]
    bulk.insert(RehearsalLine, COLUMNS, rows)


def finish(rehearsal: Rehearsal, made: Account, now: object) -> None:
    """Store what a rehearsal found. In a transaction. Lines of older ones that nobody needs any more go."""
    done = {
        "state": RehearsalState.DONE,
        "phase": "",
        "finished_at": now,
        "result": made.as_dict(),
        "digest": made.digest,
    }
    Rehearsal.objects.filter(pk=rehearsal.pk).update(**done)
    for name, value in done.items():
        setattr(rehearsal, name, value)
    forget_old_lines(rehearsal)


def forget_old_lines(newest: Rehearsal) -> None:
    """Delete the lines of a mapping's earlier plans that nothing is compared with any more."""
    kept = [newest.pk, newest.moved_from_id]
    old = Rehearsal.objects.filter(mapping_id=newest.mapping_id).exclude(pk__in=[k for k in kept if k])
    old = old.exclude(approved_at__isnull=False, closed_at=None)
    RehearsalLine.objects.filter(rehearsal__in=old)._raw_delete(RehearsalLine.objects.db)


def differences(new: Rehearsal, old: Rehearsal) -> dict[str, QuerySet[RehearsalLine]]:
    """Lines that would write something and did not in the old plan, that write something else, that are gone.

    New and changed ones are lines of the new plan, annotated with `before`: what the old line would write.
    """
    return {
        "new": _against(new, old).filter(before=None),
        "changed": _against(new, old).exclude(before=None).exclude(before=F("digest")),
        "gone": _against(old, new).filter(before=None),
    }


def _against(one: Rehearsal, other: Rehearsal) -> QuerySet[RehearsalLine]:
    same = RehearsalLine.objects.filter(rehearsal=other, place=OuterRef("place"))
    lines = RehearsalLine.objects.filter(rehearsal=one, digest__isnull=False)
    return lines.annotate(before=Subquery(same.values("digest")[:1]))


def _note(run: Run, text: str, actor: str) -> None:
    row = ledger.Row(EntryKind.NOTE, rule=text, actor=actor, pass_id=run.pass_id)
    ledger.append(run.binding.id, [row], run.clock())
