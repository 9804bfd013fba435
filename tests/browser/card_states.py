"""The main states of a card, as rich as life: made once for the tests and the screenshots."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from conflicts.models import Conflict
from syncadmin.models import Distinct, Health, Mapping, MappingState, Resource
from tests.builders import a_conflict, a_link, a_mapping, an_ambiguous_match, journal

NOTES = (
    "Called on Monday about the late delivery. She wants the invoice sent to the office in Bonn.\n"
    "Prefers to be called in the morning.\nDiscount of 5 % agreed for this year."
)
TYRES = "Delivered with winter tyres"


def a_rich_mapping() -> Mapping:
    """Two systems with addresses, limits and a clock that is off."""
    mapping = a_mapping()
    Resource.objects.filter(name="customers_r").update(link="https://shop.example/admin/customers/{key}")
    Health.objects.create(
        system=mapping.right.system, skew=42.0, skew_error=0.5, skew_at=timezone.now() - timedelta(minutes=2)
    )
    MappingState.objects.filter(mapping=mapping).update(
        limits={
            "left": {"phone": {"max_length": 30}, "credit": {"precision": 8, "scale": 2}},
            "right": {
                "phone": {"max_length": 20, "required": True},
                "visits": {"low": -(2**15), "high": 2**15 - 1},
                "status": {"choices": ["1", "2"]},
            },
        }
    )
    return mapping


def history(mapping: Mapping, link: Any, *fields: tuple[str, Any, Any, str]) -> None:
    """Some days of a record's life: (field, old, new, side), oldest first."""
    place = {"link_id": link.pk}
    at = timezone.now() - timedelta(days=3)
    journal(mapping, {"kind": "link", "rule": "linked", **place}, at=at)
    for number, (name, old, new, side) in enumerate(fields):
        key = link.left_key if side == "left" else link.right_key
        seen = at + timedelta(hours=8 * number + 5)
        row = {"side": side, "key": key, "field": name, "old": old, "new": new, **place}
        journal(mapping, {**row, "changed_at": seen - timedelta(minutes=3)}, at=seen)
        if number % 2 == 0:
            other = {**row, "side": "right" if side == "left" else "left", "kind": "write", "actor": "rita"}
            journal(mapping, other, at=seen + timedelta(seconds=4))


def simple(mapping: Mapping, **more: Any) -> Conflict:
    """One phone number, changed on both sides."""
    link = a_link(mapping, left="4711", right="k3x9q0aavv2lb7d")
    history(
        mapping,
        link,
        ("email", "ada@x.de", "ada@lovelace.org", "left"),
        ("city", None, "London", "right"),
        ("phone", "+49 30 1000", "+49 30 1234", "left"),
        ("phone", "+49 30 1000", "+49 30 9999", "right"),
    )
    snapshot = {
        side: {
            "name": "Ada Lovelace",
            "email": "ada@lovelace.org",
            "city": city,
            "phone": phone,
            "born": "1815-12-10",
        }
        for side, city, phone in (("left", "London", "+49 30 1234"), ("right", "Paris", "+49 30 9999"))
    }
    return a_conflict(mapping, link=link, snapshot=snapshot, reason="both sides changed it", **more)


def many(mapping: Mapping) -> Conflict:
    """A field of every type."""
    fields = {
        "name": ("P\u0430ypal  GmbH", "Paypal", "Paypal GmbH"),
        "phone": ("+49 (30) 12 34", None, "+49 30 1234"),
        "tags": (["vip", "export", "new"], ["vip", "export", "old"], ["vip", "old"]),
        "credit": ("1500.00", "1000.00", "1250.50"),
        "visits": (12, 10, 11),
        "active": (True, True, False),
        "born": ("1815-12-10", "1815-12-01", "1815-12-13"),
        "seen": ("2026-05-04T12:00:00.000000Z", "2026-05-01T12:00:00.000000Z", "2026-05-04T14:30:00.000000Z"),
        "status": ("open", "open", "shut"),
        "extra": (
            {"size": "L", "colour": "red"},
            {"size": "M", "colour": "red"},
            {"size": "M", "colour": "blue"},
        ),
    }
    return a_conflict(mapping, fields=fields, label="Paypal GmbH")


def long_text(mapping: Mapping) -> Conflict:
    """Notes that both sides edited in several places."""
    left = (
        NOTES.replace("Monday", "Tuesday")
        .replace("5 %", "7 %")
        .replace("office in Bonn", "head office in Bonn")
    )
    right = NOTES.replace("Monday", "Wednesday") + "\n" + TYRES + "."
    return a_conflict(mapping, fields={"name": (left, NOTES, right)}, label="Grace Hopper")


def ambiguous(mapping: Mapping) -> Conflict:
    """A customer that may be one of three, one of which is taken."""
    own = {
        "name": "Ada Lovelace", "phone": "+49 30 1", "tags": ["vip"], "born": "1815-12-10",
        "credit": "100.00", "status": "open",
    }  # fmt: skip
    candidates = {
        "R-2": {**own, "phone": "+49 40 2", "born": "1980-01-01", "tags": []},
        "R-1": {**own, "credit": "120.00"},
        "R-3": own,
    }
    a_link(mapping, right="R-3")
    conflict = an_ambiguous_match(
        mapping,
        key="C-77",
        candidates=list(candidates),
        snapshot={"left": own, "candidates": candidates},
        reason="3 records have its match values",
    )
    Distinct.objects.create(mapping=mapping, left_key="C-77", right_key="R-9", by="anna", at=timezone.now())
    return conflict


def deleted(mapping: Mapping) -> Conflict:
    """Deleted on the left, changed on the right."""
    agreed = {"name": "Emmy Noether", "phone": "+49 9131 1", "credit": "12.00"}
    right = {**agreed, "phone": "+49 9131 5"}
    link, now = a_link(mapping, **agreed), timezone.now()
    edit = {"side": "right", "key": link.right_key, "field": "phone", "link_id": link.pk}
    told = {**edit, "old": "+49 9131 1", "new": "+49 9131 5", "changed_at": now - timedelta(minutes=9)}
    gone = {"side": "left", "key": link.left_key, "old": agreed, "link_id": link.pk}
    numbers = journal(mapping, told, gone, at=now - timedelta(minutes=2))
    return a_conflict(
        mapping,
        "deleted / changed",
        side="left",
        link=link,
        label="Emmy Noether",
        reason="the left side deleted it, and the right side changed it",
        snapshot={"right": right},
        seqs={"right/phone": [numbers[0], "+49 9131 5"], "left/None": [numbers[1], None]},
    )


def rejected(mapping: Mapping) -> Conflict:
    """A phone number that the shop did not take."""
    number = "+49 30 12345678901234567890"
    return a_conflict(
        mapping,
        "rejected",
        label="Lise Meitner",
        reason="Web shop refused the write",
        said="telephone: Must be no more than 20 character(s).",
        snapshot={"refused": {"side": "right", "op": "update", "values": {"phone": number}}},
        fields={"phone": (number, "+49 30 1")},
    )


STATES = {
    "simple": simple,
    "many": many,
    "long": long_text,
    "ambiguous": ambiguous,
    "deleted": deleted,
    "rejected": rejected,
}
