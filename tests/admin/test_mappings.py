"""Mappings in the admin: the same checks as the file, at the field that is meant; history as differences."""

from __future__ import annotations

from typing import Any

import pytest

from syncadmin.config.export import export
from syncadmin.core.values import encode
from syncadmin.models import Entry, FieldMapping, Link, Mapping, MappingState, MappingVersion

from .conftest import As, posted


def save(browser: Any, mapping: Mapping, **changes: Any) -> Any:
    """Open the page of a mapping, change something, save."""
    address = f"/admin/syncadmin/mapping/{mapping.pk}/change/"
    return browser.post(address, {**posted(browser.get(address).context), **changes})


def errors(answer: Any) -> dict[str, list[str]]:
    """Messages by form field."""
    found = {name: list(messages) for name, messages in answer.context["adminform"].form.errors.items()}
    for inline in answer.context["inline_admin_formsets"]:
        for form in inline.formset.forms:
            found |= {f"{form.prefix}-{name}": list(messages) for name, messages in form.errors.items()}
    return found


def added(**fields: Any) -> dict[str, Any]:
    """A second field mapping, as the form would send it."""
    basic = {"name": "x", "left": "a", "right": "b", "type": "text", "merge": "review", "drift": "enforce"}
    made = {
        f"fields-1-{key}": value for key, value in {**basic, "scale": "2", "position": "1", **fields}.items()
    }
    return {**made, "fields-TOTAL_FORMS": "2"}


def test_a_page_that_nobody_touched_saves_without_changing_anything(
    signed_in: As, customers: Mapping
) -> None:
    before, revisions = export(), Mapping.history.count() + FieldMapping.history.count()
    assert save(signed_in("Integrator"), customers).status_code == 302
    assert export() == before
    assert FieldMapping.history.count() + Mapping.history.count() <= revisions + 1


def test_what_is_clicked_is_what_the_file_says(signed_in: As, customers: Mapping) -> None:
    changes = added(type="set", separator_left="; ", merge="set", normalize=["trim", "lower"])
    answer = save(signed_in("Integrator"), customers, schedule="5m", max_deletes="2.5%", **changes)
    assert answer.status_code == 302, errors(answer)
    text = export()
    assert "schedule: 5m" in text
    assert "max_deletes: 2.5%" in text
    assert "type: set" in text
    assert FieldMapping.objects.get(name="x").separators == {"left": "; "}
    assert FieldMapping.objects.get(name="x").normalize == ["trim", "lower"]


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"match": "mail"}, "match", 'Unknown field mapping "mail"; did you mean "email"? Allowed: email'),
        (
            {"schedule": "30"},
            "schedule",
            "must be a duration with its unit: ms, s, m, h or d, such as 30s or 1d",
        ),
        (
            {"left_filter": "record.emial == ''"},
            "left_filter",
            'Uses the unknown field mapping "emial"; did you mean "email"? Allowed: email',
        ),
        (added(merge="set"), "fields-1-merge", '"set" is for type set; the type is text'),
        (
            added(type="datetime", zone_right="Mars/Base"),
            "fields-1-zone_right",
            '"Mars/Base" is not an IANA time zone such as Europe/Berlin',
        ),
        (
            added(type="reference"),
            "fields-1-target",
            "Is missing: a reference needs the mapping that syncs what it refers to",
        ),
        (
            added(left="email"),
            "fields-1-left",
            '"email" is in the field mapping "email" too: more than one would write it. '
            "Leave one out, or give them all `owner: left`",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_is_in_the_words_of_the_file(
    signed_in: As, customers: Mapping, changes: dict[str, Any], field: str, message: str
) -> None:
    before = export()
    answer = save(signed_in("Integrator"), customers, **changes)
    assert answer.status_code == 200
    assert errors(answer) == {field: [message]}
    assert export() == before


def test_a_row_rule_that_is_no_expression_is_told_at_the_rule(signed_in: As, customers: Mapping) -> None:
    rule = {
        "row_rules-TOTAL_FORMS": "1",
        "row_rules-0-when": "left_record.email ==",
        "row_rules-0-owner": "left",
    }
    answer = save(signed_in("Integrator"), customers, **rule, **{"row_rules-0-position": "0"})
    (found,) = errors(answer).items()
    assert found[0] == "row_rules-0-when"
    assert found[1][0].startswith("Is not a rule that works: Syntax error")


def test_the_history_tells_who_changed_what_from_what_to_what(signed_in: As, customers: Mapping) -> None:
    browser = signed_in("Integrator")
    save(browser, customers, schedule="5m", **{"fields-0-right": "e_mail"})
    page = browser.get(f"/admin/syncadmin/mapping/{customers.pk}/history/")
    told = [r for r in page.context["revisions"] if r.action == "changed"]
    assert {r.who for r in told} == {"integrator-person"}
    differences = {(r.what, d.key, d.old, d.new) for r in told for d in r.differences}
    assert ("field mapping", "right", "mail", "e_mail") in differences
    assert ("mapping", "schedule", "30s", "5m") in differences


def test_the_check_of_a_mapping_tells_what_is_in_the_way(signed_in: As, customers: Mapping) -> None:
    page = signed_in("Integrator").get(f"/admin/syncadmin/mapping/{customers.pk}/check/")
    assert page.status_code == 200
    assert page.context["problems"]


def test_a_corrected_mapping_may_run_again(signed_in: As, customers: Mapping) -> None:
    MappingState.objects.filter(mapping=customers).update(stopped="configuration", message="no such column")
    save(signed_in("Integrator"), customers, schedule="5m")
    assert MappingState.objects.get(mapping=customers).stopped == ""


def test_a_mapping_that_has_run_cannot_be_deleted(signed_in: As, customers: Mapping) -> None:
    Link.objects.create(mapping=customers, left_key="1", right_key="2", left_shadow=b"{}")
    browser = signed_in("root")
    assert browser.get(f"/admin/syncadmin/mapping/{customers.pk}/delete/").status_code == 403
    assert Entry.objects.count() == 0


def test_a_change_of_a_mapping_in_use_that_could_write_is_only_proposed(
    signed_in: As, customers: Mapping
) -> None:
    Link.objects.create(mapping=customers, left_key="1", right_key="2", left_shadow=encode({"email": "a"}))
    before = export()
    answer = save(signed_in("Integrator"), customers, **{"fields-0-owner": "right"})
    version = MappingVersion.objects.get(state="proposed")
    assert answer.url == f"/mappings/customers/versions/{version.number}/"
    assert export() == before
    assert version.document["fields"]["email"]["owner"] == "right"
    assert (version.made_name, version.comparing) == ("integrator-person", "waiting")


def test_a_change_of_a_mapping_in_use_that_cannot_write_is_made_at_once(
    signed_in: As, customers: Mapping
) -> None:
    Link.objects.create(mapping=customers, left_key="1", right_key="2", left_shadow=encode({"email": "a"}))
    answer = save(signed_in("Integrator"), customers, label="Customers", schedule="5m", max_deletes="1%")
    assert answer.url != "/mappings/customers/versions/1/"
    assert "schedule: 5m" in export()
    assert [v.state for v in MappingVersion.objects.all()] == ["active"]


def test_a_mapping_in_use_keeps_its_resources(signed_in: As, customers: Mapping) -> None:
    Link.objects.create(mapping=customers, left_key="1", right_key="2", left_shadow=encode({"email": "a"}))
    answer = save(signed_in("Integrator"), customers, left=str(customers.right_id))
    assert "stays with its resources" in str(errors(answer))
