"""A hub that has seen something, and the means to damage it: for the tests of `prove`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

from conflicts.models import Conflict
from syncadmin.engine.prove import prove
from syncadmin.engine.prove_report import Finding
from syncadmin.models import Entry, MappingState, bulk, ledger

from .test_pass import ANNA
from .world import World

BERT = ANNA | {"email": "bert@example.com"}
CARL = ANNA | {"email": "carl@example.com"}
LONG_AGO = {"left": "'2020-01-01T00:00:00Z'", "right": "'2020-01-01 00:00:00.000'"}


def work(world: World, staff: Any) -> None:
    """Passes with propagated, merged, overridden, superseded and held changes, creates and deletes."""
    anna = world.linked(**ANNA, notes="one\ntwo\nthree", credit=100)
    bert = world.linked(**BERT)
    carl = world.linked(**CARL)
    world.set(deletes="propagate", guard_floor=1000)
    world.left.edit(anna[0], phone="030 2", points=8, notes="ONE\ntwo\nthree")
    world.right.edit(anna[1], city="Bonn", points=4, credit=999, notes="one\ntwo\nTHREE")
    world.left.add(email="dora@example.com", phone="040 1")
    world.sync()
    world.left.edit(bert[0], phone="left")
    world.right.edit(bert[1], phone="right")
    world.sync()
    world.right.edit(bert[1], phone="right again")
    world.sync()
    world.pick(staff, world.open()[0], phone="right")
    world.left.delete(carl[0])
    world.sync("reconcile")
    world.left.edit(anna[0], city="Köln", tags="vip")
    world.right.edit(anna[1], city="Ulm", tags="new")
    world.sync()
    assert {e.disposition for e in world.history()} >= {
        "propagated",
        "merged",
        "overridden",
        "superseded",
        "held",
    }


def findings(world: World, *, live: bool = False) -> list[Finding]:
    """What does not hold."""
    return prove(world.mapping, live=live).findings


def entry(world: World, **filters: Any) -> Entry:
    """The last such entry."""
    return world.history(**filters)[-1]


def let_go_of_the_journal() -> None:
    """Take away the triggers that make the journal append-only, for the rest of the test's transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE syncadmin_entry DISABLE TRIGGER syncadmin_journal_append_only")
        else:
            for verb in ("update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS syncadmin_journal_no_{verb}")


def change(row: Entry, **values: Any) -> None:
    """Change columns of a stored entry."""
    Entry.objects.filter(pk=row.pk).update(**values)


def forge(world: World, edit: Callable[[list[Entry]], list[Entry]]) -> None:
    """Rewrite the whole journal without a trace: numbers, references, hashes and head all fit again."""
    old = world.history()
    numbers = {e.seq: e.seq for e in old}
    new = edit(old)
    numbers.update({e.seq: n for n, e in enumerate(new, 1)})
    with transaction.atomic():
        Entry.objects.filter(mapping=world.mapping).delete()
        head, rows = b"", []
        for n, row in enumerate(new, 1):
            row.seq, row.of = n, numbers.get(row.of) if row.of is not None else None
            head = ledger.chain(head, ledger.content_of(row))
            rows.append((*(getattr(row, name) for name in ledger.COLUMNS[:-1]), head))
        bulk.insert(Entry, ledger.COLUMNS, rows)
        for conflict in Conflict.objects.live():
            conflict.seqs = {place: [numbers[seq], value] for place, (seq, value) in conflict.seqs.items()}
            conflict.save()
            for f in conflict.fields.all():
                f.left_seq, f.right_seq = numbers.get(f.left_seq), numbers.get(f.right_seq)
                f.save()
        MappingState.objects.filter(mapping=world.mapping).update(sequence=len(new), head=head)


def without(row: Entry) -> Callable[[list[Entry]], list[Entry]]:
    """For `forge`: leaves out one entry."""
    return lambda entries: [e for e in entries if e.pk != row.pk]


def replaced(row: Entry, **values: Any) -> Callable[[list[Entry]], list[Entry]]:
    """For `forge`: changes one entry."""

    def edit(entries: list[Entry]) -> list[Entry]:
        for e in entries:
            if e.pk == row.pk:
                for name, value in values.items():
                    setattr(e, name, value)
        return entries

    return edit


@contextmanager
def undone() -> Iterator[None]:
    """Whatever is done inside is undone afterwards."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


def about(found: list[Finding], check: str, **values: Any) -> Finding:
    """The finding of that kind that names that record."""
    matching = [f for f in found if f.check == check and all(getattr(f, n) == v for n, v in values.items())]
    assert matching, found
    return matching[0]


def secretly(world: World, side: str, key: int, **values: Any) -> None:
    """Change a row as a repair script would: its modified stamp stays far behind the cursor."""
    peer = getattr(world, side)
    sets = [f"updated_at = {LONG_AGO[side]}", *(f"{name} = :{name}" for name in values)]
    peer.run(f"UPDATE contacts SET {', '.join(sets)} WHERE id = :id", id=key, **values)
