"""Themes: what some histories are about, besides everything else that happens in every history.

Some faults need several things to come together: a listing that lags is harmless until the hub has just
written. A theme brings them together. Themed histories have numbers of their own: all others stay
as they are.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import islice
from typing import Any

from connectors.base import ChangeMode, Guarantee

from .chaos import Faults
from .drawn import Rules
from .runner import FIRST_HASHED, FIRST_RESTORED, FIRST_RULED, FIRST_SLEPT, FIRST_THEMED, FIRSTS, MORE_THEMED
from .system import Habits

CALM: dict[str, Any] = {
    "die_in": 0,
    "die_uncommitted_in": 0,
    "overtaken_in": 0,
    "retries": 0.0,
    "breaks": 0.0,
    "vanished": None,
    "slow": False,
}


@dataclass(frozen=True)
class Theme:
    """What is different in such a history: the policy, the habits of both systems, the faults of each pass.

    `edits` are the fields that users change, `steps` what happens again and again; none: as ever. `restored`:
    the hub's database comes from a backup.
    """

    name: str = ""
    rules: Mapping[str, Any] = field(default_factory=dict)
    policy: Mapping[str, Any] = field(default_factory=dict)
    habits: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    restored: bool = False

    def of_rules(self, rules: Rules) -> Rules:
        """The policy of such a history."""
        return replace(rules, mapping={**rules.mapping, **self.policy}, **self.rules)

    def of_habits(self, habits: Habits, rng: random.Random) -> Habits:
        """The habits of one system; where several are given, one is drawn."""
        drawn = {
            name: rng.choice(value) if isinstance(value, list) else value
            for name, value in self.habits.items()
        }
        return replace(habits, **drawn)

    def of_faults(self, faults: Faults, rng: random.Random) -> Faults:
        """The faults of one pass; where several are given, one is drawn."""
        drawn = {
            name: rng.choice(value) if isinstance(value, list) else value
            for name, value in self.faults.items()
        }
        return replace(faults, **drawn)


PLAIN = Theme()
THEMES = (
    Theme(
        "listings lag behind our own writes",
        habits={
            "lagging": True,
            "lag": timedelta(seconds=25),
            "changes": ChangeMode.CURSOR,
            "trims": False,
            "refuses": False,
        },
        faults={**CALM, "lags": 0.6, "edits": 0.03, "lost": 0.0},
        edits=("a", "b"),
        steps=("one user", "pass", "pass"),
    ),
    Theme(
        "listings lack records",
        policy={"deletes": "propagate"},
        habits={
            "offset_pages": True,
            "finds": True,
            "page": [1, 2],
            "changes": [ChangeMode.SCAN, ChangeMode.CURSOR],
        },
        faults={**CALM, "shifts": 0.3, "cuts": 0.3},
        steps=("users", "pass", "reconcile"),
    ),
    Theme(
        "the last writer wins, if it is known",
        rules={"c_merge": "newest", "grouped": False},
        policy={"whole_record": False},
        habits={"timeless": [True, False], "late_commits": False},
        faults=CALM,
        edits=("c",),
        steps=("users", "users", "pass"),
    ),
    Theme(
        "second thoughts",
        rules={"c_merge": "review", "grouped": False},
        habits={"refuses": False},
        faults={**CALM, "edits": 0.03},
        edits=("a", "b", "c"),
        steps=("users", "users", "pass", "staff", "second thoughts", "pass"),
    ),
    Theme(
        "many deletes at once",
        policy={"deletes": "propagate", "edit_vs_delete": "delete wins", "guard_floor": 3},
        faults=CALM,
        steps=("arrivals", "pass", "wipe", "pass", "pass"),
    ),
    Theme(
        "decided while a pass is at it",
        rules={"c_merge": "review", "grouped": False, "references": False},
        policy={"deletes": "propagate"},
        habits={"refuses": False, "late_commits": False},
        faults={**CALM, "edits": 0.1, "decides": 0.3, "lost": 0.0},
        edits=("a", "b", "c"),
        steps=("users", "users", "pass", "pass"),
    ),
    Theme(
        "answers are lost",
        faults={**CALM, "lost": 0.6, "edits": 0.3},
        steps=("users", "pass", "users"),
    ),
)


RULED = Theme(
    "rules decide, and people overrule them",
    rules={"learned": True},
    policy={"first_contact": "review"},
    habits={"refuses": False},
    faults={**CALM, "edits": 0.05},
    edits=("a",),
    steps=("users", "users", "pass", "second thoughts", "pass", "pass"),
)
MORE_THEMES = (
    Theme(
        "two mappings of one resource",
        rules={"badges": True, "references": False},
        faults={"hints": 0.05},
        steps=("users", "pass", "badges", "users", "staff", "badges", "pass"),
    ),
    Theme(
        "hints come late, twice or for nothing",
        faults={"hints": 0.2},
        steps=("users", "pass", "pass", "staff"),
    ),
    Theme(
        "fields vanish",
        faults={
            **CALM,
            "vanished": [None, None, ("left", "a"), ("right", "b"), ("left", "c"), ("right", "p")],
        },
        edits=("a", "b", "c", "p"),
        steps=("users", "pass", "pass"),
    ),
    Theme(
        "many are decided at once",
        rules={"c_merge": "review", "grouped": False},
        policy={"first_contact": "review", "edit_vs_delete": "review"},
        habits={"refuses": False, "unique": False},
        faults={**CALM, "edits": 0.1, "lost": 0.0},
        edits=("a",),
        steps=("one user", "one user", "one user", "pass", "in bulk", "pass", "in bulk"),
    ),
)

SLEPT = Theme(
    "workers sleep, and wake up late",
    rules={"c_merge": "review", "grouped": False, "references": False},
    policy={"deletes": "propagate"},
    habits={
        "update": [Guarantee.ATOMIC, Guarantee.CHECKED],
        "changes": ChangeMode.CURSOR,
        "tombstones": True,
        "soft": True,
        "batch": 100,
        "page": 100,
        "refuses": False,
    },
    faults={**CALM, "sleeps": 0.6, "edits": 0.03, "lost": 0.0},
    edits=("a", "b"),
    steps=("one user", "pass", "one user", "pass", "users", "pass"),
)
HASHED = Theme(
    "systems hash their own records",
    habits={"hashes": [True, True, False], "offset_pages": False},
    faults={"cuts": 0.0, "shifts": 0.0},
    steps=("users", "pass", "reconcile", "one user", "reconcile", "users", "reconcile"),
)
RESTORED = Theme(
    "a hub from a backup",
    restored=True,
    faults={"cuts": 0.0},
    steps=("users", "pass", "users", "pass", "users", "staff", "pass"),
)


def theme_of(seed: int) -> Theme:
    """The theme of a seed: none below FIRST_THEMED; rules, sleepers, hashes and backups have ranges."""
    if seed >= FIRST_RESTORED:
        return RESTORED
    if seed >= MORE_THEMED:
        return MORE_THEMES[seed % len(MORE_THEMES)]
    if seed >= FIRST_HASHED:
        return HASHED
    if seed >= FIRST_SLEPT:
        return SLEPT
    if seed >= FIRST_RULED:
        return RULED
    return THEMES[seed % len(THEMES)] if seed >= FIRST_THEMED else PLAIN


def of_theme(theme: Theme, count: int) -> list[int]:
    """The first seeds of the histories with a theme (PLAIN: of those without)."""
    seeds = (n for first in FIRSTS for n in range(first, first + count * len(THEMES)))
    return list(islice((n for n in seeds if theme_of(n) is theme), count))
