"""Whether both systems agree, but for what waits in the inbox or was left as it is by a person."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from conflicts.models import Conflict
from syncadmin.models import Link

from .people import who
from .system import Row, tokens
from .world import World


def check_agreement(world: World, *, deletes_known: bool) -> None:
    """Both sides hold the same, but for what waits in the inbox or was left as it is by a person.

    Without `deletes_known`, records that are on one side only are not looked at: nobody has scanned yet.
    """
    held_fields, held_records = in_inbox()
    rows = {side: world.systems[side].live("people") for side in ("left", "right")}
    for item in Conflict.objects.filter(state="decided", mapping__name="people").select_related("link"):
        places = [(item.side, item.key)]
        if item.link is not None:
            places = [("left", item.link.left_key), ("right", item.link.right_key)]
        waits = any(waits_for_a_firm(world, rows[side].get(key)) for side, key in places)
        # held means held: a delete does not take along what another mapping asks about
        waits |= world.rules.badges and bool(set(places) & in_inbox("badges")[1])
        assert waits, f"decided, and never carried out: {item.pk} {item.kind} {item.label}"
    free = {side: set(found) for side, found in rows.items()}
    for link in Link.objects.filter(mapping=world.mappings["people"]).exclude(status="closed"):
        left, right = rows["left"].get(link.left_key), rows["right"].get(link.right_key)
        free["left"].discard(link.left_key)
        free["right"].discard(link.right_key)
        if {("left", link.left_key), ("right", link.right_key)} & held_records or is_left_alone(
            world, left, right
        ):
            continue
        if left is not None and right is not None:
            held = held_fields["left", link.left_key]
            check_pair(
                world,
                left,
                right,
                held | ({"b", "c"} if world.rules.grouped and held & {"b", "c"} else set()),
            )
        elif deletes_known and world.rules.mapping["deletes"] != "ignore":
            if waits_for_a_firm(world, left or right):
                continue
            raise AssertionError(f"on one side only, and not in the inbox: {left or right}")
    for side, keys in free.items():
        for key in keys if deletes_known else ():
            row = rows[side][key]
            known = (
                (side, key) in held_records or is_left_alone(world, row, None) or waits_for_a_firm(world, row)
            )
            assert known, f"without a partner, and not in the inbox: {side} {row}"


def check_pair(world: World, left: Row, right: Row, held: set[str]) -> None:
    """Two records that belong together hold the same."""
    for name in left.values:
        if name in held or name == "d" or (name == "o" and world.rules.drift == "ignore"):
            continue
        values = left.values[name], right.values.get(name)
        assert same(world, name, *values), f"{name} differs: {values}; {left}; {right}"


def check_badges(world: World) -> None:
    """Where a second mapping shares the records: they are its pairs too, and agree in its own field."""
    if not world.rules.badges:
        return
    held_fields, held_records = in_inbox("badges")
    rows = {side: world.systems[side].live("people") for side in ("left", "right")}
    pairs = dict(
        Link.objects.filter(mapping=world.mappings["badges"])
        .exclude(status="closed")
        .values_list("left_key", "right_key")
    )
    emails = {side: Counter(str(r.values["email"]).lower() for r in rows[side].values()) for side in rows}
    for left in rows["left"].values():
        email = str(left.values["email"]).lower()
        alone = [r for r in rows["right"].values() if str(r.values["email"]).lower() == email]
        key = pairs.get(left.key) or (alone[0].key if alone else "")
        places = {("left", left.key), ("right", key)}
        if key not in rows["right"] or places & held_records or "d" in held_fields["left", left.key]:
            continue
        right = rows["right"][key]
        if is_left_alone(world, left, right):
            continue
        if left.key in pairs:
            assert same(world, "d", left.values.get("d"), right.values.get("d")), (
                f"d differs: {left}; {right}"
            )
        elif any(who(left.values) in d.entities for d in world.people.decisions):
            continue  # it may have been said that it is another one
        elif emails["left"][email] == emails["right"][email] == 1 and left.values["email"]:
            raise AssertionError(f"no pair of the second mapping: {left}; {right}; {pairs}")


def waits_for_a_firm(world: World, row: Row | None) -> bool:
    """Whether the record may refer to a firm that is not linked, or no longer there."""
    return row is not None and bool(row.values.get("f"))


def same(world: World, name: str, left: Any, right: Any) -> bool:
    """Whether two values are the same, but for what a system makes of what it is given."""
    if name == "f":
        return same_firm(world, left, right)
    if name == "n":
        return (left or 0) == (right or 0)
    if isinstance(left, list) or isinstance(right, list):
        return tokens(left or []) == tokens(right or [])
    return tokens(left) == tokens(right)


def same_firm(world: World, left: str | None, right: str | None) -> bool:
    """Whether two references lead to one firm, or one leads to a firm without a partner: then it waits."""
    pairs = Link.objects.filter(mapping__name="firms").exclude(status="closed")
    partners = dict(pairs.values_list("left_key", "right_key"))
    if left and right:
        return partners.get(left) in (right, None) or right not in partners.values()
    if not left and not right:
        return True
    return (left not in partners) if left else (right not in partners.values())


def in_inbox(name: str = "people") -> tuple[dict[tuple[str, str], set[str]], set[tuple[str, str]]]:
    """What waits: fields by record, and records (side, key) that wait as a whole."""
    fields: dict[tuple[str, str], set[str]] = defaultdict(set)
    records: set[tuple[str, str]] = set()
    live = Conflict.objects.live().filter(mapping__name=name)
    for item in live.select_related("link").prefetch_related("fields"):
        link = item.link
        places = (
            [(item.side, item.key)] if link is None else [("left", link.left_key), ("right", link.right_key)]
        )
        names = {f.field for f in item.fields.all()}
        if not (names and item.kind in ("field", "rejected")):
            records |= set(places)
        other = "right" if item.side == "left" else "left"
        records |= {(item.side, key) for key in item.twins} | {
            (other, key) for key in item.candidates if link is None
        }
        for place in places:
            fields[place] |= names
    return fields, records


def is_left_alone(world: World, *rows: Row | None) -> bool:
    """Whether a person chose to leave these records, or some value of theirs, as they are."""
    alone: set[int] = set().union(*(d.entities for d in world.people.decisions if d.leaves))
    return any(who(row.values) in alone for row in rows if row is not None)
