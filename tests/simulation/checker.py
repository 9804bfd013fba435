"""The checker: what must hold at the end of a history (DESIGN section 5).

It knows only what users and staff did, what both systems hold, the inbox and the journal: nothing of shadows,
marks or of how the engine works, but for which records it says belong together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from connectors.base import Guarantee
from syncadmin.engine.prove import prove
from syncadmin.engine.window import RACED
from syncadmin.models import Entry, Pass

from .agreement import check_agreement, check_badges
from .causes import check_causes
from .folding import Fold, fold
from .people import who
from .rulings import check_rulings
from .system import Event, Values, tokens
from .world import World

# a record's time grows with edits of its other fields, in every round of a pass
SLACK = timedelta(seconds=10)
LATE = timedelta(seconds=30)  # and goes back where a later commit bears the time of its beginning
METER = ("unguarded", "unmeasured", "window ms", "raced")


def check_all(world: World) -> None:
    """Everything. Raises AssertionError."""
    folded = fold(world)
    check_agreement(world, deletes_known=True)
    check_nothing_lost(world, folded)
    check_nothing_invented(world)
    check_no_duplicates(world, folded)
    check_nothing_put_back(world)
    check_writes_are_bounded(world)
    check_causes(world, folded)
    check_newest(world, folded)
    check_guards(world)
    check_windows(world)
    check_journal(world)
    check_badges(world)
    check_rulings(world)


def declared(world: World) -> tuple[str, ...]:
    """Rules of the mapping under which a value may give way unseen; the journal must name one of them."""
    rules, policy = world.rules, world.rules.mapping
    found = ["owner", "merge prefer left", "merge set", "merge counter", "first contact: owner"]
    found += [f"first contact: {policy['first_contact']}", "first contact: prefer left"]
    found += [f"merge {rules.c_merge}"] if rules.c_merge != "review" else []
    found += ["first contact: a value meets an empty field"]
    found += {"delete wins": ["delete wins"], "restore": ["restore"]}.get(policy["edit_vs_delete"], [])
    found += ["deletes ignore"] if policy["deletes"] == "ignore" else []
    return tuple(found)


# ---------------------------------------------------------------- values


def check_nothing_lost(world: World, folded: Fold) -> None:
    """Every user's value is there, or was replaced by somebody who saw it, or gave way to a declared rule."""
    present = {
        t
        for system in world.systems.values()
        for row in system.live("people").values()
        for v in row.values.values()
        for t in tokens(v)
    }
    seen: set[str] = set()
    raced: set[str] = set()
    written: dict[str, Any] = {}
    noted = {t for change in folded.changes.values() for t in change.tokens}
    for e in world.audit:
        if e.resource != "people":
            continue
        given_up = {t for value in (e.old or {}).values() for t in tokens(value)}
        if e.actor == "user":
            seen |= given_up
            for name, value in (e.new or {}).items():
                if name != "email":
                    written |= dict.fromkeys(tokens(value), e)
            continue
        raced |= {t for name in e.raced for t in tokens((e.old or {}).get(name))}
        if e.op == "delete" and world.rules.badges:
            # declared: a delete is weighed by the fields of the mapping that carries it out; where a person
            # has decided it, it takes along only what no pass of the other one has seen
            told = any(d.deletes and who(e.old or {}) in d.entities for d in world.people.decisions)
            gone = {(n, t) for n, v in (e.old or {}).items() for t in tokens(v)}
            seen |= {t for n, t in gone if n == "d" or (told and t not in noted)}
    for decision in world.people.decisions:
        seen |= set().union(*decision.given_up.values())
    changes = [*folded.changes.values()]
    if world.rules.badges:
        changes += fold(world, "badges").changes.values()
    overridden = {t for change in changes if change.rule.startswith(declared(world)) for t in change.tokens}
    overridden |= overridden_before(world)
    lost = {t: e for t, e in written.items() if t not in present | seen | raced | overridden}
    assert not lost, "lost: " + "; ".join(f"{t} of {e}: {folded.story(t)}" for t, e in lost.items())


def overridden_before(world: World) -> set[str]:
    """What had given way to a declared rule, or was about to, by journals that a restored hub has lost.

    Only values that nobody has written, or the hub replaced, since it was restored.
    """
    if world.restored is None:
        return set()
    touched: set[str] = set()
    for e in world.audit[world.restored.at :]:
        touched |= {t for value in ((e.old or {}) | (e.new or {})).values() for t in tokens(value)}
    found: set[str] = set()
    for journal in world.restored.journals.values():
        for change in journal.changes.values():
            if not change.final or change.rule.startswith(declared(world)):
                found |= change.tokens
    return found - touched


def check_nothing_invented(world: World) -> None:
    """No record holds a value that nobody wrote, or one that was written to another record."""
    for system in world.systems.values():
        for row in system.live("people").values():
            for name, value in row.values.items():
                for t in tokens(value):
                    assert t in world.people.written or name == "email", f"nobody wrote {t}: {row}"
                    if t.startswith("d"):
                        continue
                    whose = int(t.split("-")[0])
                    assert whose in (who(row.values), 0) or were_blended(world, whose, who(row.values)), (
                        f"{t} belongs elsewhere: {row}"
                    )


def were_blended(world: World, *entities: int) -> bool:
    """Whether a person has blended two, which a restored hub took for one: a key was given again."""
    if world.restored is None or not any(habits.reuses_keys for habits in world.habits.values()):
        return False
    return any(set(entities) <= d.entities for d in world.people.decisions[world.restored.decided :])


def check_no_duplicates(world: World, folded: Fold) -> None:
    """The hub creates a record at most once for each that a user made, or that somebody had restored or made.

    The declared residuals are not counted: a record that a user deleted before the hub could learn that it
    was there (the answer was lost), and one that a worker created after it had lost its lease.
    """
    created: dict[tuple[str, str], list[Any]] = defaultdict(list)
    restores = sum(d.restores for d in world.people.decisions)
    restoring = world.rules.mapping["edit_vs_delete"] == "restore"
    learned = {place for known in (folded, *before(world)) for place in known.places}
    for e in world.audit:
        if e.actor != "hub" or e.op != "create" or e.resource != "people":
            continue
        if made_anew_by_approval(world, e):
            world.probes["made anew by approval"] += 1
            continue
        known = (e.side, e.key) in learned and not world.habits[e.side].reuses_keys
        over = any(
            later.op == "delete" and (later.side, later.key) == (e.side, e.key)
            for later in world.audit[e.number :]
        )
        there = known or not over
        if e.late or not there:
            world.probes["late create" if e.late else "create deleted while in doubt"] += 1
            continue
        for t in tokens((e.new or {}).get("born")):
            created[e.side, t].append(e)
    for (side, t), events in created.items():
        deletes = sum(e.op == "delete" and t in tokens((e.old or {}).get("born")) for e in world.audit)
        by_users = sum(
            e.actor == "user" and e.op == "create" and t in tokens((e.new or {}).get("born"))
            for e in world.audit
        )
        told = sum(d.creates and int(t.split("-")[0]) in d.entities for d in world.people.decisions)
        allowed = max(by_users, 1) + restores + told + (deletes if restoring else 0)
        assert len(events) <= allowed, f"{side}: made {len(events)} times of one record ({t}): {events}"


def before(world: World) -> list[Fold]:
    """The journal of `people` as it was before the hub was restored, if it was."""
    return [] if world.restored is None else [world.restored.journals["people"]]


def made_anew_by_approval(world: World, made: Event) -> bool:
    """Whether a restored hub made this record where none was to be recognised, and a person approved that."""
    if world.restored is None or made.number <= world.restored.at:
        return False
    there: dict[str, Values] = {}
    for e in world.audit[: made.number - 1]:
        if e.resource == "people" and e.side == made.side:
            there[e.key] = {**there.get(e.key, {}), **(e.new or {})}
            if e.op == "delete":
                del there[e.key]
    there = {key: values for key, values in there.items() if is_alike(made.new or {}, values)}
    unseen = world.habits[made.side].reuses_keys  # one of them may stand for the record that had its key
    return (unseen or not there) and any(began < made.number <= ended for began, ended in world.approved)


def is_alike(one: Values, other: Values) -> bool:
    """Whether two records come from one, and agree in most of what they tell."""
    told = [name for name, value in one.items() if tokens(value)]
    kept = [name for name in told if tokens(one[name]) & tokens(other.get(name))]
    return "born" in kept and 2 * len(kept) > len(told)


def check_nothing_put_back(world: World) -> None:
    """A value that was replaced is never put back by the hub on its own."""
    replaced: dict[tuple[str, str, str, str], int] = {}
    typed = Counter(
        t for e in world.audit if e.actor == "user" for v in (e.new or {}).values() for t in tokens(v)
    )
    decided = set().union(*(d.entities for d in world.people.decisions))
    for e in world.audit:
        if e.resource != "people" or e.late:  # what a late write brings is asked about
            continue
        for name in ("a", "b", "c"):
            if name not in (e.new or {}) or e.op != "update":
                continue
            for t in tokens((e.new or {})[name]):
                place = (e.side, e.key, name, t)
                once = typed[t] == 1 and int(t.split("-")[0]) not in decided
                if e.actor == "hub" and place in replaced and once:
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


def check_newest(world: World, folded: Fold) -> None:
    """Where the last writer wins, it is the last one."""
    slack = SLACK + (LATE if any(h.late_commits for h in world.habits.values()) else timedelta())
    for change in folded.changes.values():
        if not change.rule.endswith("newest") or not change.final[0].startswith("overridden"):
            continue
        e = change.entry
        if change.settled_in != e.pass_id:
            continue  # it was held first, and the records have newer times by now
        rivals = [
            other.entry.changed_at
            for other in folded.changes.values()
            if other.rule == change.rule and other.final[0].startswith("propagated")
            if (other.entry.pass_id, other.link, other.entry.field) == (e.pass_id, change.link, e.field)
        ]
        for rival in rivals:
            assert rival > e.changed_at - slack, f"{e.old}->{e.new} of {e.changed_at} lost to one of {rival}"


def check_guards(world: World) -> None:
    """No pass deletes all or a third of what is known, unless a person has let it."""
    limited = world.rules.mapping["guard_floor"] <= 10
    for made in world.tallies:
        everything = made.deletes >= max(made.known, 2)
        too_many = limited and made.deletes >= 3 and made.deletes > 0.3 * made.known
        assert made.approved or not (everything or too_many), (
            f"a pass deleted {made.deletes} of {made.known} records, and nobody was asked"
        )


def check_windows(world: World) -> None:
    """No edit is raced where compare-and-set exists; elsewhere only within a window that the hub has counted.

    What the versions of a system show is in the journal; what nothing shows is bounded by the windows.
    """
    counted: Counter[str] = Counter()
    for counts in Pass.objects.values_list("counts", flat=True):
        counted.update({name: n for name, n in counts.items() if name in METER})
    remembered = world.audit
    if world.restored is not None:
        remembered = [*world.audit[: world.restored.since], *world.audit[world.restored.at :]]
    unguarded = [e for e in remembered if e.actor == "hub" and e.window is not None]
    assert len(unguarded) <= counted["unguarded"], f"{len(unguarded)} unguarded writes, counted: {counted}"
    if not counted["unmeasured"]:
        open_for = sum(e.window / timedelta(milliseconds=1) for e in unguarded if e.window is not None)
        assert open_for <= counted["window ms"], f"windows of {open_for} ms, counted: {counted}"
    saved: dict[
        tuple[str, str, str], datetime
    ] = {}  # when a value came last to where it is, whoever wrote it
    for e in world.audit:
        if e.raced:
            assert world.habits[e.side].update is not Guarantee.ATOMIC, f"raced: {e}"
            assert e.window is not None, f"raced: {e}"
            world.probes["raced"] += 1
            for t in {t for name in e.raced for t in tokens((e.old or {}).get(name))}:
                at = saved.get((t, e.side, e.key))
                assert at is None or e.at - e.window <= at, f"{t} was saved before the window of {e}"
        saved |= {(t, e.side, e.key): e.at for v in (e.new or {}).values() for t in tokens(v)}
    shown = sum(bool(e.raced) and e.op == "update" and world.habits[e.side].shows_races for e in remembered)
    noted = Entry.objects.filter(kind="note", rule=RACED).count()
    assert shown <= noted + counted["unmeasured"], f"{shown} races to be seen, {noted} in the journal"
    assert noted == counted["raced"], f"{noted} races in the journal, counted: {counted}"


# ---------------------------------------------------------------- journal


def check_journal(world: World) -> None:
    """Every observed change has exactly one final disposition, or waits in the inbox."""
    for name in world.mappings:
        problems = fold(world, name).problems
        assert not problems, "journal: " + "; ".join(problems)
        findings = prove(world.mappings[name]).findings
        assert not findings, f"the product's own proof finds: {findings[:3]}"
