"""The checker: what must hold at the end of a history (DESIGN section 5).

It knows only what users and staff did, what both systems hold, the inbox and the journal: nothing of links, shadows,
marks or of how the engine works.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from conflicts.models import Conflict

from .folding import Fold, fold
from .people import who
from .system import Row, tokens
from .world import World

TEXTS = ("a", "b", "c", "o", "s", "p")
# rules under which a value may give way although nobody saw it; the journal must name one of them
DECLARED = ("owner", "merge", "first contact", "delete wins", "deletes", "left scope", "restore")


def check_all(world: World) -> None:
    """Everything. Raises AssertionError."""
    folded = fold(world)
    check_agreement(world, deletes_known=True)
    check_nothing_lost(world, folded)
    check_nothing_invented(world)
    check_no_duplicates(world)
    check_nothing_put_back(world)
    check_writes_are_bounded(world)
    check_journal(world, folded)


# ---------------------------------------------------------------- agreement


def check_agreement(world: World, *, deletes_known: bool) -> None:
    """Both sides hold the same, but for what waits in the inbox or was left as it is by a person.

    Without `deletes_known`, records that are on one side only are not looked at: nobody has scanned yet.
    """
    held_fields, held_records = in_inbox()
    pairs = entities(world)
    for entity, (left, right) in sorted(pairs.items()):
        rows = [*left, *right]
        if any((row.key in held_records) for row in rows) or entity in left_alone(world):
            continue
        if len(left) > 1 or len(right) > 1:
            excused = [r for r in rows if r.key in held_fields]
            assert excused or not deletes_known, f"entity {entity}: several records, none in the inbox: {rows}"
            continue
        if not (left and right):
            assert not deletes_known or alone_is_fine(world, entity), (
                f"entity {entity} is on one side only, and not in the inbox: {rows}"
            )
            continue
        for name in left[0].values:
            if name in held_fields.get(left[0].key, ()) or name in held_fields.get(right[0].key, ()):
                continue
            if name in ("b", "c") and world.rules.grouped and {"b", "c"} & held_fields.get(left[0].key, set()):
                continue
            if name == "o" and world.rules.drift == "ignore":
                continue
            l_value, r_value = left[0].values[name], right[0].values.get(name)
            assert same(world, name, l_value, r_value), (
                f"entity {entity} differs in {name}: {l_value!r} and {r_value!r}; {rows}"
            )


def entities(world: World) -> dict[int, tuple[list[Row], list[Row]]]:
    """Records of both sides by entity."""
    found: dict[int, tuple[list[Row], list[Row]]] = defaultdict(lambda: ([], []))
    for index, side in enumerate(("left", "right")):
        for row in world.systems[side].live("people").values():
            found[who(row.values)][index].append(row)
    return dict(found)


def same(world: World, name: str, left: Any, right: Any) -> bool:
    """Whether two values are the same, but for what a system makes of what it is given."""
    if name == "f":
        firms = {side: world.systems[side].live("firms") for side in ("left", "right")}
        if left is None or right is None:
            return left is right
        mine, theirs = firms["left"].get(left), firms["right"].get(right)
        return mine is None or theirs is None or who(mine.values) == who(theirs.values)
    if name == "n":
        return (left or 0) == (right or 0)
    if isinstance(left, list) or isinstance(right, list):
        return tokens(left or []) == tokens(right or [])
    return tokens(left) == tokens(right)


def in_inbox() -> tuple[dict[str, set[str]], set[str]]:
    """What waits: fields by record key, and records that wait as a whole."""
    fields: dict[str, set[str]] = defaultdict(set)
    records: set[str] = set()
    for item in Conflict.objects.live().select_related("link").prefetch_related("fields"):
        keys = {item.key} if item.link is None else {item.link.left_key, item.link.right_key}
        names = {f.field for f in item.fields.all()}
        records |= set() if names and item.kind in ("field", "rejected") else keys
        records |= set(item.twins) | set(item.candidates)
        for key in keys:
            fields[key] |= names
    return fields, records


def left_alone(world: World) -> set[int]:
    """Entities that a person chose to leave as they are, or that a system will never take."""
    return {int(label[1:].split(".")[0]) for d in world.people.decisions if d.leaves and (label := d.label) and label[0] in "eE"}


def alone_is_fine(world: World, entity: int) -> bool:
    """Whether a record may be on one side only: deletes are not propagated, and it was deleted on the other."""
    if world.rules.mapping["deletes"] == "ignore" or (world.rules.drift and False):
        return any(e.op == "delete" and who(e.old or {}) == entity for e in world.audit if e.resource == "people")
    return False


# ---------------------------------------------------------------- values


def check_nothing_lost(world: World, folded: Fold) -> None:
    """Every value a user wrote is there, or was replaced by somebody who saw it, or gave way to a declared rule."""
    present = {
        t for system in world.systems.values() for row in system.live("people").values() for v in row.values.values() for t in tokens(v)
    }
    seen: set[str] = set()
    raced: set[str] = set()
    written: dict[str, Any] = {}
    for e in world.audit:
        if e.resource != "people":
            continue
        given_up = {t for value in (e.old or {}).values() for t in tokens(value)}
        if e.actor == "user":
            seen |= given_up
            for name, value in (e.new or {}).items():
                if name != "email":
                    written |= dict.fromkeys(tokens(value), e)
        elif e.raced:
            raced |= given_up
    for decision in world.people.decisions:
        seen |= set().union(*decision.given_up.values())
    overridden = {t for change in folded.changes.values() if change.rule.startswith(DECLARED) for t in change.tokens}
    lost = {t: e for t, e in written.items() if t not in present | seen | raced | overridden}
    assert not lost, "lost: " + "; ".join(f"{t} of {e}: {folded.story(t)}" for t, e in lost.items())


def check_nothing_invented(world: World) -> None:
    """No record holds a value that nobody wrote, or one that was written to another record."""
    for system in world.systems.values():
        for row in system.live("people").values():
            for name, value in row.values.items():
                for t in tokens(value):
                    assert t in world.people.written or name == "email", f"nobody wrote {t}: {row}"
                    assert t.startswith("d") or int(t.split("-")[0]) in (who(row.values), 0), f"{t} belongs elsewhere: {row}"


def check_no_duplicates(world: World) -> None:
    """The hub creates a record at most once for each that a user made, or that somebody had restored."""
    created: dict[tuple[str, str], list[Any]] = defaultdict(list)
    restores = sum(d.restores for d in world.people.decisions)
    restoring = world.rules.mapping["edit_vs_delete"] == "restore"
    for e in world.audit:
        if e.actor == "hub" and e.op == "create" and e.resource == "people":
            for t in tokens((e.new or {}).get("born")):
                created[e.side, t].append(e)
    for (side, t), events in created.items():
        deletes = sum(e.op == "delete" and t in tokens((e.old or {}).get("born")) for e in world.audit)
        allowed = 1 + restores + (deletes if restoring else 0)
        assert len(events) <= allowed, f"{side}: made {len(events)} times of one record ({t}): {events}"


def check_nothing_put_back(world: World) -> None:
    """A value that was replaced is never put back by the hub on its own."""
    replaced: dict[tuple[str, str, str, str], int] = {}
    for e in world.audit:
        if e.resource != "people":
            continue
        for name in ("a", "b", "c"):
            if name not in (e.new or {}) or e.op != "update":
                continue
            for t in tokens((e.new or {})[name]):
                if e.actor == "user":
                    for place in [p for p in replaced if p[3] == t]:
                        del replaced[place]
                elif (place := (e.side, e.key, name, t)) in replaced and not world.people.decisions:
                    raise AssertionError(f"put back: {t} by {e}; it was replaced at {replaced[place]}")
            for t in tokens((e.old or {})[name]) - tokens((e.new or {})[name]):
                if e.actor == "user":
                    replaced[e.side, e.key, name, t] = e.number


def check_writes_are_bounded(world: World) -> None:
    """The hub writes no more than people gave it reason to: no echo, no storm."""
    wrote = sum(e.actor == "hub" and e.resource == "people" for e in world.audit)
    reasons = sum(e.actor == "user" and e.resource == "people" for e in world.audit)
    reasons += 2 * len(world.people.decisions)
    assert wrote <= 2 * reasons, f"{wrote} writes for {reasons} acts of people"


# ---------------------------------------------------------------- journal


def check_journal(world: World, folded: Fold) -> None:
    """Every observed change has exactly one final disposition, or waits; every write in it was really made."""
    assert not folded.problems, "journal: " + "; ".join(folded.problems)
