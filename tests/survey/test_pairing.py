"""Which fields are paired and which match keys suggested: by names, types, values, and by the records."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncadmin.survey import names
from syncadmin.survey import profile as profiling
from syncadmin.survey.profile import Declared, Profiler
from syncadmin.survey.report import Report, mapping_document, report
from syncadmin.survey.suggest import Note, Why
from syncadmin.surveypages import pairs

from .tables import NOW, contacts, profile

ENDS = {"system": "crm", "resource": "contacts"}, {"system": "erp", "resource": "kunden"}


def found(left: list[dict[str, Any]], right: list[dict[str, Any]], **options: Any) -> Report:
    return report(
        profile(left, modified="updated_at", **options),
        profile(right, key="kundennr", modified="geaendert_am", **options),
    )


@pytest.mark.parametrize(
    ("one", "other", "least", "most"),
    [
        ("email", "E_Mail_Adresse", 1.0, 1.0),
        ("phone", "Telefon", 1.0, 1.0),
        ("firstName", "vorname", 1.0, 1.0),
        ("postal_code", "PLZ", 1.0, 1.0),
        ("customer_number", "KundenNr", 0.5, 1.0),
        ("credit_limit", "Kreditlimit", 1.0, 1.0),
        ("street", "Straße", 1.0, 1.0),
        ("shipping_street", "billing_street", 0.4, 0.9),
        ("city", "status", 0.0, 0.3),
        ("id", "email", 0.0, 0.3),
        ("", "email", 0.0, 0.0),
    ],
)
def test_names_are_compared_by_words_in_two_languages(
    one: str, other: str, least: float, most: float
) -> None:
    assert least <= names.similarity(one, other) <= most


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_of_names_is_a_share_and_the_same_both_ways(one: str, other: str) -> None:
    assert 0 <= names.similarity(one, other) == names.similarity(other, one) <= 1


def test_fields_of_two_languages_are_paired() -> None:
    pairs = {(pair.left, pair.right) for pair in found(*contacts()).pairs if not pair.bookkeeping}
    assert pairs == {
        ("company", "Firma"),
        ("email", "E_Mail_Adresse"),
        ("phone", "Telefon"),
        ("city", "Ort"),
        ("credit_limit", "Kreditlimit"),
        ("status", "Zustand"),
        ("born", "Geburtstag"),
    }


def test_fields_are_paired_by_their_values_where_names_say_nothing() -> None:
    left, right = contacts()
    renamed = [{f"x{at}": value for at, value in enumerate(row.values())} for row in right]
    pairs = {(pair.left, pair.right) for pair in found(left, renamed).pairs}
    assert {
        ("email", "x2"),
        ("phone", "x3"),
        ("city", "x4"),
        ("credit_limit", "x5"),
        ("status", "x6"),
    } <= pairs


def test_of_two_fields_with_the_same_vocabulary_the_one_that_agrees_in_the_same_records_is_taken() -> None:
    draw = random.Random(3)
    cities = ["Kiel", "Bonn", "Köln", "Essen", "Jena", "Ulm", "Hof", "Trier"]
    left = [{"id": n, "email": f"u{n}@example.com", "place": draw.choice(cities)} for n in range(200)]
    right = [
        {"kundennr": n, "mail": row["email"], "Ort": draw.choice(cities), "Sitz": row["place"]}
        for n, row in enumerate(left)
    ]
    pairs = {pair.left: pair.right for pair in found(left, right).pairs}
    assert pairs["place"] == "Sitz"


def test_the_best_match_key_tells_what_it_would_do() -> None:
    key = found(*contacts(300, shared=250)).keys[0]
    assert list(key.fields) == [("email", "E_Mail_Adresse")]
    assert (key.left.matched, key.left.ambiguous, key.left.alone, key.left.empty) == (250, 0, 50, 0)
    assert (key.right.matched, key.right.ambiguous, key.right.alone) == (250, 0, 50)
    assert key.agreement is not None
    assert key.agreement > 0.9
    assert not key.estimated
    assert key.as_written is not None
    assert key.as_written < 0.5  # written in capitals there, or with dashes
    assert {example.left for example in key.matched} == {1}
    assert all(example.right == 0 for example in key.alone_left)


def test_duplicates_are_for_a_person_and_missing_values_are_empty() -> None:
    left = [{"id": n, "email": f"u{n}@example.com", "name": f"N{n}"} for n in range(50)]
    right = [{"kundennr": n, "mail": f"U{n}@Example.com", "name": f"N{n}"} for n in range(50)]
    left += [{"id": 60, "email": "U7@example.com", "name": "N7"}, {"id": 61, "email": None, "name": "N61"}]
    right += [{"kundennr": 71, "mail": "twin@example.com"}, {"kundennr": 72, "mail": "twin@example.com"}]
    key = next(k for k in found(left, right).keys if list(k.fields) == [("email", "mail")])
    assert (key.left.matched, key.left.ambiguous, key.left.alone, key.left.empty) == (49, 2, 0, 1)
    assert (key.right.matched, key.right.ambiguous, key.right.alone, key.right.empty) == (49, 3, 0, 0)
    assert {example.value.lower() for example in key.ambiguous} == {"u7@example.com", "twin@example.com"}


def test_numbers_that_both_systems_count_up_are_no_match_key() -> None:
    """Both have keys from 1 to 300; the people behind them are not the same."""
    made = found(*contacts(300, shared=250))
    assert all(("id", "kundennr") not in key.fields or key.score < 0.3 for key in made.keys)
    assert ("id", "kundennr") not in [(pair.left, pair.right) for pair in made.pairs]


def test_a_record_number_that_the_sides_share_is_a_match_key() -> None:
    left, right = contacts(300, shared=250)
    by_mail = {row["email"].lower(): row["id"] for row in left}
    for row in right:
        row["crm_id"] = str(by_mail.get(row["E_Mail_Adresse"].strip().lower(), ""))
        row["E_Mail_Adresse"] = row["Telefon"] = ""
    key = found(left, right).keys[0]
    assert list(key.fields) == [("id", "crm_id")]
    assert (key.left.matched, key.right.empty) == (250, 50)


def test_two_fields_together_are_suggested_where_none_is_enough_by_itself() -> None:
    first = [f"first{n}" for n in range(20)]
    last = [f"last{n}" for n in range(20)]
    people = [{"vorname": a, "nachname": b, "note": f"{a}{b}"} for a in first for b in last]
    left = [{"id": n, "first_name": p["vorname"], "last_name": p["nachname"]} for n, p in enumerate(people)]
    right = [
        {"kundennr": 1000 + n, "vorname": p["vorname"].upper(), "nachname": p["nachname"]}
        for n, p in enumerate(people[::-1])
    ]
    key = found(left, right).keys[0]
    assert set(key.fields) == {("first_name", "vorname"), ("last_name", "nachname")}
    assert (key.left.matched, key.left.alone, key.unique_left) == (400, 0, 1.0)


def test_without_anything_in_common_no_key_is_suggested() -> None:
    left = [{"id": n, "colour": "red"} for n in range(30)]
    right = [{"kundennr": f"K{n}", "weight": n * 1.5} for n in range(30)]
    made = found(left, right)
    assert made.keys == []
    assert made.fields == []


def test_values_that_look_alike_are_only_shown_to_people() -> None:
    left = [{"id": n, "name": f"Company number {n}"} for n in range(40)]
    right = [{"kundennr": n, "name": f"Company number {n}"} for n in range(39)]
    left.append({"id": 90, "name": "Hansen & Sons GmbH"})
    right.append({"kundennr": 91, "name": "Hansen and Sons GmbH"})
    key = next(k for k in found(left, right).keys if list(k.fields) == [("name", "name")])
    alike = {(pair.left, pair.right) for pair in key.lookalikes}
    assert ("Hansen & Sons GmbH", "Hansen and Sons GmbH") in alike
    assert key.left.matched == 39  # and none of them counts as a match


def test_keys_of_many_records_are_estimated_from_values_drawn_alike_on_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(profiling, "CELLS", 1000)  # so that not all rows are kept
    monkeypatch.setattr(profiling, "LARGEST_SKETCH", 1000)
    left = [{"id": n, "email": f"u{n}@example.com"} for n in range(20_000)]
    right = [{"kundennr": n, "mail": f"u{n + 5_000}@example.com"} for n in range(20_000)]
    key = found(left, right).keys[0]
    assert key.estimated
    assert key.left.matched == pytest.approx(15_000, rel=0.12)
    assert key.right.alone == pytest.approx(5_000, rel=0.25)


def documents(made: Report) -> dict[str, dict[str, Any]]:
    return mapping_document(made, *ENDS, key=0, chosen=None)["fields"]


def test_the_suggested_mapping_is_switched_off_and_says_types_words_and_normalisation() -> None:
    made = found(*contacts(), born="date", Geburtstag="date")
    document = mapping_document(made, *ENDS, key=0, chosen=None)
    fields = document["fields"]
    assert (document["enabled"], document["left"]["resource"]) == (False, "contacts")
    assert set(document["match"]) <= set(fields)
    assert fields["email"]["normalize"] == ["email"]
    assert fields["phone"]["normalize"] == ["phone"]
    assert (fields["credit_limit"]["type"], fields["credit_limit"]["scale"]) == ("decimal", 2)
    assert fields["born"]["type"] == "date"
    assert fields["status"]["type"] == "choice"
    assert fields["status"]["values"] == {"new": "neu", "active": "aktiv", "closed": "geschlossen"}
    status = next(field for field in made.fields if field.name == "status")
    assert Note.WORDS in status.notes


def test_only_chosen_fields_are_taken_but_always_those_of_the_key() -> None:
    document = mapping_document(found(*contacts()), *ENDS, key=0, chosen=["city"])
    assert set(document["fields"]) == {*document["match"], "city"}


def test_the_side_that_nobody_edits_does_not_own_anything() -> None:
    """The right side's records were last changed more than a year ago, the left one's this month."""
    fields = found(*contacts()).fields
    assert {(field.document.get("owner"), field.owner_why) for field in fields} == {("left", Why.QUIET)} | {
        ("left", Why.LATER) for field in fields if field.owner_why == Why.LATER
    }


def test_without_evidence_a_field_has_no_owner() -> None:
    left, right = contacts()
    for row in right:
        row["geaendert_am"] = NOW
    assert all(
        "owner" not in field.document for field in found(left, right).fields if field.name == "company"
    )


def test_a_field_that_can_only_be_read_is_owned_by_its_side() -> None:
    rows = [{"id": n, "name": f"N{n}", "score": n * 7 % 50} for n in range(60)]
    sides = []
    for writable in (True, False):
        profiler = Profiler(
            [
                Declared("id", "integer"),
                Declared("name", "text"),
                Declared("score", "integer", writable=writable),
            ],
            "id",
            NOW,
        )
        for row in rows:
            profiler.add(str(row["id"]), row, None)
        sides.append(profiler.finish(whole=True))
    score = next(field for field in report(*sides).fields if field.name == "score")
    assert (score.document["owner"], score.owner_why) == ("right", Why.READ_ONLY)


@pytest.mark.parametrize(("native", "kind"), [("text", "text"), ("integer", "integer")])
def test_texts_that_hold_whole_numbers_stay_texts_for_the_next_may_begin_with_a_zero(
    native: str, kind: str
) -> None:
    sides = []
    for _side in range(2):
        profiler = Profiler([Declared("id", "integer"), Declared("zip", native)], "id", NOW)
        for n in range(60):
            value = 20_000 + n
            profiler.add(str(n), {"id": n, "zip": str(value) if native == "text" else value}, None)
        sides.append(profiler.finish(whole=True))
    (found,) = [field for field in report(*sides).fields if field.name == "zip"]
    assert found.document["type"] == kind


def test_what_the_systems_keep_for_themselves_is_left_out() -> None:
    made = found(*contacts())
    assert [pair.left for pair in made.pairs if pair.bookkeeping] == ["updated_at"]
    assert "updated_at" not in documents(made)


@pytest.mark.parametrize(
    ("shift", "shared", "ticked"),
    [
        (0, 1, False),
        (3, 40, False),
        (0, 40, True),
    ],  # one in common; many, counted otherwise; the same numbers
)
def test_numbers_that_each_system_counts_for_itself_are_not_ticked(
    shift: int, shared: int, ticked: bool
) -> None:
    def people(first: int, count: int, number: int) -> list[dict[str, Any]]:
        at = range(first, first + count)
        return [{"id": n + number, "email": f"p{n}@example.com", "name": f"Person {n}"} for n in at]

    left, right = people(0, 40, 1), people(40 - shared, 40, 1 + shift - (40 - shared))
    rows = pairs(report(profile(left), profile(right)))
    assert ("id" in {row.pair.left for row in rows if row.ticked}) is ticked
