"""Which changes of a mapping in use need an approval, what a rename is, and what a file does about it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from syncadmin.config import versions
from syncadmin.config.apply import apply, read
from syncadmin.config.differences import KeyChange, Unchangeable, differences, harmless, renamed
from syncadmin.config.export import export
from syncadmin.config.schema import MappingSpec
from syncadmin.core.values import encode
from syncadmin.models import Link, Mapping, MappingVersion

from .conftest import TWO_SYSTEMS

BASE: dict[str, Any] = {
    "left": {"system": "crm", "resource": "contacts"},
    "right": {"system": "shop", "resource": "customers"},
    "match": ["email"],
    "fields": {
        "email": {"left": "email", "right": "mail", "type": "text"},
        "phone": {"left": "phone", "right": "tel", "type": "text"},
    },
}


def changed(**keys: Any) -> list[KeyChange]:
    return differences(MappingSpec.model_validate(BASE), MappingSpec.model_validate({**BASE, **keys}))


def fields(**more: Any) -> dict[str, Any]:
    return {name: one for name, one in {**BASE["fields"], **more}.items() if one is not None}


PHONE = BASE["fields"]["phone"]


@pytest.mark.parametrize(
    "keys",
    [
        {"label": "Customers"},
        {"schedule": "5m", "reconcile": "2d"},
        {"due": "4h", "escalate": {"after": "1h", "group": "team"}},
        {"guards": {"max_deletes": "1%"}},
        {"risk": "stop"},
        {"fields": fields(phone=PHONE | {"weight": 3, "two_people": True})},
        {"enabled": False},
    ],
)
def test_what_cannot_write_anything_needs_no_approval(keys: dict[str, Any]) -> None:
    assert harmless(changed(**keys))


@pytest.mark.parametrize(
    "keys",
    [
        {"match": ["phone"]},
        {"owner": "left"},
        {"rows": [{"when": "left_record.email == ''", "owner": "left"}]},
        {"filter": {"left": "record.email != ''"}},
        {"create": "none"},
        {"deletes": "propagate"},
        {"edit_vs_delete": "delete wins"},
        {"left_scope": "delete"},
        {"first_contact": "prefer left"},
        {"whole_record": True},
        {"clock_tolerance": "1m"},
        {"guards": {"max_deletes": "50%"}},
        {"guards": {"floor": 1000}},
        {"rehearse": "required"},
        {"fields": fields(city={"left": "city", "right": "town", "type": "text"})},
        {"fields": fields(phone=None)},
        {"fields": fields(phone=None, telephone=PHONE)},
        *(
            {"fields": fields(phone=PHONE | one)}
            for one in (
                {"owner": "right"},
                {"merge": "newest"},
                {"left": "mobile"},
                {"normalize": ["trim"]},
                {"group": "address"},
                {"learned": [{"differs": "other", "changed": "both", "take": "left"}]},
            )
        ),
    ],
)
def test_what_could_write_something_needs_one(keys: dict[str, Any]) -> None:
    found = changed(**keys)
    assert found
    assert not harmless(found)
    assert all(str(change.does) for change in found)


def test_every_key_of_the_file_is_judged_and_only_known_ones_are_harmless() -> None:
    assert not harmless([KeyChange(("fields", "x"), None, {}, False, "")])
    assert [c.key for c in changed(schedule="5m", deletes="ignore")] == ["deletes", "schedule"]


def test_the_same_columns_under_another_name_are_the_same_field() -> None:
    old, new = (
        MappingSpec.model_validate(BASE),
        MappingSpec.model_validate(
            {**BASE, "fields": fields(phone=None, telephone=PHONE | {"owner": "left"})}
        ),
    )
    assert renamed(old, new) == {"telephone": "phone"}
    assert [c.key for c in differences(old, new)] == ["fields.telephone.name", "fields.telephone.owner"]
    other = {**BASE, "fields": fields(phone=None, telephone=PHONE | {"right": "mobile"})}
    assert renamed(old, MappingSpec.model_validate(other)) == {}


def test_other_resources_are_another_mapping() -> None:
    with pytest.raises(Unchangeable):
        changed(right={"system": "shop", "resource": "orders"})


# ---------------------------------------------------------------- stored


@pytest.fixture
def customers(db: None, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    """A mapping in use."""
    monkeypatch.setenv("CRM_URL", "sqlite:////nowhere/crm.db")
    monkeypatch.setenv("SHOP_PASSWORD", "x")
    apply(read(TWO_SYSTEMS, "first.yaml"))
    row = Mapping.objects.get(name="customers")
    Link.objects.create(mapping=row, left_key="1", right_key="2", left_shadow=encode({"email": "a"}))
    return row


def applied(tmp_path: Path, text: str, *flags: str) -> tuple[str, int]:
    """`manage.py apply` of a file with this text: what it prints, and its exit code."""
    file, out = tmp_path / "sync.yaml", StringIO()
    file.write_text(text)
    try:
        call_command("apply", str(file), *flags, stdout=out)
    except CommandError as error:
        return out.getvalue() + str(error), error.returncode
    return out.getvalue(), 0


def test_a_file_that_changes_a_mapping_in_use_waits_and_says_so(customers: Mapping, tmp_path: Path) -> None:
    before = export()
    text = before.replace("match: [email]", "match: [email]\n    deletes: propagate")
    said, code = applied(tmp_path, text, "--dry-run")
    assert (code, MappingVersion.objects.count()) == (3, 0)
    said, code = applied(tmp_path, text)
    assert code == 3
    assert "waits for an approval: mapping customers, version 2 (deletes: review -> propagate)" in said
    assert "manage.py version customers 2" in said
    assert export() == before
    assert applied(tmp_path, text)[1] == 3  # again: it is the same proposal
    assert list(MappingVersion.objects.values_list("number", "state")) == [(2, "proposed"), (1, "active")]
    assert applied(tmp_path, before)[1] == 0


def test_a_file_may_change_at_once_what_cannot_write(customers: Mapping, tmp_path: Path) -> None:
    text = export().replace("match: [email]", "match: [email]\n    label: Our customers\n    enabled: false")
    assert applied(tmp_path, text)[1] == 0
    customers.refresh_from_db()
    assert (customers.label, customers.enabled) == ("Our customers", False)


def test_whether_passes_run_is_no_part_of_a_version(customers: Mapping, tmp_path: Path) -> None:
    text = export().replace("match: [email]", "match: [email]\n    deletes: propagate\n    enabled: false")
    assert applied(tmp_path, text)[1] == 3
    customers.refresh_from_db()
    assert (customers.deletes, customers.enabled) == ("review", False)
    assert "enabled" not in MappingVersion.objects.get(state="proposed").document


def test_a_proposal_keeps_what_was_changed_meanwhile_and_yields_where_both_changed_the_same(
    customers: Mapping,
) -> None:
    def proposal(**keys: Any) -> MappingVersion:
        row = Mapping.objects.get(pk=customers.pk)
        spec = versions.spec_of({**versions.document_of(row), **keys})
        return versions.propose(row, spec, name="test")

    version = proposal(deletes="propagate")
    customers.label = "Customers of ours"
    customers.save()
    merged = versions.on_top(version)
    assert (merged.document["label"], merged.document["deletes"]) == ("Customers of ours", "propagate")
    version = proposal(first_contact="newest")
    customers.first_contact = "prefer left"
    customers.save()
    with pytest.raises(versions.Overtaken, match="first_contact"):
        versions.on_top(version)


def test_a_newer_proposal_takes_the_place_of_an_older_one_and_each_can_be_withdrawn(
    customers: Mapping,
) -> None:
    spec = versions.spec_of({**versions.document_of(customers), "deletes": "propagate"})
    first = versions.propose(customers, spec)
    second = versions.propose(customers, spec.model_copy(update={"whole_record": True}))
    first.refresh_from_db()
    assert (first.state, first.closed_how) == ("withdrawn", "version 3 took its place")
    versions.withdraw(second.pk, User.objects.create_user("iris"))
    with pytest.raises(versions.Overtaken):
        versions.withdraw(second.pk, User(username="otto"))
