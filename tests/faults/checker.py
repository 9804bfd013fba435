"""What must hold after a fault, when the hub has had the time to go on: nothing lost, nothing doubled.

Looks at both live systems behind the hub's back, at the inbox and at the journal.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping as Map
from datetime import timedelta
from typing import Any

from django.utils import timezone

from conflicts.models import Conflict
from syncadmin.engine.prove import prove
from syncadmin.engine.run import run_pass
from syncadmin.models import Entry, EntryKind, Intent, Mapping, Mark, PassState

from .peers import FIELDS, Peer, Row

WAITING = ("held", "rejected")
WRITES = ("created", "updated", "deleted")
People = dict[str, dict[str, Any]]


def people(peer: Peer) -> People:
    """What a system holds, by e-mail address; fails if somebody is there twice."""
    rows = peer.rows()
    twice = [email for email, count in Counter(row["email"] for row in rows).items() if count > 1]
    assert not twice, f"doubled: {twice}"
    return {row["email"]: _values(row) for row in rows}


def _values(row: Row) -> dict[str, Any]:
    return {name: row.get(name) or (0 if kind == "integer" else "") for name, kind in FIELDS.items()}


def expect(peers: tuple[Peer, Peer], wanted: Map[str, Map[str, Any]], held: Map[str, str]) -> None:
    """Both systems hold what people have entered, and nobody else; `held`: fields that wait, with
    spaces between them, by address."""
    left, right = (people(peer) for peer in peers)
    for holds in (left, right):
        for email, fields in held.items():
            holds[email] |= {field: wanted[email][field] for field in fields.split()}
    assert left == right, [left, right]
    assert left == {email: {**_values({}), "email": email, **values} for email, values in wanted.items()}


def settle(mapping: Mapping) -> None:
    """Passes, with time moving on, until one has nothing to do. It must not take many."""
    for minutes in range(1, 8):
        later = timedelta(minutes=10 * minutes)
        done = run_pass(mapping.pk, "reconcile", clock=lambda later=later: timezone.now() + later)
        assert done is not None, "another pass is running"
        done.refresh_from_db()
        assert done.state == PassState.DONE, done.message
        if not any(done.counts.get(name) for name in WRITES) and not _open(mapping):
            return
    raise AssertionError(f"it does not settle: {done.counts}, {_open(mapping)}")


def _open(mapping: Mapping) -> list[str]:
    intents = Intent.objects.filter(mapping=mapping)
    marks = Mark.objects.filter(mapping=mapping)
    return [*(f"{i.state} {i.op} {i.key}" for i in intents), *(f"mark {m.side}:{m.key}" for m in marks)]


def check(
    mapping: Mapping,
    peers: tuple[Peer, Peer],
    wanted: Map[str, Map[str, Any]],
    held: Map[str, str] | None = None,
) -> None:
    """Everything. What is `held` must wait in the inbox, and nothing else."""
    settle(mapping)
    expect(peers, wanted, held or {})
    check_inbox(mapping, held or {})
    check_journal(mapping)
    proof = prove(mapping, live=True)
    assert proof.proven, proof.findings


def check_inbox(mapping: Mapping, held: Map[str, str]) -> None:
    """One item for each record with held fields."""
    items = Conflict.objects.waiting().filter(mapping=mapping)
    assert {item.label: [f.field for f in item.fields.all()] for item in items} == {
        email: fields.split() for email, fields in held.items()
    }


def check_journal(mapping: Mapping) -> None:
    """One final disposition for each change that does not wait, and at most one write carries it out."""
    entries = list(Entry.objects.filter(mapping=mapping).order_by("seq"))
    finals, waits, writes = defaultdict(list), defaultdict(list), Counter()
    for entry in entries:
        if entry.of is not None and entry.disposition:
            (waits if entry.disposition in WAITING else finals)[entry.of].append(entry.disposition)
        if entry.kind == EntryKind.WRITE and entry.of is not None:
            writes[entry.of] += 1
    for change in (entry for entry in entries if entry.kind == EntryKind.CHANGE):
        told = f"{change.seq}: {change.side} {change.key} {change.field} {change.old} -> {change.new}"
        final = finals[change.seq]
        assert len(final) == 1 or (not final and waits[change.seq]), f"{told}: {final}, {waits[change.seq]}"
        assert writes[change.seq] <= 1, f"{told}: written {writes[change.seq]} times"
