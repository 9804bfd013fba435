"""Applying is idempotent and says what changes; what is exported, applied again, changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncadmin.config.apply import Action, ObjectChange, apply, read
from syncadmin.config.convert import FIELD_KEYS, MAPPING_KEYS, mapping_document
from syncadmin.config.export import export
from syncadmin.config.schema import MappingSpec
from syncadmin.config.units import format_duration, format_share, parse_duration, parse_share
from syncadmin.core.policy import Create, Deletes, FirstContact, LeftScope
from syncadmin.core.side import Side
from syncadmin.models import FieldMapping, Mapping, MappingState, Resource, RowRule, System

from .conftest import ENVIRONMENT, TWO_SYSTEMS, with_fields

Applied = Callable[..., list[ObjectChange]]

EVERYTHING = with_fields(
    "name: {left: n, right: n, merge: newest, first_contact: prefer left}",
    "tags: {left: t, right: t, type: set, separators: {left: '; '}, merge: set}",
    "credit: {left: c, right: c, type: decimal, scale: 4, owner: right, drift: ignore}",
    "since: {left: s, right: s, type: datetime, zones: {left: Europe/Berlin}}",
    "status: {left: st, right: st, type: choice, values: {A: 1, '2': true, 3: off}}",
    "company: {left: co, right: co, type: reference, mapping: companies}",
    "best: {left: b, right: b, type: integer, merge: rule, rule: 'left > right ? left : right', group: g}",
    mapping="rows: [{when: 'left_record.name == \"x\"', owner: left}]\n"
    "    label: Customers\n    enabled: false\n    title: name\n    drift: review\n    left_scope: delete\n"
    "    filter: {right: \"record.email != ''\"}\n    create: left\n    deletes: propagate\n"
    "    edit_vs_delete: delete wins\n    first_contact: prefer right\n    whole_record: true\n"
    "    clock_tolerance: 250ms\n    schedule: 90s\n    reconcile: 12h\n"
    "    guards: {max_deletes: 2.5%, max_changes: 100%, max_blanks: 1%, max_shrinks: 7.5%, max_same: 60%,"
    " floor: 3}",
)


def actions(changes: list[ObjectChange]) -> set[str]:
    return {change.action.value for change in changes}


def test_a_first_file_creates_everything_and_a_second_time_changes_nothing(applied: Applied) -> None:
    assert actions(applied()) == {"created"}
    before = Mapping.history.count(), System.history.count()
    assert actions(applied()) == {"unchanged"}
    assert (Mapping.history.count(), System.history.count()) == before


def test_every_option_survives_export_and_apply(applied: Applied) -> None:
    applied(
        EVERYTHING.replace(
            "{path: customers}", '{path: customers, changed_by: editor, link: "https://shop.example/c/{key}"}'
        )
    )
    exported = export()
    assert actions(applied(exported)) == {"unchanged"}
    FieldMapping.objects.all().delete()
    Mapping.objects.all().delete()
    System.objects.all().delete()
    applied(exported)
    assert export() == exported


def test_a_change_is_told_with_old_and_new_in_the_words_of_the_file(applied: Applied) -> None:
    applied()
    changes = applied(TWO_SYSTEMS.replace("right: mail}", "right: e_mail, normalize: [lower], owner: left}"))
    lines = [change.line() for change in changes if change.action is Action.CHANGED]
    assert lines == [
        "changed: field mapping customers.email "
        "(right: mail -> e_mail, normalize: none -> ['lower'], owner: none -> left)"
    ]


def test_a_dry_run_tells_the_same_and_stores_nothing(db: None) -> None:
    loaded = read(TWO_SYSTEMS, "sync.yaml", ENVIRONMENT)
    told = apply(loaded, dry_run=True)
    assert not System.objects.exists()
    assert [c.line() for c in apply(loaded)] == [c.line() for c in told]


def test_a_field_mapping_that_is_no_longer_in_the_file_is_removed(applied: Applied) -> None:
    applied(with_fields("phone: {left: p, right: p}"))
    assert "removed: field mapping customers.phone" in [change.line() for change in applied()]
    assert not FieldMapping.objects.filter(name="phone").exists()


def test_what_the_file_does_not_name_is_kept_and_told(applied: Applied) -> None:
    applied()
    changes = applied("version: 1\n")
    assert actions(changes) == {"not in file (kept)"}
    assert [change.name for change in changes] == ["crm", "shop", "companies", "customers"]


def test_row_rules_are_replaced_as_a_whole(applied: Applied) -> None:
    rule = "rows: [{when: \"left_record.email == 'x'\", owner: left}]"
    applied(with_fields(mapping=rule))
    applied(with_fields(mapping=rule.replace("owner: left", "owner: right")))
    assert [(r.when, r.owner) for r in RowRule.objects.all()] == [("left_record.email == 'x'", "right")]
    applied()
    assert not RowRule.objects.exists()


def test_a_mapping_that_a_wrong_configuration_had_stopped_may_run_again(applied: Applied) -> None:
    applied()
    MappingState.objects.update(stopped="configuration", message="no such table")
    applied()
    assert set(MappingState.objects.values_list("stopped", flat=True)) == {"configuration"}
    applied(with_fields("phone: {left: p, right: p}"))
    assert MappingState.objects.get(mapping__name="customers").stopped == ""


def test_a_guard_stop_is_not_lifted_by_applying(applied: Applied) -> None:
    applied()
    MappingState.objects.update(stopped="guard")
    applied(with_fields("phone: {left: p, right: p}"))
    assert MappingState.objects.get(mapping__name="customers").stopped == "guard"


def test_a_file_may_name_what_is_configured_already(applied: Applied) -> None:
    applied()
    text = TWO_SYSTEMS[TWO_SYSTEMS.index("mappings:") :]
    assert actions(applied("version: 1\n" + text)) == {"unchanged", "not in file (kept)"}


def test_every_column_of_a_mapping_has_a_place_in_the_file() -> None:
    internal = {"id", "name", "mapping", "position"}
    assert {f.name for f in Mapping._meta.concrete_fields} - internal == set(MAPPING_KEYS.values())
    assert {f.name for f in FieldMapping._meta.concrete_fields} - internal == set(FIELD_KEYS.values())


@given(st.floats(min_value=0.001, max_value=1e7).map(lambda x: round(x, 3)))
def test_a_duration_reads_back_as_the_same_number(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.floats(min_value=0, max_value=1))
def test_a_percentage_reads_back_as_the_same_number(fraction: float) -> None:
    assert parse_share(format_share(fraction)) == fraction


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(30, "30s"), (90, "90s"), (86400, "1d"), (43200, "12h"), (0.25, "250ms"), (1.5, "1500ms")],
)
def test_a_duration_is_written_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


OPTIONS: dict[str, Any] = {
    "label": st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
    "enabled": st.booleans(),
    "owner": st.sampled_from(["", *Side]),
    "create": st.sampled_from(Create),
    "deletes": st.sampled_from(Deletes),
    "first_contact": st.sampled_from(FirstContact),
    "left_scope": st.sampled_from(LeftScope),
    "left_filter": st.sampled_from(["", "record.x == 'a: b # c'", "record.x\n  == 1"]),
    "whole_record": st.booleans(),
    "schedule": st.floats(min_value=0.001, max_value=1e6),
    "max_deletes": st.floats(min_value=0, max_value=1),
    "guard_floor": st.integers(min_value=0, max_value=10**6),
}


@given(st.fixed_dictionaries({}, optional=OPTIONS))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_mapping_is_told_in_the_file_exactly_as_it_is_stored(options: dict[str, Any]) -> None:
    from syncadmin.config.convert import mapping_values
    from syncadmin.config.export import as_yaml
    from syncadmin.config.lines import Lines

    ends = {
        ("crm", "a"): Resource(system=System(name="crm"), name="a"),
        ("shop", "b"): Resource(system=System(name="shop"), name="b"),
    }
    row = Mapping(name="m", left=ends["crm", "a"], right=ends["shop", "b"], match=["x"], **options)
    document = mapping_document(row, [FieldMapping(name="x", left="x", right="x")], [])
    spec = MappingSpec.model_validate(Lines(as_yaml(document)).content)
    for attribute, value in mapping_values(spec, ends).items():
        assert getattr(row, attribute) == value, attribute
