"""Promises about description, scans, changes, and reading by key and value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.base import (
    ChangeMode,
    Connector,
    Misconfigured,
    Op,
    Result,
    Write,
)

from .harness import Bench


class Reading:
    """What a connector reads is all there is, once, and as it is."""

    def test_it_follows_the_protocol(self, bench: Bench) -> None:
        assert isinstance(bench.connector, Connector)
        assert bench.connector.kind

    def test_it_describes_the_resource(self, bench: Bench) -> None:
        info = bench.connector.describe(bench.resource)
        assert info.key
        if info.complete:
            types = {field.name: field.type for field in info.fields}
            assert {
                bench.harness.fields[kind]: kind for kind in bench.harness.fields
            }.items() <= types.items()

    def test_it_discovers_something(self, bench: Bench) -> None:
        assert all(info.name for info in bench.connector.discover())

    def test_a_check_of_a_good_system_passes(self, bench: Bench) -> None:
        items = bench.connector.check()
        assert items
        assert [item for item in items if not item.ok] == []

    def test_an_unknown_resource_is_named(self, bench: Bench) -> None:
        with pytest.raises(Misconfigured, match="nonesuch"):
            bench.connector.describe("nonesuch")

    def test_an_unknown_field_is_named_and_nothing_is_written(self, bench: Bench) -> None:
        if not bench.connector.describe(bench.resource).complete:
            return
        (key,) = bench.insert(1)
        with pytest.raises(Misconfigured, match="nonesuch"):
            bench.connector.fetch(bench.resource, [key], fields=["nonesuch"])
        with pytest.raises(Misconfigured, match="nonesuch"):
            bench.write(
                Write(Op.UPDATE, key, {bench.text: "new"}), Write(Op.UPDATE, key, {"nonesuch": "new"})
            )
        assert bench.held(key) == "record 0"

    def test_a_scan_of_nothing_finds_nothing(self, bench: Bench) -> None:
        assert bench.scan() == []

    def test_a_scan_sees_every_record_once_in_pages_of_the_limit(self, bench: Bench) -> None:
        keys = bench.insert(10)
        pages = list(bench.connector.scan(bench.resource, fields=[bench.text], limit=3))
        assert all(len(page.records) <= 3 for page in pages)
        records = [record for page in pages for record in page.records]
        assert sorted(record.key for record in records) == sorted(keys)
        assert {r.key: dict(r.values) for r in records} == {
            key: {bench.text: f"record {i}"} for i, key in enumerate(keys)
        }

    def test_a_scan_whose_last_page_is_full_ends(self, bench: Bench) -> None:
        keys = bench.insert(6)
        assert sorted(record.key for record in bench.scan(limit=3)) == sorted(keys)

    def test_a_scan_goes_on_while_its_records_are_written(self, bench: Bench) -> None:
        keys = bench.insert(7)
        seen: list[str] = []
        for page in bench.connector.scan(bench.resource, fields=bench.wanted, limit=3):
            seen += [record.key for record in page.records]
            outcomes = bench.write(*(Write(Op.UPDATE, r.key, {bench.text: "written"}) for r in page.records))
            assert {outcome.result for outcome in outcomes} == {Result.APPLIED}
        assert sorted(seen) == sorted(keys)

    def test_a_first_cursor_brings_no_records(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        bench.insert(2)
        records, cursor = bench.changes(None)
        assert records == {}
        assert cursor is not None

    def test_new_and_changed_records_are_seen_after_a_cursor(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        first, second = bench.insert(2)
        cursor = bench.now()
        third = bench.harness.insert({bench.text: "third"})
        bench.harness.update(second, {bench.text: "second, changed"})
        records, after = bench.changes(cursor)
        assert {second, third} <= records.keys() <= {first, second, third}
        assert records[second].values[bench.text] == "second, changed"
        bench.harness.update(first, {bench.text: "first, changed"})
        assert bench.changes(after)[0][first].values[bench.text] == "first, changed"

    def test_a_cursor_of_an_empty_resource_sees_its_first_record(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        cursor = bench.now()
        (key,) = bench.insert(1)
        assert bench.changes(cursor)[0].keys() == {key}

    def test_many_changes_of_the_same_moment_come_in_pages_without_a_gap(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        cursor = bench.now()
        keys = bench.insert(10)
        bench.harness.stamp(keys, datetime.now(UTC))
        assert bench.changes(cursor, limit=3)[0].keys() == set(keys)

    def test_a_read_that_stopped_halfway_is_taken_up_where_it_was(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        cursor = bench.now()
        keys = bench.insert(7)
        pages = bench.connector.changes(bench.resource, cursor, fields=bench.wanted, limit=3)
        first = next(iter(pages))
        del pages  # the reader is gone
        rest, _ = bench.changes(first.cursor, limit=3)
        assert {record.key for record in first.records} | rest.keys() == set(keys)

    def test_changes_carry_an_aware_time(self, bench: Bench) -> None:
        if bench.capabilities.changes is ChangeMode.SCAN:
            return
        cursor = bench.now()
        (key,) = bench.insert(1)
        modified = bench.changes(cursor)[0][key].modified
        if modified is not None:
            assert modified.tzinfo is not None
            assert abs((modified - datetime.now(UTC)).total_seconds()) < 60

    def test_reported_deletes_are_true(self, bench: Bench) -> None:
        if not bench.capabilities.tombstones:
            return
        kept, deleted = bench.insert(2)
        cursor = bench.now()
        bench.harness.delete(deleted)
        pages = list(bench.connector.changes(bench.resource, cursor, fields=bench.wanted, limit=100))
        gone = [key for page in pages for key in page.gone]
        assert deleted in gone
        assert kept not in gone

    def test_fetch_finds_what_is_there_and_proves_what_is_not(self, bench: Bench) -> None:
        keys = bench.insert(3)
        missing = bench.harness.new_key()
        bench.harness.delete(keys[2])
        fetched = bench.connector.fetch(bench.resource, [*keys, missing], fields=[bench.text])
        assert fetched.found.keys() == set(keys[:2])
        assert fetched.found[keys[1]].values == {bench.text: "record 1"}
        assert fetched.absent == {keys[2], missing}

    def test_fetch_of_nothing_is_nothing(self, bench: Bench) -> None:
        fetched = bench.connector.fetch(bench.resource, [], fields=bench.wanted)
        assert not fetched.found
        assert not fetched.absent

    def test_find_compares_exactly(self, bench: Bench) -> None:
        if not bench.capabilities.finds:
            return
        same_text = [bench.harness.insert({bench.text: "Zoë O'Neil"}) for _ in range(2)]
        for other in ("zoë o'neil", "Zoe O'Neil", "Zoë O'Neil "):
            bench.harness.insert({bench.text: other})
        found = bench.connector.find(
            bench.resource, bench.text, ["Zoë O'Neil", "nobody"], fields=bench.wanted
        )
        assert sorted(record.key for record in found) == sorted(same_text)
