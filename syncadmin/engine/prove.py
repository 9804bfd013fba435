"""Proving: folds the journal of a mapping and names everything that does not hold (DESIGN section 5).

The journal is read in order, as a stream; what is kept in memory is one byte an entry and the changes that
have no final disposition yet. Nothing is written, and nothing that is found is repaired.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction

from conflicts.models import Conflict, ConflictField
from syncadmin.core.plan import Disposition
from syncadmin.core.values import decode
from syncadmin.models import Entry, EntryKind, Intent, Mapping, MappingState, ledger

from .prove_report import Finding, Proof

CHUNK = 5000
WAITING = (Disposition.HELD, Disposition.REJECTED)
_FATES = tuple(Disposition)
# what the journal has said of an entry so far; a final disposition is _FINAL and its place in _FATES
_NOTHING, _OPEN, _FINAL = 0, 1, 2
_SEQ, _KIND, _SIDE, _KEY, _FIELD, _FATE, _RULE, _OF, _ACTOR = (
    ledger.COLUMNS.index(name)
    for name in ("seq", "kind", "side", "key", "field", "disposition", "rule", "of", "actor")
)
Report = Callable[[str, int, int], None]


def no_report(phase: str, advanced: int, total: int) -> None:
    """For callers that show no progress."""


@contextmanager
def snapshot() -> Iterator[None]:
    """One view of the hub, whatever passes store meanwhile. Nothing stays of what is done in it."""
    fresh = not connection.in_atomic_block
    with transaction.atomic():
        if fresh and connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            yield
        finally:
            transaction.set_rollback(True)


def prove(
    mapping: Mapping, *, live: bool = False, seal: tuple[int, str] | None = None, report: Report = no_report
) -> Proof:
    """Check the journal of a mapping, its links, and with `live` what both systems hold.

    `seal` is the number and hash (in hexadecimal) of an entry as an earlier proof told them.
    """
    from .prove_links import check_links
    from .prove_live import compare

    started = time.monotonic()
    proof = Proof(mapping.name)
    with snapshot():
        fold_journal(mapping, proof, seal, report)
        check_links(mapping, proof, report)
    if live:
        proof.live = compare(mapping, proof, report)
    proof.seconds = round(time.monotonic() - started, 3)
    return proof


@dataclass(slots=True)
class _Open:
    """A change that has no final disposition yet."""

    side: str
    key: str
    field: str
    waits: str = ""


@dataclass(slots=True)
class _Fold:
    """What has been read so far."""

    proof: Proof
    said: bytearray
    open: dict[int, _Open] = field(default_factory=dict)

    def of(self, seq: int) -> int:
        """What the journal has said so far about the entry `seq`."""
        return self.said[seq] if 0 < seq < len(self.said) else _NOTHING

    def read(self, row: tuple[Any, ...]) -> None:
        """Take in one entry."""
        kind, seq, of = row[_KIND], row[_SEQ], row[_OF]
        if not 0 < seq < len(self.said):
            return  # the chain tells of it
        if kind == EntryKind.CHANGE:
            self.said[seq] = _OPEN
            self.open[seq] = _Open(row[_SIDE], row[_KEY], row[_FIELD])
            self.proof.changes += 1
            return
        if kind == EntryKind.WRITE:
            self.proof.writes += 1
            if of is None and not row[_ACTOR] and not row[_RULE]:
                self._find(
                    "write", row, "this write has no cause: no change, no rule and no person asked for it"
                )
        if of is not None and self.of(of) == _NOTHING:
            self._find("change", row, f"it refers to entry {of}, which is no change before it")
            return
        if kind == EntryKind.DISPOSITION or row[_FATE]:
            self._dispose(row, kind, of)

    def _dispose(self, row: tuple[Any, ...], kind: str, of: int | None) -> None:
        disposition = row[_FATE]
        if disposition not in _FATES:
            self._find("change", row, f'"{disposition}" is no disposition')
            return
        if of is None:
            self._find("change", row, f"{disposition}, but it says of no change")
            return
        change = self.open.get(of)
        if disposition == Disposition.REVERTED:
            self._revert(row, of, change)
            return
        if change is None:
            self._find(
                "change", row, f"change {of} has a second disposition, {disposition}, after its final one"
            )
            return
        if change.field != row[_FIELD]:
            self._find(
                "change", row, f"it refers to change {of}, which is of field {change.field or '(record)'}"
            )
            return
        if kind == EntryKind.DISPOSITION and change.side != row[_SIDE]:
            self._find("change", row, f"it refers to change {of}, which is of the {change.side} side")
            return
        if disposition in WAITING:
            change.waits = disposition
            return
        self.said[of] = _FINAL + _FATES.index(Disposition(disposition))
        del self.open[of]
        self.proof.dispositions[disposition] = self.proof.dispositions.get(disposition, 0) + 1

    def _revert(self, row: tuple[Any, ...], of: int, change: _Open | None) -> None:
        """A person took back what had become of a change: it waits again, as if it had never been settled."""
        if change is not None:
            self._find("change", row, f"reverted, but change {of} had no final disposition")
            return
        before = _FATES[self.said[of] - _FINAL]
        self.proof.dispositions[before] -= 1
        self.proof.reverted += 1
        self.said[of] = _OPEN
        self.open[of] = _Open(row[_SIDE], row[_KEY], row[_FIELD], Disposition.HELD)

    def _find(self, check: str, row: tuple[Any, ...], text: str) -> None:
        self.proof.found(
            Finding(
                check,
                text,
                row[_SIDE],
                row[_KEY],
                row[_FIELD],
                seq=row[_SEQ],
            )
        )


def fold_journal(mapping: Mapping, proof: Proof, seal: tuple[int, str] | None, report: Report) -> None:
    """The chain, and one final disposition for each change."""
    state = MappingState.objects.filter(mapping=mapping).first()
    last, head = (state.sequence, bytes(state.head)) if state is not None else (0, b"")
    fold = _Fold(proof, bytearray(last + 1))
    before, seq = b"", 0
    for row in _entries(mapping.pk, last, report):
        *content, stored = row
        number, stored = row[_SEQ], bytes(stored)
        where = (row[_SIDE], row[_KEY], row[_FIELD])
        if number != seq + 1:
            missing = f"{seq + 1}" if number == seq + 2 else f"{seq + 1} to {number - 1}"
            proof.found(Finding("chain", f"entry {missing} is missing before this one", *where, seq=number))
        elif ledger.chain(before, ledger.plain(content)) != stored:
            proof.found(
                Finding("chain", "this entry is not what was written: its hash differs", *where, seq=number)
            )
        if seal is not None and number == seal[0]:
            if stored.hex() != seal[1]:
                text = "this is not the entry that was sealed: the journal up to here was rewritten"
                proof.found(Finding("chain", text, *where, seq=number))
            seal = None
        before, seq = stored, number
        proof.entries += 1
        fold.read(row)
    if seq != last:
        missing = f"{seq + 1} to {last}" if seq < last else f"up to {last}, but there are some up to {seq}"
        proof.found(Finding("chain", f"the journal does not end where it did: entries {missing}", seq=last))
    elif before != head:
        proof.found(Finding("chain", "the last entry is not the one that was written last", seq=last))
    if seal is not None:
        proof.found(Finding("chain", "the entry that was sealed is not in the journal", seq=seal[0]))
    proof.head, proof.sequence = head.hex(), last
    _check_open(mapping, fold)


def _entries(mapping_id: int, total: int, report: Report) -> Iterator[tuple[Any, ...]]:
    """The journal in order, as plain tuples."""
    rows = Entry.objects.filter(mapping_id=mapping_id).order_by("seq").values_list(*ledger.COLUMNS)
    for n, row in enumerate(rows.iterator(chunk_size=CHUNK), 1):
        yield row
        if n % CHUNK == 0:
            report("journal", CHUNK, total)


def _check_open(mapping: Mapping, fold: _Fold) -> None:
    """Changes without a final disposition must wait for a person or be on their way; no others may."""
    proof = fold.proof
    inbox, planned = _carried_by_conflicts(mapping.pk), _carried_by_intents(mapping.pk)
    for seq, change in fold.open.items():
        where = (change.side, change.key, change.field)
        if seq in inbox:
            if change.waits:
                proof.waiting[change.waits] = proof.waiting.get(change.waits, 0) + 1
            else:
                text = f"this change waits in the inbox (#{inbox[seq]}), and the journal does not say so"
                proof.found(Finding("change", text, *where, seq=seq))
        elif seq in planned:
            proof.waiting["on its way"] = proof.waiting.get("on its way", 0) + 1
        elif change.waits:
            text = f"this change is {change.waits}, but no open conflict carries it"
            proof.found(Finding("change", text, *where, seq=seq))
        else:
            proof.found(Finding("change", "this change is lost: it has no disposition", *where, seq=seq))
    carried = {seq: f"conflict #{pk}" for seq, pk in inbox.items()}
    carried |= {seq: f"intent #{pk}" for seq, pk in planned.items()}
    wrong = [seq for seq in carried if seq not in fold.open]
    named = {e.seq: e for e in Entry.objects.filter(mapping=mapping, seq__in=wrong[:CHUNK])}
    for seq in wrong:
        over = "has its final disposition" if fold.of(seq) >= _FINAL else "is no change of this journal"
        entry = named.get(seq)
        where = (entry.side, entry.key, entry.field) if entry is not None else ("", "", "")
        proof.found(Finding("change", f"{carried[seq]} carries entry {seq}, which {over}", *where, seq=seq))


def _carried_by_conflicts(mapping_id: int) -> dict[int, int]:
    """Number of the change -> item of the inbox that it waits for."""
    live = Conflict.objects.live().filter(mapping_id=mapping_id)
    carried = {
        seq: pk
        for pk, seqs in live.values_list("pk", "seqs").iterator(chunk_size=CHUNK)
        for seq, _ in seqs.values()
        if seq
    }
    fields = ConflictField.objects.filter(conflict__in=live).order_by("id")
    for pk, *seqs in fields.values_list("conflict_id", "left_seq", "right_seq").iterator(chunk_size=CHUNK):
        carried |= {seq: pk for seq in seqs if seq}
    return carried


def _carried_by_intents(mapping_id: int) -> dict[int, int]:
    """Number of the change -> planned write that carries it."""
    intents = Intent.objects.filter(mapping_id=mapping_id).order_by("id").values_list("pk", "body")
    return {
        change[-1]: pk
        for pk, body in intents.iterator(chunk_size=CHUNK)
        for change in decode(bytes(body))["changes"]
        if change[-1]
    }
