"""`prove`: a clean world is proven, and every seeded damage is found and named (F19)."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conflicts.models import Conflict
from syncadmin.core.values import decode, encode
from syncadmin.engine import run
from syncadmin.engine.prove import prove
from syncadmin.engine.prove_report import Finding, Proof
from syncadmin.models import Cursor, Entry, Intent, Link, MappingState, Mark, Unlinked, bulk, ledger

from .test_pass import ANNA
from .test_recovery import kill_at
from .world import World

BERT = ANNA | {"email": "bert@example.com"}
CARL = ANNA | {"email": "carl@example.com"}


# ---------------------------------------------------------------- a hub that has seen something


@pytest.fixture
def busy(world: World, staff: Any) -> World:
    """A world with propagated, merged, overridden, superseded and held changes, creates and deletes."""
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
    return world


def findings(world: World, *, live: bool = False) -> list[Finding]:
    """What does not hold."""
    return prove(world.mapping, live=live).findings


def entry(world: World, **filters: Any) -> Entry:
    """The last such entry."""
    return world.history(**filters)[-1]


# ---------------------------------------------------------------- damage


def let_go_of_the_journal() -> None:
    """Take away the triggers that make the journal append-only, for the rest of the test's transaction."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE syncadmin_entry DISABLE TRIGGER syncadmin_journal_append_only")
        else:
            for verb in ("update", "delete"):
                cursor.execute(f"DROP TRIGGER IF EXISTS syncadmin_journal_no_{verb}")


@pytest.fixture
def forger(busy: World) -> World:
    """The busy world in the hands of someone who can change the hub's database at will."""
    assert findings(busy, live=True) == []
    let_go_of_the_journal()
    return busy


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


# ---------------------------------------------------------------- clean worlds


def test_a_hub_that_never_worked_is_proven(world):
    assert findings(world) == []


def test_a_busy_world_is_proven_and_counted(busy):
    proof = prove(busy.mapping, live=True)
    assert proof.findings == []
    assert proof.changes == sum(proof.dispositions.values()) + sum(proof.waiting.values())
    assert proof.waiting == {"held": 2}
    assert proof.dispositions["superseded"] == 1
    assert proof.values > 10
    assert proof.live.records == {"left": 3, "right": 3}
    assert proof.live.explained == {"waits in the inbox": 2}
    assert proof.head == bytes(MappingState.objects.get(mapping=busy.mapping).head).hex()


def test_a_forged_journal_that_changes_nothing_is_still_proven(forger):
    forge(forger, lambda entries: entries)
    assert findings(forger, live=True) == []


@pytest.mark.parametrize("step", ["send", "store_outcomes"])
def test_changes_of_a_worker_that_died_are_on_their_way(world, monkeypatch, step):
    left, _right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    from syncadmin.engine import write

    kill_at(world, monkeypatch, write if step == "send" else run, step)
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.waiting == {"on its way": 1}
    world.sync()
    assert prove(world.mapping, live=True).waiting == {}


def test_a_refused_write_is_proven_to_wait(world):
    left, right = world.linked(**ANNA)
    world.left.run("ALTER TABLE contacts ADD CONSTRAINT no_x CHECK (phone NOT LIKE 'x%')")
    world.right.edit(right, phone="x", city="Bonn")
    world.sync()
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.waiting == {"rejected": 1}
    assert left


def test_an_edit_that_no_pass_has_read_yet_is_no_failure(world):
    left, _right = world.linked(**ANNA)
    world.left.edit(left, phone="030 2")
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {"changed since it was last read": 1}


def test_proving_touches_nothing(busy):
    models = (Link, Mark, Entry, Cursor, Intent, Unlinked, Conflict, MappingState)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    prove(busy.mapping, live=True)
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


# ---------------------------------------------------------------- seeded damage to the journal


def about(found: list[Finding], check: str, **values: Any) -> Finding:
    """The finding of that kind that names that record."""
    matching = [f for f in found if f.check == check and all(getattr(f, n) == v for n, v in values.items())]
    assert matching, found
    return matching[0]


def test_f19_an_edited_row_is_found(forger):
    row = entry(forger, kind="write", field="phone")
    change(row, new='"030 999"')
    found = about(findings(forger), "chain", seq=row.seq, side=row.side, key=row.key, field="phone")
    assert "hash" in found.text


def test_f19_a_time_that_was_moved_by_a_microsecond_is_found(forger):
    row = entry(forger, kind="change", field="phone")
    change(row, at=row.at + timedelta(microseconds=1))
    about(findings(forger), "chain", seq=row.seq)


def test_f19_a_removed_row_in_the_middle_is_found(forger):
    row = entry(forger, kind="change", field="phone")
    Entry.objects.filter(pk=row.pk).delete()
    found = findings(forger)
    assert f"entry {row.seq} is missing" in about(found, "chain", seq=row.seq + 1).text
    assert f"refers to entry {row.seq}" in about(found, "change", field="phone", key=row.key).text


def test_f19_removed_rows_at_the_end_are_found(forger):
    last = entry(forger)
    Entry.objects.filter(mapping=forger.mapping, seq__gt=last.seq - 2).delete()
    found = about(findings(forger), "chain", seq=last.seq)
    assert f"entries {last.seq - 1} to {last.seq}" in found.text


def test_f19_an_emptied_journal_is_found(forger):
    Entry.objects.filter(mapping=forger.mapping).delete()
    about(findings(forger), "chain")


def test_f19_a_row_that_was_added_beyond_the_head_is_found(forger):
    last = entry(forger)
    Entry.objects.create(mapping=forger.mapping, seq=last.seq + 1, at=timezone.now(), kind="note", hash=b"x")
    about(findings(forger), "chain", seq=last.seq)


def test_f19_swapped_rows_are_found(forger):
    one, two = forger.history(kind="write", field="phone")[-2:]
    change(one, seq=-1)
    change(two, seq=one.seq)
    change(one, seq=two.seq)
    found = findings(forger)
    about(found, "chain", seq=one.seq)
    about(found, "chain", seq=two.seq)


def test_f19_swapped_rows_in_a_forged_chain_are_found(forger):
    row = entry(forger, kind="change", field="points")
    forge(
        forger,
        lambda entries: [e for e in entries if e.pk != row.pk] + [e for e in entries if e.pk == row.pk],
    )
    about(findings(forger), "change", field="points", key=row.key)


@pytest.mark.parametrize("fate", ["propagated", "overridden", "superseded", "held", "merged"])
def test_f19_a_lost_change_is_found_in_a_forged_chain(forger, fate):
    row = entry(forger, disposition=fate)
    lost = Entry.objects.get(mapping=forger.mapping, seq=row.of)
    forge(forger, without(row))
    found = findings(forger)
    about(found, "change", side=lost.side, key=lost.key, field=lost.field)


def test_f19_a_change_without_a_trace_is_found_by_its_disposition(forger):
    row = entry(forger, kind="change", field="points")
    forge(forger, without(row))
    about(findings(forger), "change", field="points", key=row.key)


@pytest.mark.parametrize("second", ["propagated", "converged", "held"])
def test_f19_a_double_disposition_is_found(forger, second):
    row = entry(forger, kind="change", side="right", field="credit")
    again = ledger.Row("disposition", row.side, row.key, row.field, disposition=second, of=row.seq)
    ledger.append(forger.mapping.pk, [again], timezone.now())
    about(findings(forger), "change", side="right", key=row.key, field="credit")


@pytest.mark.parametrize(
    "wrong", [{"side": "left"}, {"field": "city"}, {"of": 1}, {"of": None}, {"of": 99999}]
)
def test_f19_a_disposition_of_nothing_or_of_another_field_is_found(forger, wrong):
    row = entry(forger, kind="disposition", side="right", disposition="superseded")
    forge(forger, replaced(row, **wrong)) if wrong != {"of": 99999} else forge_of(forger, row, 99999)
    about(findings(forger), "change", key=row.key)


def forge_of(world: World, row: Entry, of: int) -> None:
    """Point an entry at a number that does not exist."""
    change(row, of=of)


def test_f19_a_write_without_a_cause_is_found(forger):
    row = entry(forger, kind="write", side="right", field="phone")
    write = ledger.Row("write", row.side, row.key, row.field, row.new, "x", link_id=row.link_id)
    ledger.append(forger.mapping.pk, [write], timezone.now())
    found = findings(forger)
    assert "no cause" in about(found, "write", side="right", key=row.key, field="phone").text


def test_f19_a_conflict_that_was_removed_leaves_its_change_lost(forger):
    (conflict,) = forger.open()
    Conflict.objects.filter(pk=conflict.pk).update(state="closed")
    found = findings(forger)
    for side in ("left", "right"):
        assert "no open conflict" in about(found, "change", side=side, field="city").text


def test_f19_a_change_that_has_ended_and_still_waits_is_found(forger):
    row = entry(forger, kind="change", side="left", field="city")
    end = ledger.Row("disposition", row.side, row.key, row.field, disposition="propagated", of=row.seq)
    ledger.append(forger.mapping.pk, [end], timezone.now())
    assert "carries entry" in about(findings(forger), "change", side="left", key=row.key, field="city").text


def test_f19_a_shadow_that_differs_from_the_journal_is_found(forger):
    link = Link.objects.get(left_key=entry(forger, kind="write", side="left", field="points").key)
    Link.objects.filter(pk=link.pk).update(
        left_shadow=encode(decode(bytes(link.left_shadow)) | {"points": 70})
    )
    found = about(findings(forger), "shadow", side="left", key=link.left_key, field="points")
    assert (found.expected, found.found) == (7, 70)


def test_f19_a_shadow_that_can_not_be_read_is_found(forger):
    link = Link.objects.get(left_key=entry(forger, kind="write", side="left", field="points").key)
    Link.objects.filter(pk=link.pk).update(right_shadow=b"\xc1")
    about(findings(forger), "shadow", key=link.left_key)
    about(findings(forger, live=True), "live", key=link.right_key)


def test_f19_a_link_that_was_removed_is_found(forger):
    link = Link.objects.get(left_key=entry(forger, kind="link", rule="created").key)
    Link.objects.filter(pk=link.pk).delete()
    secretly(forger, "left", int(link.left_key))
    secretly(forger, "right", int(link.right_key))
    found = findings(forger, live=True)
    about(found, "link", key=link.left_key, link=link.pk)
    about(found, "live", side="left", key=link.left_key)
    about(found, "live", side="right", key=link.right_key)


def test_f19_a_link_that_was_closed_or_paired_otherwise_is_found(forger):
    link = Link.objects.get(left_key=entry(forger, kind="link", rule="created").key)
    Link.objects.filter(pk=link.pk).update(right_key="999")
    found = about(findings(forger), "link", key=link.left_key)
    assert (found.expected, found.found) == ([link.left_key, link.right_key], [link.left_key, "999"])
    Link.objects.filter(pk=link.pk).update(status="closed", right_key=link.right_key)
    about(findings(forger), "link", key=link.left_key)


def test_f19_a_forged_journal_breaks_the_seal_that_was_kept_elsewhere(forger):
    sealed = prove(forger.mapping)
    seal = sealed.sequence, sealed.head
    ledger.append(forger.mapping.pk, [ledger.Row("note", rule="the journal goes on")], timezone.now())
    assert prove(forger.mapping, seal=seal).findings == []
    row = entry(forger, kind="decision")
    with undone():
        forge(forger, replaced(row, actor="somebody else"))
        assert findings(forger) == []
        assert "rewritten" in about(prove(forger.mapping, seal=seal).findings, "chain").text
    forge(forger, lambda entries: entries[:-2])
    assert "sealed" in about(prove(forger.mapping, seal=seal).findings, "chain", seq=seal[0]).text


# ---------------------------------------------------------------- random damage


@contextmanager
def undone() -> Any:
    """Whatever is done inside is undone afterwards."""
    with transaction.atomic():
        try:
            yield
        finally:
            transaction.set_rollback(True)


OTHER = {
    "seq": lambda v: v + 100_000,
    "at": lambda v: v + timedelta(microseconds=1),
    "kind": lambda v: "note" if v != "note" else "change",
    "pass_id": lambda v: (v or 0) + 1,
    "link_id": lambda v: (v or 0) + 1,
    "side": lambda v: "left" if v != "left" else "right",
    "key": lambda v: v + "0",
    "field": lambda v: v + "x",
    "old": lambda v: None if v is not None else '"x"',
    "new": lambda v: None if v is not None else '"x"',
    "new, cut short": lambda v: v[:-1] if v else "{",
    "new, another kind": lambda v: "[1]" if v != "[1]" else "{}",
    "disposition": lambda v: "converged" if v != "converged" else "",
    "rule": lambda v: v + " ",
    "of": lambda v: (v or 0) + 1,
    "actor": lambda v: v + "x",
    "changed_at": lambda v: timezone.now() if v is None else None,
    "hash": lambda v: bytes(v[:-1]) + bytes([v[-1] ^ 1]),
}


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_f19_any_small_damage_to_any_row_is_found(forger, data):
    rows = forger.history()
    row = data.draw(st.sampled_from(rows))
    what = data.draw(st.sampled_from([*OTHER, "removed", "moved"]))
    with undone():
        if what == "removed":
            Entry.objects.filter(pk=row.pk).delete()
        elif what == "moved":
            other = data.draw(st.sampled_from([r for r in rows if r.pk != row.pk]))
            change(row, seq=-1)
            change(other, seq=row.seq)
            change(row, seq=other.seq)
        else:
            column = what.partition(",")[0]
            change(row, **{column: OTHER[what](getattr(row, column))})
        found = findings(forger)
        assert found
        assert any(f.check == "chain" for f in found)


# ---------------------------------------------------------------- seeded damage to the live systems

LONG_AGO = {"left": "'2020-01-01T00:00:00Z'", "right": "'2020-01-01 00:00:00.000'"}


def secretly(world: World, side: str, key: int, **values: Any) -> None:
    """Change a row as a repair script would: its modified stamp stays far behind the cursor."""
    peer = getattr(world, side)
    sets = [f"updated_at = {LONG_AGO[side]}", *(f"{name} = :{name}" for name in values)]
    peer.run(f"UPDATE contacts SET {', '.join(sets)} WHERE id = :id", id=key, **values)


def settled(world: World, **values: Any) -> tuple[int, int]:
    """A linked pair that nobody has edited for long."""
    left, right = world.linked(**values)
    secretly(world, "left", left)
    secretly(world, "right", right)
    return left, right


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_live_value_changed_behind_the_hub_is_found_with_both_values(world, side):
    pair = dict(zip(("left", "right"), settled(world, **ANNA), strict=True))
    secretly(world, side, pair[side], phone="030 666")
    world.sync()
    assert findings(world) == []
    (found,) = findings(world, live=True)
    assert (found.check, found.side, found.key, found.field) == ("live", side, str(pair[side]), "phone")
    assert (found.expected, found.found) == ("030 1", "030 666")
    world.sync("reconcile")
    assert findings(world, live=True) == []


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_record_deleted_behind_the_hub_is_found(world, side):
    pair = dict(zip(("left", "right"), settled(world, **ANNA), strict=True))
    getattr(world, side).delete(pair[side])
    world.sync()
    (found,) = findings(world, live=True)
    assert (found.check, found.side, found.key) == ("live", side, str(pair[side]))
    assert "no longer" in found.text


@pytest.mark.parametrize("side", ["left", "right"])
def test_f19_a_record_that_the_hub_has_never_seen_is_found(world, side):
    settled(world, **ANNA)
    key = getattr(world, side).add(**BERT)
    secretly(world, side, key)
    world.sync()
    (found,) = findings(world, live=True)
    assert (found.side, found.key) == (side, str(key))


def test_f19_a_held_record_is_not_an_excuse_for_its_other_fields(world):
    left, right = settled(world, **ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    secretly(world, "right", right, phone="030 3", city="Ulm")
    assert [(f.side, f.field, f.found) for f in findings(world, live=True)] == [("right", "city", "Ulm")]


def test_what_a_person_chose_to_leave_different_is_no_failure(world, staff):
    left, right = settled(world, **ANNA)
    world.left.edit(left, phone="030 2")
    world.right.edit(right, phone="030 3")
    world.sync()
    world.pick(staff, world.open()[0], phone="leave")
    world.sync()
    secretly(world, "left", left, phone="030 2")
    secretly(world, "right", right, phone="030 3")
    proof = prove(world.mapping, live=True)
    assert proof.findings == []
    assert proof.live.explained == {"left as it is": 2}


def test_a_system_that_is_away_proves_nothing(world):
    world.linked(**ANNA)
    system = world.mapping.right.system
    system.config = {"url": "postgresql://nobody:x@127.0.0.1:1/none"}
    system.save()
    (found,) = findings(world, live=True)
    assert "could not be compared" in found.text
    assert findings(world) == []


# ---------------------------------------------------------------- the command


def test_the_command_prints_one_document(busy, capsys):
    call_command("prove", "contacts", "--live", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["proven"] is True
    (proof,) = document["mappings"]
    assert (proof["mapping"], proof["proven"], proof["findings"]) == ("contacts", True, [])
    assert proof["dispositions"]["propagated"] > 0


def test_the_command_proves_all_mappings_and_counts_dispositions(busy, capsys):
    call_command("prove")
    out = capsys.readouterr().out
    assert "companies: proven" in out
    assert "contacts: proven" in out
    assert "propagated" in out
    assert "held (open)" in out


def test_the_command_fails_and_names_the_record(forger, capsys):
    row = entry(forger, kind="write", field="phone")
    change(row, new='"030 999"')
    with pytest.raises(CommandError, match="contacts") as error:
        call_command("prove", "contacts")
    assert error.value.returncode == 1
    assert f"{row.side}:{row.key} phone: entry {row.seq}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["contacts", "--seal", "x"], ["--seal", "1:ab"]])
def test_a_seal_needs_a_number_a_hash_and_one_mapping(world, words):
    with pytest.raises(CommandError, match="NUMBER:HASH") as error:
        call_command("prove", *words)
    assert error.value.returncode == 2


def test_the_command_prints_a_seal_that_it_takes(busy, capsys):
    call_command("prove", "contacts")
    seal = next(line.split()[1] for line in capsys.readouterr().out.splitlines() if " seal " in line)
    call_command("prove", "contacts", "--seal", seal)


def test_an_unknown_mapping_is_a_usage_error(world):
    with pytest.raises(CommandError, match="contacts") as error:
        call_command("prove", "contcts")
    assert error.value.returncode == 2


def test_findings_are_counted_beyond_those_that_are_kept(monkeypatch):
    monkeypatch.setattr("syncadmin.engine.prove_report.MOST_FINDINGS", 1)
    proof = Proof("m")
    proof.found(Finding("chain", "one"))
    proof.found(Finding("chain", "two"))
    assert (proof.failed, len(proof.findings), proof.proven) == (2, 1, False)
