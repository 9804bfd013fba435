"""Builders for tests of pages, services and commands: rows as the engine would leave them, in few words."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission, User
from django.utils import timezone

from conflicts import listing
from conflicts.models import Conflict, ConflictField
from syncadmin.config.fingerprint import fingerprint
from syncadmin.core.rehearsed import Fate, Standing
from syncadmin.core.side import Side
from syncadmin.core.values import encode
from syncadmin.engine.approved import store_lines
from syncadmin.engine.guard import Tally
from syncadmin.engine.rehearse import Account, Line
from syncadmin.models import (
    EntryKind,
    FieldMapping,
    GuardStop,
    Link,
    Mapping,
    MappingState,
    Pass,
    Rehearsal,
    Resource,
    System,
    ledger,
)

_numbers = itertools.count(1)
FIELDS = {
    "name": "text",
    "phone": "text",
    "tags": "set",
    "credit": "decimal",
    "visits": "integer",
    "active": "boolean",
    "born": "date",
    "seen": "datetime",
    "status": "choice",
    "extra": "json",
}


def a_user(*permissions: str, name: str = "", staff: bool = True) -> User:
    """A user with exactly these permissions (`app.codename`)."""
    user = User.objects.create_user(name or f"user{next(_numbers)}", password="x", is_staff=staff)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


def a_mapping(name: str = "customers", **options: Any) -> Mapping:
    """A mapping of CRM contacts with shop customers, with a field of every type."""
    crm, _ = System.objects.get_or_create(
        name="crm",
        defaults={"label": "CRM", "connector": "sql", "record_url": "https://crm.example/{resource}/{key}"},
    )
    shop, _ = System.objects.get_or_create(name="shop", defaults={"label": "Web shop", "connector": "rest"})
    left, _ = Resource.objects.get_or_create(system=crm, name=f"{name}_l")
    right, _ = Resource.objects.get_or_create(system=shop, name=f"{name}_r")
    mapping = Mapping.objects.create(name=name, left=left, right=right, match=["name"], **options)
    for position, (field, kind) in enumerate(FIELDS.items()):
        FieldMapping.objects.create(
            mapping=mapping,
            position=position,
            name=field,
            left=field,
            right=field,
            type=kind,
            choices={"open": "1", "shut": "2"} if kind == "choice" else {},
        )
    MappingState.objects.update_or_create(
        mapping=mapping, defaults={"next_due": timezone.now() + timedelta(hours=1)}
    )
    return mapping


def a_link(mapping: Mapping, left: str = "", right: str = "", **shadow: Any) -> Link:
    """A linked pair whose sides last agreed on `shadow`."""
    number = next(_numbers)
    return Link.objects.create(
        mapping=mapping,
        left_key=left or f"L{number}",
        right_key=right or f"R{number}",
        left_shadow=encode({"name": "Ada Lovelace", **shadow}),
    )


def a_conflict(
    mapping: Mapping, kind: str = "field", *, fields: dict[str, Any] | None = None, **more: Any
) -> Conflict:
    """An item of the inbox. `fields`: (left, last agreed, right); without the middle: first contact."""
    now = timezone.now()
    if kind != "ambiguous match" and "link" not in more and "key" not in more:
        more["link"] = a_link(mapping)
    values = {"label": "Ada Lovelace", "opened_at": now, "changed_at": now, **more}
    conflict = Conflict.objects.create(mapping=mapping, kind=kind, **values)
    if fields is None:
        fields = {"phone": ("+49 30 1234", "+49 30 1000", "+49 30 9999")} if kind == "field" else {}
    for name, held in fields.items():
        base = held[1] if len(held) == 3 else None
        ConflictField.objects.create(
            conflict=conflict,
            field=name,
            has_base=len(held) == 3,
            left=held[0],
            right=held[-1],
            base_left=base,
            base_right=base,
            left_time=now - timedelta(minutes=4),
            right_time=now - timedelta(minutes=9),
            left_who="anna",
        )
    listing.relist(mapping.pk, every=True)
    conflict.refresh_from_db()
    return conflict


def an_ambiguous_match(mapping: Mapping, **more: Any) -> Conflict:
    """An unlinked left record with two candidates on the right."""
    values = {
        "side": "left",
        "key": f"L{next(_numbers)}",
        "candidates": ["R-1", "R-2"],
        "snapshot": {
            "left": {"name": "Ada Lovelace", "phone": "+49 30 1"},
            "candidates": {
                "R-1": {"name": "Ada Lovelace", "phone": "+49 30 1"},
                "R-2": {"name": "Ada Lovelace", "phone": "+49 40 2"},
            },
        },
    }
    return a_conflict(mapping, "ambiguous match", **{**values, **more})


def a_pass(mapping: Mapping, state: str = "done", **more: Any) -> Pass:
    """A pass, finished unless it runs."""
    now = timezone.now()
    finished = None if state == "running" else now
    values = {
        "kind": "incremental",
        "token": 1,
        "started_at": now - timedelta(seconds=2),
        "finished_at": finished,
    }
    return Pass.objects.create(mapping=mapping, state=state, **{**values, **more})


def a_guard_stop(mapping: Mapping, **more: Any) -> GuardStop:
    """A stop for too many deletes, with evidence; the mapping is stopped by it."""
    evidence = {
        "known": 200,
        "counts": {"right": {"deletes": 90, "changes": 2, "blanks": 0}},
        "fields": {"right delete": 90, "right update phone": 2},
        "losses": [
            {
                "side": "right",
                "field": "phone",
                "how": "shrink",
                "count": 61,
                "examples": [{"label": "Cid", "from": "030 1234 567", "to": "030 12"}],
            }
        ],
        "sample": [
            {
                "label": "Ada",
                "side": "right",
                "op": "update",
                "key": "R1",
                "from": {"phone": "1"},
                "to": {"phone": "2"},
            },
            {"label": "Bob", "side": "right", "op": "delete", "key": "R2", "from": {}, "to": {}},
        ],
    }
    MappingState.objects.filter(mapping=mapping).update(stopped="guard", message="90 of 200 would be deleted")
    values = {
        "created_at": timezone.now(),
        "reason": "90 of 200 records would be deleted",
        "digest": "d" * 64,
        "evidence": evidence,
        "stopped_pass": a_pass(mapping, "stopped"),
    }
    return GuardStop.objects.create(mapping=mapping, **{**values, **more})


def a_plan(mapping: Mapping, **more: Any) -> Rehearsal:
    """A complete plan of a first pass, with one record that would be changed."""
    made = Rehearsal.objects.create(
        mapping=mapping,
        actor="ines",
        state="done",
        created_at=timezone.now(),
        beat_at=timezone.now(),
        finished_at=timezone.now(),
        fingerprint=fingerprint(mapping),
        digest="0" * 64,
        **more,
    )
    plan = Account(Tally({}), read={Side.LEFT: 12, Side.RIGHT: 12}, equal=11)
    line = Line(
        "l:L1", "L1", "R1", "Ada", Standing.DIFFERS, Fate.CHANGE, "right", True, ("name", "phone"), b"1",
        {
            "left": {"name": "Ada", "phone": "030 1"},
            "right": {"name": "Eda", "phone": "030 2"},
            "writes": [["right", "update", {"phone": "030 1"}]],
            "asks": {"kind": "field", "reason": "name: differs", "fields": ["name"], "others": []},
            "waits": [],
        },
    )  # fmt: skip
    plan.add(line)
    store_lines(made.pk, [line])
    Rehearsal.objects.filter(pk=made.pk).update(result=plan.as_dict())
    made.refresh_from_db()
    return made


def journal(mapping: Mapping, *rows: dict[str, Any], at: datetime | None = None) -> list[int]:
    """Journal entries; each row's `kind` is a change unless it says otherwise."""
    built = [ledger.Row(**{"kind": EntryKind.CHANGE, **row}) for row in rows]
    return ledger.append(mapping.pk, built, at or timezone.now())
