"""Two resources as they come from two systems: English names on the left, German ones on the right."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncadmin.survey.profile import Declared, Profiler, ResourceProfile

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STATES = {"new": "neu", "active": "aktiv", "closed": "geschlossen"}
FIRST = ("Ann", "Bob", "Cem", "Dora", "Eve", "Finn", "Greta", "Hans", "Ines", "Jan")
LAST = ("Meier", "Schulz", "Weber", "Koch", "Bauer", "Wolf", "Vogel", "Roth", "Lang", "Beck")


def profile(
    rows: Iterable[Mapping[str, Any]],
    *,
    key: str = "id",
    modified: str = "",
    whole: bool = True,
    **declared: str,
) -> ResourceProfile:
    """The profile of rows; `declared` are types by name, else a system that can't tell is meant."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    profiler = Profiler([Declared(name, declared.get(name, "")) for name in names], key, NOW)
    for row in listed:
        profiler.add(str(row.get(key)), row, row.get(modified) if modified else None)
    return profiler.finish(whole=whole)


def contacts(count: int = 300, *, shared: int = 250, seed: int = 1) -> tuple[list[dict], list[dict]]:
    """`count` contacts a side, of which `shared` are the same people; each side counts up keys of its own."""
    draw = random.Random(seed)
    people = [_person(draw, number) for number in range(2 * count - shared)]
    left = [
        {
            "id": at + 1,
            "company": f"{LAST[at % 10]} {at}",
            "email": one["email"],
            "phone": one["phone"],
            "city": one["city"],
            "credit_limit": one["credit"],
            "status": one["status"],
            "born": one["born"],
            "updated_at": NOW - timedelta(days=1 + at % 40),
        }
        for at, one in enumerate(people[:count])
    ]
    right = [
        {
            "kundennr": number + 1,
            "Firma": f"{LAST[at % 10]} {at}",
            "E_Mail_Adresse": one["email"].upper() if at % 3 else one["email"] + " ",
            "Telefon": one["phone"].replace(" ", "-"),
            "Ort": one["city"],
            "Kreditlimit": float(one["credit"]),
            "Zustand": STATES[one["status"]],
            "Geburtstag": one["born"].isoformat(),
            "geaendert_am": NOW - timedelta(days=400 + at % 40),
        }
        for number, (at, one) in enumerate(list(enumerate(people))[count - shared :])
    ]
    return left, right


def _person(draw: random.Random, number: int) -> dict[str, Any]:
    first, last = draw.choice(FIRST), draw.choice(LAST)
    return {
        "email": f"{first}.{last}{number}@example.com",
        "phone": f"+49 40 {draw.randrange(10**6, 10**7)}",
        "city": draw.choice(("Kiel", "Hamburg", "Bremen", "Berlin", "München", "Köln", "Essen", "Bonn")),
        "credit": Decimal(draw.randrange(100_000)) / 100,
        "status": draw.choice(list(STATES)),
        "born": (NOW - timedelta(days=draw.randrange(7000, 25000))).date(),
    }
