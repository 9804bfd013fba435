"""An inbox as full as a busy morning's: two mappings, all kinds, patterns and ages, made once for a test."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from conflicts import listing
from conflicts.models import Conflict, ConflictField
from syncadmin.models import FieldMapping, Mapping
from tests.builders import a_link, a_mapping

PEOPLE = (
    "Ada Lovelace", "Grace Hopper", "Emmy Noether", "Rosalind Franklin", "Lise Meitner", "Mary Anning",
    "Hedy Lamarr", "Marie Curie", "Sophie Germain", "Maria Sibylla Merian", "Jürgen Groß", "Łucja Żak",
)  # fmt: skip
GOODS = ("Bolt M8 x 40", "Washer M8, zinc", "Nut M8", "Bracket, right-hand", "Hinge 120 mm")
# (field, left, last agreed, right), by how two values may differ; `{n}` is another number each time
PHONES = (
    ("phone", "+49 30 1{n}4", "+49 30 1000", ""),
    ("phone", "+49 30 1{n}4", "+49 30 1000", ""),
    ("phone", "+49 30 1{n}4", "+49 30 1000", "+49301{n}4"),
    ("phone", "+49 30 1{n}4", "+49 30 1000", "+49 40 99{n}"),
    ("phone", "", "+49 30 1000", "+49 171 55{n}"),
)
OTHERS = (
    ("name", "Groß GmbH & Co. KG {n}", "Gross {n}", "Gross GmbH & Co. KG {n}"),
    ("credit", "1{n}.00", "100.00", "2{n}.00"),
    ("status", "open", "open", "shut"),
)
HOSTILE = ("<script>alert('a')</script>", "Ada\u202e ecalevoL")


def a_full_inbox(reviewer: User, customers: int = 60, products: int = 20) -> tuple[Mapping, Mapping]:
    """Customers and products, so many open items of each; two are the reviewer's, two names are hostile."""
    made = a_mapping("customers", label="Customers"), a_mapping("products", label="Products")
    FieldMapping.objects.filter(name="credit").update(weight=8)
    for mapping, names, number in zip(made, (PEOPLE, GOODS), (customers, products), strict=True):
        _fill(mapping, names, number)
        listing.relist(mapping.pk, every=True)
    mine = Conflict.objects.filter(mapping=made[0]).order_by("pk").values_list("pk", flat=True)[:2]
    Conflict.objects.filter(pk__in=list(mine)).update(assignee=reviewer)
    return made


def _fill(mapping: Mapping, names: tuple[str, ...], number: int) -> None:
    now = timezone.now()
    for n in range(number):
        opened = now - timedelta(minutes=7 * n * (1 + n // 5))
        common: dict[str, Any] = {"mapping": mapping, "opened_at": opened, "changed_at": opened}
        label = names[n % len(names)]
        if n % 11 == 7:
            own = {"name": label, "phone": f"+49 30 1{n}"}
            found = {"R-1": own, "R-2": {**own, "phone": "+49 40 2"}}
            Conflict.objects.create(
                **common, label=label, kind="ambiguous match", side="left", key=f"L-{n}",
                reason="2 records have its match values",
                candidates=list(found), snapshot={"left": own, "candidates": found},
            )  # fmt: skip
            continue
        link = a_link(mapping)
        if n % 13 == 5:
            Conflict.objects.create(
                **common, label=label, kind="deleted / changed", side="right", link=link,
                reason="deleted in Web shop, changed in CRM",
                snapshot={"left": {"name": label, "phone": "+49 30 5"}},
            )  # fmt: skip
            continue
        fields = PHONES[n % len(PHONES)], *((OTHERS[n % len(OTHERS)],) if n % 3 == 0 else ())
        item = Conflict.objects.create(
            **common, label=HOSTILE[n % 2] if n in (8, 9) else label, kind="field", link=link
        )
        ConflictField.objects.bulk_create(_field(item, n, *values) for values in fields)


def _field(item: Conflict, n: int, field: str, left: str, base: str, right: str) -> ConflictField:
    left, base, right = (value.replace("{n}", f"{n:02}") for value in (left, base, right))
    return ConflictField(
        conflict=item, field=field, left=left, right=right, has_base=True, base_left=base, base_right=base,
        left_time=item.opened_at, right_time=item.opened_at - timedelta(minutes=9), left_who="anna",
    )  # fmt: skip
