"""What is drawn for a history: the habits of both systems, the policy, and the configuration made of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.base import ChangeMode, Guarantee
from syncadmin.models import FieldMapping, Mapping, MappingState, Resource
from syncadmin.models import System as SystemRow

from .system import Habits

START = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Rules:
    """The mapping's policy in one history."""

    mapping: dict[str, Any] = field(default_factory=dict)
    c_merge: str = "review"
    grouped: bool = False
    owner: str = "left"
    drift: str = "enforce"
    references: bool = False
    learned: bool = False
    badges: bool = False  # a second mapping of the same two resources, with a field of its own


def draw_habits(rng: random.Random, *, atomic: bool) -> Habits:
    """A system's habits. With `atomic`, it refuses stale writes."""
    changes = rng.choice([ChangeMode.CURSOR, ChangeMode.CURSOR, ChangeMode.CURSOR, ChangeMode.SCAN])
    finds, idempotent = rng.random() < 0.7, rng.random() < 0.3
    return Habits(
        update=Guarantee.ATOMIC if atomic else Guarantee.CHECKED,
        changes=changes,
        tombstones=changes is ChangeMode.CURSOR and rng.random() < 0.5,
        versions=rng.random() < 0.3,
        answers=rng.random() < 0.8,
        finds=finds,
        idempotent=idempotent,
        unique=rng.random() < 0.3,
        trims=rng.random() < 0.2,
        soft=rng.random() < 0.2,
        reuses_keys=rng.random() < 0.15,
        # a system that can't be asked must list completely, or a create in doubt can't be found
        offset_pages=rng.random() < 0.5 and (finds or idempotent),
        late_commits=rng.random() < 0.3,
        lagging=rng.random() < 0.2,
        batch=rng.choice([1, 2, 100]),
        page=rng.choice([1, 2, 100]),
        skew=timedelta(seconds=rng.choice([0, 0, -2, 2])),
        refuses=rng.random() < 0.15,
    )


def draw_rules(rng: random.Random) -> Rules:
    """A policy."""
    return Rules(
        mapping={
            "deletes": rng.choice(["propagate", "propagate", "review", "ignore"]),
            "edit_vs_delete": rng.choice(["review", "review", "delete wins", "restore"]),
            "first_contact": rng.choice(["review", "prefer left", "newest"]),
            "whole_record": rng.random() < 0.1,
            "guard_floor": rng.choice([1000, 1000, 1000, 3]),
            "max_deletes": 0.3,
        },
        c_merge=rng.choice(["review", "newest", "prefer left", "prefer right", "non_empty"]),
        grouped=rng.random() < 0.2,
        owner=rng.choice(["left", "right"]),
        drift=rng.choice(["enforce", "enforce", "ignore", "review"]),
        references=rng.random() < 0.25,
    )


TAKES = {"left empty": "right", "right empty": "right", "left newer": "left", "right newer": "left"}
LEARNED = [
    {"differs": differs, "changed": changed, "take": take}
    for differs, take in {**TAKES, "other": "right", "space": "left"}.items()
    for changed in ("both", "first contact")
]


def make_mappings(rules: Rules) -> dict[str, Mapping]:
    """The hub's configuration."""
    systems = SystemRow.objects.bulk_create(
        [SystemRow(name=n, connector="simulated") for n in ("left", "right")]
    )
    names = ["firms", "people"] if rules.references else ["people"]
    names += ["badges"] * rules.badges
    made: dict[str, Mapping] = {}
    resources: dict[str, list[Resource]] = {}
    for name in names:
        of = "people" if name == "badges" else name
        if of not in resources:
            resources[of] = Resource.objects.bulk_create([Resource(system=s, name=of) for s in systems])
        left, right = resources[of]
        options = rules.mapping if name == "people" else {"deletes": "ignore"}
        options |= {"create": "none"} if name == "badges" else {}
        (made[name],) = Mapping.objects.bulk_create(
            [Mapping(name=name, left=left, right=right, match=["email"], **options)]
        )
        MappingState.objects.bulk_create(
            [MappingState(mapping=made[name], next_reconcile=START, next_due=START)]
        )
        FieldMapping.objects.bulk_create(
            FieldMapping(mapping=made[name], position=n, left=f["name"], right=f["name"], **f)
            for n, f in enumerate(fields_of(name, rules, made))
        )
    return made


def fields_of(name: str, rules: Rules, made: dict[str, Mapping]) -> list[dict[str, Any]]:
    """The field mappings of a mapping."""
    email = {"name": "email", "type": "text", "normalize": ["trim", "lower"]}
    a: dict[str, Any] = {"name": "a", "type": "text"}
    if name == "badges":
        return [
            email | {"merge": "prefer left", "first_contact": "prefer left"},
            {"name": "d", "type": "text"},
        ]
    if name == "firms":
        return [email, a | {"merge": "prefer left", "first_contact": "prefer left"}]
    group = {"group": "g"} if rules.grouped else {}
    a |= {"learned": list(LEARNED)} if rules.learned else {}
    return [
        email,
        {"name": "born", "type": "text", "merge": "prefer left", "first_contact": "prefer left"},
        a,
        {"name": "b", "type": "text", **group},
        {"name": "c", "type": "text", "merge": "review" if group else rules.c_merge, **group},
        {"name": "o", "type": "text", "owner": rules.owner, "drift": rules.drift},
        {"name": "n", "type": "integer", "merge": "counter"},
        {"name": "s", "type": "set", "merge": "set"},
        {"name": "p", "type": "decimal", "scale": 2},
        *([{"name": "f", "type": "reference", "target": made["firms"]}] if rules.references else []),
    ]
