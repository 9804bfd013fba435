"""Everything that the hub did must have had a cause that it could know: checks over the systems' own audit.

They use what users and staff did, what both systems held at each moment, and which records the journal pairs.
"""

from __future__ import annotations

from collections import defaultdict

from conflicts.models import Conflict

from .backups import Restore
from .folding import Fold, fold
from .people import who
from .system import Event, Values
from .world import World


def check_causes(world: World, folded: Fold) -> None:
    """Everything in this module. Raises AssertionError."""
    check_deletes(world, folded)
    check_creates(world)
    check_times(world, folded)
    check_counts(world, folded)
    check_decisions(world)


def check_deletes(world: World, folded: Fold) -> None:
    """The hub deletes a record only after somebody has deleted its partner, and not taken that back before.

    Another record that got the key since takes nothing back. A late delete, planned before that, is no reason
    for another one: only a person's decision is.
    """
    told = set().union(*(d.entities for d in world.people.decisions if d.deletes))
    partners: dict[tuple[str, str], set[tuple[str, str]]] = defaultdict(set)
    lost = [] if world.restored is None else world.restored.journals["people"].pairs
    badges = fold(world, "badges").pairs if world.rules.badges else []
    for entry in (*folded.pairs, *lost, *badges):
        left, right = (("left", _living(entry[0])), ("right", _living(entry[1])))
        partners[left].add(right)
        partners[right].add(left)
    gone: dict[tuple[str, str], int] = {}  # whom the record was about
    back: dict[tuple[str, str], int] = {}  # the event by which it was there again
    when: dict[tuple[str, str], int] = {}
    for e in world.audit:
        if e.resource != "people":
            continue
        place = (e.side, e.key)
        if e.op == "create" and gone.get(place) == who(e.new or {}):
            back.setdefault(place, e.number)
        if e.op != "delete":
            continue
        caused = e.actor == "user" or any(
            p in gone and back.get(p, e.number + 1) > began(world, e) for p in partners[place]
        )
        assert caused or e.late or who(e.old or {}) in told, (
            f"deleted, and its partner was not: {e}; {partners[place]}"
        )
        if e.actor == "hub" and world.restored is not None and e.number > world.restored.at:
            check_asked(world, world.restored, e, {p: at for p, at in when.items() if p in partners[place]})
        if caused:
            gone[place] = who(e.old or {})
            back.pop(place, None)
        when[place] = e.number


def began(world: World, e: Event) -> int:
    """The last event before the pass in which an event was; the event itself, if it was in none."""
    return min((start for start, end in world.spans if start < e.number <= end), default=e.number)


def check_asked(world: World, restore: Restore, e: Event, gone: dict[tuple[str, str], int]) -> None:
    """A restored hub deletes for what happened while it can't know only what a person has decided since."""
    decided = set().union(*(d.entities for d in world.people.decisions[restore.decided :]))
    news = any(number > restore.at for number in gone.values())
    assert news or not restore.forgot or who(e.old or {}) in decided, (
        f"deleted by a restored hub, and nobody was asked: {e}"
    )


def _living(key: str) -> str:
    """The key that a record had, also where its system has given it to another one since."""
    return key.removeprefix("gone:").rpartition(":")[0] if key.startswith("gone:") else key


def check_creates(world: World) -> None:
    """The hub makes no record where one with the same match value was to be seen, unless a person said so."""
    if world.rules.mapping["edit_vs_delete"] == "restore":
        return
    decided = set().union(*(d.entities for d in world.people.decisions))
    rows: dict[tuple[str, str], Values] = {}
    since: dict[tuple[str, str], int] = {}  # the event by which a record got its match value
    for e in world.audit:
        if e.resource != "people":
            continue
        place = (e.side, e.key)
        match = _match(e.new)
        repeats = world.habits[e.side].idempotent  # a create in doubt, by its own key: decided long before
        if e.actor == "hub" and e.op == "create" and match and not e.late and not repeats:
            twins = [
                key
                for (side, key), values in rows.items()
                if side == e.side and _match(values) == match and since[side, key] <= began(world, e)
            ]
            assert not twins or who(e.new or {}) in decided, f"made beside {twins}, which is the same: {e}"
        before = rows.get(place, {})
        if e.op == "delete":
            rows.pop(place, None)
            continue
        rows[place] = {**before, **(e.new or {})}
        if e.op == "create":
            since[place] = e.number
        elif _match(before) != _match(rows[place]):
            since[place] = len(world.audit)  # it is known by the match value that its pair had agreed on


def _match(values: Values | None) -> str:
    return str((values or {}).get("email") or "").strip().lower()


def check_times(world: World, folded: Fold) -> None:
    """Nothing is overridden as the older value where no time is known."""
    if not any(habits.timeless for habits in world.habits.values()):
        return
    for change in folded.changes.values():
        assert not change.rule.endswith("newest"), f"{change.rule}, and nobody knows when: {change.entry}"


def check_counts(world: World, folded: Fold) -> None:
    """A counter is what all users have added up, on either side, since its record was made.

    Not where both sides came to the same number: that converges, whatever the strategy (DESIGN section 3).
    """
    if any(
        c.entry.field == "n" and c.final and c.final[0].startswith("converged")
        for c in folded.changes.values()
    ):
        return
    decided = set().union(*(d.entities for d in world.people.decisions))
    for item in Conflict.objects.live().filter(mapping=world.mappings["people"], link=None):
        decided |= {who(item.snapshot.get(side) or {}) for side in ("left", "right")}  # not a pair yet
    if Conflict.objects.live().filter(mapping=world.mappings["people"], fields__field="n").exists():
        return  # one of them waits in the inbox
    events: dict[int, list[Event]] = defaultdict(list)
    entity_of: dict[tuple[str, str], int] = {}
    for e in world.audit:
        if e.resource == "people":
            place = (e.side, e.key)
            entity = entity_of.setdefault(place, who(e.new or {}))
            events[entity].append(e)
    for entity, mine in events.items():
        made = [e for e in mine if e.op == "create"]
        deleted = any(e.op == "delete" for e in mine)
        raced = any(e.raced for e in mine)
        if entity in decided or deleted or raced or [e.actor for e in made] != ["user", "hub"]:
            continue
        added = sum(
            e.new["n"] - (e.old or {})["n"]
            for e in mine
            if e.actor == "user" and e.op == "update" and e.new is not None and "n" in e.new
        )
        for e in made:
            row = world.systems[e.side].live("people")[e.key]
            assert row.values["n"] == added, f"users have added {added}, and it says {row}"


def check_decisions(world: World) -> None:
    """What people have decided is carried out, or asked again: it does not lie about."""
    if world.rules.references:  # it may wait for a firm
        return
    undone = Conflict.objects.filter(state="decided", mapping=world.mappings["people"])
    assert not undone, f"decided, and never carried out: {[(c.pk, c.kind, c.label) for c in undone]}"
