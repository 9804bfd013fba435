"""Promises about writes: one outcome each, in order, nothing stale written, values as they were given."""

from __future__ import annotations

import pytest

from connectors.base import (
    Guarantee,
    Op,
    Result,
    Write,
)

from .harness import SAMPLES, TEXTS, Bench, same


class Writing:
    """Creates, updates and deletes do what their outcome says, and nothing else."""

    def test_an_empty_batch_is_no_work(self, bench: Bench) -> None:
        assert bench.write() == []

    def test_a_create_tells_the_key_and_the_record(self, bench: Bench) -> None:
        writes = [bench.creation(f"new {i}") for i in range(5)]
        outcomes = bench.write(*writes)
        assert [outcome.result for outcome in outcomes] == [Result.APPLIED] * 5
        for i, outcome in enumerate(outcomes):
            assert outcome.key is not None
            assert bench.held(outcome.key) == f"new {i}"
            if bench.capabilities.answers:
                assert outcome.record is not None
                assert outcome.record.values[bench.text] == f"new {i}"
        assert len({outcome.key for outcome in outcomes}) == 5

    def test_an_update_changes_only_what_it_names_and_answers_the_record(self, bench: Bench) -> None:
        other = next(
            (kind for kind in ("integer", "decimal", "boolean") if kind in bench.harness.fields), None
        )
        values = {bench.text: "old"} | ({bench.harness.fields[other]: SAMPLES[other][0]} if other else {})
        key = bench.harness.insert(values)
        (outcome,) = bench.write(Write(Op.UPDATE, key, {bench.text: "new"}, {bench.text: "old"}))
        assert outcome.result is Result.APPLIED
        assert outcome.key == key
        held = bench.harness.read(key)
        assert held is not None
        assert held[bench.text] == "new"
        if other:
            assert same(other, held[bench.harness.fields[other]], SAMPLES[other][0])
        if bench.capabilities.answers:
            assert outcome.record is not None
            assert outcome.record.values == bench.fetch(key).values
            assert outcome.record.version == bench.fetch(key).version

    def test_a_delete_deletes(self, bench: Bench) -> None:
        kept, deleted = bench.insert(2)
        (outcome,) = bench.write(Write(Op.DELETE, deleted, expected={bench.text: "record 1"}))
        if bench.capabilities.deletes:
            assert outcome.result is Result.APPLIED
            assert bench.harness.read(deleted) is None
        else:
            assert outcome.result is Result.REJECTED
            assert outcome.said
            assert bench.held(deleted) == "record 1"
        assert bench.held(kept) == "record 0"

    def test_a_stale_update_is_refused_and_nothing_is_written(self, bench: Bench) -> None:
        if bench.capabilities.update is Guarantee.BLIND:
            return
        key, other = bench.insert(2)
        bench.harness.update(key, {bench.text: "edited meanwhile"})
        stale, applied = bench.write(
            Write(Op.UPDATE, key, {bench.text: "ours"}, {bench.text: "record 0"}),
            Write(Op.UPDATE, other, {bench.text: "ours"}, {bench.text: "record 1"}),
        )
        assert (stale.result, applied.result) == (Result.STALE, Result.APPLIED)
        assert stale.said
        assert bench.held(key) == "edited meanwhile"

    @pytest.mark.parametrize(
        "meanwhile", ["RECORD", "record ", " record", "r\u00e9cord", "record\u200b"], ids=ascii
    )
    def test_what_looks_alike_is_not_as_expected(self, bench: Bench, meanwhile: str) -> None:
        if bench.capabilities.update is Guarantee.BLIND:
            return
        key = bench.harness.insert({bench.text: meanwhile})
        held = bench.held(key)
        (outcome,) = bench.write(Write(Op.UPDATE, key, {bench.text: "ours"}, {bench.text: "record"}))
        if held != "record":  # a system that trims has made it equal itself
            assert outcome.result is Result.STALE
            assert bench.held(key) == held

    def test_a_stale_delete_is_refused(self, bench: Bench) -> None:
        if bench.capabilities.delete is Guarantee.BLIND:
            return
        (key,) = bench.insert(1)
        bench.harness.update(key, {bench.text: "edited meanwhile"})
        (outcome,) = bench.write(Write(Op.DELETE, key, expected={bench.text: "record 0"}))
        assert outcome.result is Result.STALE
        assert bench.held(key) == "edited meanwhile"

    def test_of_two_writers_with_the_same_expectation_one_wins(self, bench: Bench) -> None:
        if bench.capabilities.update is Guarantee.BLIND:
            return
        (key,) = bench.insert(1)
        second = bench.harness.connector()
        (first,) = bench.write(Write(Op.UPDATE, key, {bench.text: "a"}, {bench.text: "record 0"}))
        (late,) = second.write(
            bench.resource, [Write(Op.UPDATE, key, {bench.text: "b"}, {bench.text: "record 0"})], fields=[]
        )
        second.close()
        assert (first.result, late.result) == (Result.APPLIED, Result.STALE)
        assert bench.held(key) == "a"

    def test_an_empty_value_is_expected_as_such(self, bench: Bench) -> None:
        field = next(
            (bench.harness.fields[k] for k in ("datetime", "decimal") if k in bench.harness.fields), None
        )
        if bench.capabilities.update is Guarantee.BLIND or field is None:
            return
        (key,) = bench.insert(1)
        empty = bench.fetch(key).values[field]
        (outcome,) = bench.write(Write(Op.UPDATE, key, {bench.text: "new"}, {field: empty}))
        assert outcome.result is Result.APPLIED

    def test_a_version_is_enough_to_refuse_a_stale_write(self, bench: Bench) -> None:
        if not bench.capabilities.versions:
            return
        (key,) = bench.insert(1)
        version = bench.fetch(key).version
        assert version is not None
        bench.harness.update(key, {bench.text: "edited meanwhile"})
        (stale,) = bench.write(Write(Op.UPDATE, key, {bench.text: "ours"}, version=version))
        assert stale.result is Result.STALE
        (applied,) = bench.write(
            Write(Op.UPDATE, key, {bench.text: "ours"}, version=bench.fetch(key).version)
        )
        assert applied.result is Result.APPLIED
        assert bench.held(key) == "ours"
        if bench.capabilities.answers:
            assert applied.record is not None
            assert applied.record.version == bench.fetch(key).version
        (deletion,) = bench.write(Write(Op.DELETE, key, version=version))
        assert deletion.result is Result.STALE

    def test_writes_to_a_record_that_is_gone_say_so(self, bench: Bench) -> None:
        (key,) = bench.insert(1)
        bench.harness.delete(key)
        outcomes = bench.write(
            Write(Op.UPDATE, key, {bench.text: "ours"}, {bench.text: "record 0"}),
            Write(Op.DELETE, bench.harness.new_key(), expected={bench.text: "record 0"}),
        )
        assert [outcome.result for outcome in outcomes] == [Result.GONE, Result.GONE]

    def test_a_refused_record_does_not_stop_the_others(self, bench: Bench) -> None:
        refused = bench.harness.refused
        if refused is None:
            return
        keys = bench.insert(4)
        writes = [
            Write(Op.UPDATE, key, {bench.text: "new"}, {bench.text: f"record {i}"})
            for i, key in enumerate(keys)
        ]
        writes[2] = Write(Op.UPDATE, keys[2], refused, {bench.text: "record 2"})
        bad_create = Write(Op.CREATE, bench.creation("x").key, refused)
        outcomes = bench.write(*writes, bench.creation("first"), bad_create, bench.creation("second"))
        expected = [Result.APPLIED, Result.APPLIED, Result.REJECTED, Result.APPLIED]
        expected += [Result.APPLIED, Result.REJECTED, Result.APPLIED]
        assert [outcome.result for outcome in outcomes] == expected
        assert outcomes[2].said
        assert outcomes[5].said
        assert bench.held(keys[2]) == "record 2"
        assert sorted(str(r.values[bench.text]) for r in bench.scan()) == [
            "first", "new", "new", "new", "record 2", "second",
        ]  # fmt: skip

    def test_outcomes_come_in_the_order_of_a_mixed_batch(self, bench: Bench) -> None:
        keys = bench.insert(3)
        missing = bench.harness.new_key()
        outcomes = bench.write(
            Write(Op.DELETE, keys[0], expected={bench.text: "record 0"}),
            bench.creation("created"),
            Write(Op.UPDATE, missing, {bench.text: "x"}, {bench.text: "y"}),
            Write(Op.UPDATE, keys[1], {bench.text: "updated"}, {bench.text: "record 1"}),
            Write(Op.DELETE, keys[2], expected={bench.text: "record 2"}),
        )
        applied, deleted = Result.APPLIED, Result.APPLIED if bench.capabilities.deletes else Result.REJECTED
        assert [o.result for o in outcomes] == [deleted, applied, Result.GONE, applied, deleted]
        assert [outcomes[i].key for i in (0, 2, 3, 4)] == [keys[0], missing, keys[1], keys[2]]
        kept = [] if bench.capabilities.deletes else ["record 0", "record 2"]
        assert sorted(str(r.values[bench.text]) for r in bench.scan()) == ["created", *kept, "updated"]

    def test_two_writes_to_one_record_happen_one_after_the_other(self, bench: Bench) -> None:
        (key,) = bench.insert(1)
        outcomes = bench.write(
            Write(Op.UPDATE, key, {bench.text: "one"}, {bench.text: "record 0"}),
            Write(Op.UPDATE, key, {bench.text: "two"}, {bench.text: "one"}),
        )
        assert [outcome.result for outcome in outcomes] == [Result.APPLIED, Result.APPLIED]
        assert bench.held(key) == "two"


class Values:
    """Values of every kind survive the way in and out."""

    @pytest.mark.parametrize("text", [*TEXTS, "x" * 5000], ids=lambda text: ascii(text[:12]))
    def test_text_comes_back_as_it_was_written(self, bench: Bench, text: str) -> None:
        info = bench.connector.describe(bench.resource)
        longest = next((f.max_length for f in info.fields if f.name == bench.text), None)
        text = text[:longest] if longest else text
        (outcome,) = bench.write(bench.creation(text))
        assert outcome.key is not None
        assert bench.held(outcome.key) == text
        assert bench.fetch(outcome.key).values[bench.text] == text
        (again,) = bench.write(Write(Op.UPDATE, outcome.key, {bench.text: text + "!"}, {bench.text: text}))
        assert again.result in (Result.APPLIED, Result.REJECTED)  # rejected: it is longer than the longest

    @pytest.mark.parametrize("kind", SAMPLES)
    def test_values_of_every_kind_come_back_and_can_be_expected(self, bench: Bench, kind: str) -> None:
        field = bench.harness.fields.get(kind)
        if field is None:
            return
        (key,) = bench.insert(1)
        for value in SAMPLES[kind]:
            current = bench.fetch(key).values[field]
            (outcome,) = bench.write(Write(Op.UPDATE, key, {field: value}, {field: current}))
            assert outcome.result is Result.APPLIED, outcome
            assert same(kind, bench.fetch(key).values[field], value)
            held = bench.harness.read(key)
            assert held is not None
            assert same(kind, held[field], value)

    def test_a_value_can_be_emptied(self, bench: Bench) -> None:
        kind = next((kind for kind in ("datetime", "date") if kind in bench.harness.fields), None)
        if kind is None:
            return
        field = bench.harness.fields[kind]
        (key,) = bench.insert(1)
        bench.write(Write(Op.UPDATE, key, {field: SAMPLES[kind][1]}))
        assert bench.fetch(key).values[field]
        (outcome,) = bench.write(Write(Op.UPDATE, key, {field: None}))
        assert outcome.result is Result.APPLIED
        assert not bench.fetch(key).values[field]
