"""Assessments: what is asked and answered, kept as a sheet, and taken over into the configuration."""

import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from syncadmin import assessing
from syncadmin.config import apply as configuration
from syncadmin.config.convert import mapping_document
from syncadmin.config.export import as_yaml
from syncadmin.config.problems import BadConfig
from syncadmin.core.assess import Strategy, Who
from syncadmin.core.side import Side
from syncadmin.models import AssessmentVersion, FieldMapping, Mapping, MappingState
from syncadmin.selectors.assessment import Answers, Basis, Standing, assessment, standing
from tests.builders import a_link, a_mapping, a_user, journal

pytestmark = pytest.mark.django_db


def answered(mapping, table=None, **fields):
    assessing.store(mapping, Answers(table or {}, fields), a_user())
    return Mapping.objects.get(pk=mapping.pk)


def advice(mapping):
    return assessment(mapping).found.fields


def taken(mapping, **more):
    shown = assessing.digest(assessing.planned(mapping, assessment(mapping)))
    assessing.take_over(mapping, by="ines", shown=shown, **more)
    return Mapping.objects.get(pk=mapping.pk)


def test_answers_are_kept_with_history_and_start_no_comparison():
    mapping = a_mapping()
    later = timezone.now() + timedelta(days=1)
    MappingState.objects.update(next_reconcile=later)
    mapping = answered(mapping, {"cost": "little"}, phone={"edits": "left"})
    assert mapping.assessment == {"cost": "little"}
    assert mapping.fields.get(name="phone").assessment == {"edits": "left"}
    assert FieldMapping.history.filter(name="phone").count() == 2
    assert FieldMapping.history.filter(name="tags").count() == 1
    assert MappingState.objects.get().next_reconcile == later


def test_a_field_without_an_answer_has_that_of_the_table():
    mapping = answered(a_mapping(), {"edits": "left", "cost": "little"}, phone={"edits": "right"})
    found = advice(mapping)
    assert found["phone"].reason == "one side edits"
    assert (found["tags"].owner, found["phone"].owner) == (Side.LEFT, Side.RIGHT)


def test_what_nobody_answered_is_taken_from_owners_and_from_the_journal():
    mapping = a_mapping()
    mapping.fields.filter(name="credit").update(owner="right")
    link = a_link(mapping)
    journal(mapping, *[{"kind": "change", "side": "left", "link_id": link.pk, "field": "phone"}] * 3)
    lines = {line.row.name: line for line in assessment(mapping).lines}
    assert (lines["credit"].told, lines["credit"].basis) == (Who.RIGHT, Basis.CONFIGURED)
    assert (lines["phone"].told, lines["phone"].basis) == (Who.LEFT, Basis.JOURNAL)
    assert lines["phone"].seen == {Side.LEFT: 3}


def test_an_assessment_is_missing_then_answered_then_done_then_outdated():
    mapping = a_mapping()
    assert standing(mapping) is Standing.MISSING
    mapping.fields.filter(name="credit").update(owner="right")
    assert standing(mapping) is Standing.SUGGESTED
    mapping = answered(mapping, {"edits": "left"})
    assert standing(mapping) is Standing.ANSWERED
    assessing.keep(mapping, "ines")
    assert standing(mapping) is Standing.DONE
    mapping = answered(mapping, {"edits": "both"})
    assert standing(mapping) is Standing.OUTDATED
    assessing.keep(mapping, "ines")
    mapping.fields.filter(name="tags").delete()
    assert standing(Mapping.objects.get()) is Standing.OUTDATED


def test_what_the_sheet_left_out_may_be_gone():
    mapping = answered(a_mapping(enabled=False), tags={"needs": "nobody"})
    assessing.keep(mapping, "ines")
    mapping = taken(mapping)
    assert not mapping.fields.filter(name="tags").exists()
    assert standing(mapping) is Standing.DONE


def test_owners_and_merges_are_taken_over_with_history():
    mapping = answered(
        a_mapping(enabled=False),
        phone={"edits": "left"},
        credit={"edits": "right"},
        visits={"both": "counter"},
        seen={"both": "max"},
    )
    mapping = taken(mapping)
    fields = {row.name: row for row in mapping.fields.all()}
    assert (fields["phone"].owner, fields["credit"].owner) == ("left", "right")
    assert (fields["visits"].merge, fields["seen"].merge, fields["tags"].merge) == ("counter", "max", "set")
    assert fields["name"].owner == ""
    newest = FieldMapping.history.filter(name="phone").first()
    assert newest.history_change_reason == "taken over from the assessment"
    assert list(assessing.planned(mapping, assessment(mapping))) == []


def test_a_table_with_one_owner_goes_one_way():
    mapping = taken(answered(a_mapping(enabled=False), {"edits": "left"}))
    assert (mapping.owner, mapping.create) == ("left", "right")
    assert list(assessing.planned(mapping, assessment(mapping))) == []


def test_row_rules_are_taken_over():
    rows = [{"when": "left_record.status == 'open'", "owner": "left"}]
    mapping = taken(answered(a_mapping(enabled=False), {"rows": rows, "every_row": True}))
    assert assessment(mapping).found.strategy is Strategy.ROWS
    assert [(rule.when, rule.owner) for rule in mapping.row_rules.all()] == [
        ("left_record.status == 'open'", "left")
    ]


def test_a_mapping_that_nobody_needs_is_switched_off():
    mapping = taken(answered(a_mapping(), {"needs": "nobody"}), running=True)
    assert (mapping.enabled, mapping.fields.count()) == (False, 10)


def test_a_running_mapping_is_not_changed_silently():
    mapping = answered(a_mapping(), phone={"edits": "left"})
    with pytest.raises(assessing.NotDone, match="switched on"):
        taken(mapping)
    assert mapping.fields.get(name="phone").owner == ""
    assert taken(mapping, running=True).fields.get(name="phone").owner == "left"


def test_a_mapping_in_use_gets_a_proposal():
    mapping = answered(a_mapping(), phone={"edits": "left"})
    a_link(mapping)
    shown = assessing.digest(assessing.planned(mapping, assessment(mapping)))
    found = assessing.take_over(mapping, by="ines", shown=shown)
    assert (found.proposal.state, found.proposal.document["fields"]["phone"]["owner"]) == ("proposed", "left")
    assert mapping.fields.get(name="phone").owner == ""


def test_answers_of_a_mapping_in_use_need_no_approval():
    mapping = answered(a_mapping(), phone={"edits": "left"})
    a_link(mapping)
    told = as_yaml({"version": 1, "mappings": {mapping.name: mapping_document(mapping)}})
    changes = configuration.apply(
        configuration.read(told.replace("edits: left", "edits: right"), environment={})
    )
    assert {one.action.value for one in changes if one.what == "field mapping"} >= {"changed"}
    assert mapping.fields.get(name="phone").assessment == {"edits": "right"}


def test_only_what_was_shown_is_taken_over():
    mapping = answered(a_mapping(enabled=False), phone={"edits": "left"})
    shown = assessing.digest(assessing.planned(mapping, assessment(mapping)))
    answered(mapping, phone={"edits": "right"})
    with pytest.raises(assessing.NotDone, match="something else"):
        assessing.take_over(mapping, by="ines", shown=shown)


def test_a_rule_of_ones_own_stays():
    mapping = a_mapping(enabled=False)
    mapping.fields.filter(name="phone").update(merge="rule", rule="left")
    assert taken(mapping).fields.get(name="phone").rule == "left"


def test_a_sheet_is_numbered_never_changed_and_signed_once_a_side():
    mapping = answered(a_mapping(), {"teams": {"left": "Sales"}})
    first, second = assessing.keep(mapping, "ines"), assessing.keep(mapping, "ines")
    assert (first.number, second.number) == (1, 2)
    assert first.sheet["left"]["team"] == "Sales"
    today = timezone.localdate()
    assessing.sign(second, Side.LEFT, "Ada Lovelace", "Head of sales", today, "ines")
    assert not second.mapping.in_use
    with pytest.raises(assessing.NotDone, match="signed already"):
        assessing.sign(second, Side.LEFT, "Eve", "", today, "ines")
    with pytest.raises(assessing.NotDone, match="future"):
        assessing.sign(second, Side.RIGHT, "Eve", "", today + timedelta(days=2), "ines")
    with pytest.raises(TypeError):
        first.save()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        AssessmentVersion.objects.filter(pk=first.pk).update(by="eve")


def test_answers_make_the_round_trip_through_a_file():
    mapping = answered(
        a_mapping(),
        {
            "edits": "both",
            "cost": "serious",
            "teams": {"left": "Sales", "right": "Büro"},
            "rows": [{"when": "left_record.status == 'open'", "owner": "left"}],
            "every_row": True,
        },
        visits={"edits": "both", "both": "counter"},
    )
    told = as_yaml({"version": 1, "mappings": {mapping.name: mapping_document(mapping)}})
    assert "assessment:" in told
    before = (mapping.assessment, mapping.fields.get(name="visits").assessment)
    changes = configuration.apply(configuration.read(told, environment={}))
    assert not [one.line() for one in changes if one.what != "system" and one.action == "changed"]
    answered(mapping)
    configuration.apply(configuration.read(told, environment={}))
    mapping = Mapping.objects.get()
    assert (mapping.assessment, mapping.fields.get(name="visits").assessment) == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cost: serious", "cost: dear", "nothing"),
        ("both: counter", "both: text", "is for type text"),
        ("== 'open'", "==", "not a rule that works"),
        ("assessment: {edits: both, both", "assessment: {edit: both, both", "edits"),
    ],
)
def test_wrong_answers_in_a_file_are_named(old, new, said):
    mapping = answered(
        a_mapping(),
        {"cost": "serious", "rows": [{"when": "left_record.status == 'open'", "owner": "left"}]},
        visits={"edits": "both", "both": "counter"},
    )
    told = as_yaml({"version": 1, "mappings": {mapping.name: mapping_document(mapping)}})
    assert old in told
    with pytest.raises(BadConfig, match="(?s)" + said):
        configuration.read(told.replace(old, new), environment={})


def test_the_command_tells_and_keeps(capsys):
    answered(a_mapping(), phone={"edits": "left"})
    call_command("assess", "customers", "--json", "--keep")
    told = json.loads(capsys.readouterr().out)
    assert (told["status"], told["version"]["number"], told["strategy"]) == ("done", 1, "review")
    assert {"field": "phone", "key": "owner", "old": None, "new": "left"} in told["would_change"]
    call_command("assess", "customers")
    said = capsys.readouterr().out
    assert "phone: Owner: CRM. Only CRM edits it; Web shop follows." in said
    assert "signed by nobody" in said
