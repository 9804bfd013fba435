"""Every damage that is done to a hub's database is found by `prove`, and names the record (F19).

One hub is made to work; each test damages it in a transaction that is rolled back.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conflicts.models import Conflict
from syncadmin.core.values import decode, encode
from syncadmin.engine.prove import prove
from syncadmin.models import Cursor, Entry, Intent, Link, MappingState, Mark, Unlinked, ledger
from tests.conftest import unique

from .forging import (
    about,
    change,
    entry,
    findings,
    forge,
    let_go_of_the_journal,
    replaced,
    secretly,
    undone,
    without,
    work,
)
from .world import World, build


@pytest.fixture(scope="module")
def hub(
    django_db_setup: None, django_db_blocker: Any, postgres_server: Any, tmp_path_factory: Any
) -> Iterator[World]:
    """A hub that has worked, with its journal open to damage; made once, and gone afterwards."""
    shop: Path = tmp_path_factory.mktemp("shop") / "shop.sqlite3"
    with django_db_blocker.unblock(), transaction.atomic():
        world = build(postgres_server.create_database(unique()), f"sqlite:///{shop}")
        work(world, get_user_model().objects.create_user("rita", is_staff=True))
        let_go_of_the_journal()
        yield world
        transaction.set_rollback(True)
    world.left.engine.dispose()
    world.right.engine.dispose()


@pytest.fixture
def forger(hub: World) -> Iterator[World]:
    """The hub in the hands of someone who can change its database at will; undone afterwards."""
    with undone():
        yield hub


def test_a_busy_world_is_proven_and_counted(forger):
    proof = prove(forger.mapping, live=True)
    assert proof.findings == []
    assert proof.changes == sum(proof.dispositions.values()) + sum(proof.waiting.values())
    assert proof.waiting == {"held": 2}
    assert proof.dispositions["superseded"] == 1
    assert proof.values > 10
    assert proof.live.records == {"left": 3, "right": 3}
    assert proof.live.explained == {"waits in the inbox": 2}
    assert proof.head == bytes(MappingState.objects.get(mapping=forger.mapping).head).hex()


def test_a_forged_journal_that_changes_nothing_is_still_proven(forger):
    forge(forger, lambda entries: entries)
    assert findings(forger, live=True) == []


def test_proving_touches_nothing(forger):
    models = (Link, Mark, Entry, Cursor, Intent, Unlinked, Conflict, MappingState)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    prove(forger.mapping, live=True)
    assert [list(model.objects.order_by("pk").values()) for model in models] == before


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


def test_the_command_prints_one_document(forger, capsys):
    call_command("prove", "contacts", "--live", "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["proven"] is True
    (proof,) = document["mappings"]
    assert (proof["mapping"], proof["proven"], proof["findings"]) == ("contacts", True, [])
    assert proof["dispositions"]["propagated"] > 0


def test_the_command_proves_all_mappings_and_counts_dispositions(forger, capsys):
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


def test_the_command_prints_a_seal_that_it_takes(forger, capsys):
    call_command("prove", "contacts")
    seal = next(line.split()[1] for line in capsys.readouterr().out.splitlines() if " seal " in line)
    call_command("prove", "contacts", "--seal", seal)
