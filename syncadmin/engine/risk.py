"""How many edits a mapping may lose, as known now; whether somebody accepts that; and what waits if not.

An acceptance lapses by itself: when its time is up, when a side promises less than it did, or when more lost
edits are to be expected than were accepted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Sum

from syncadmin.core import plan as core
from syncadmin.core import risk
from syncadmin.core.exposure import Exposure, Need, Unaccepted
from syncadmin.core.side import SIDES, Side
from syncadmin.models import (
    EntryKind,
    EventKind,
    Mapping,
    MappingState,
    Meter,
    MeterDay,
    RiskAcceptance,
    bulk,
    events,
    ledger,
    marks,
)

from .binding import Binding
from .effort import Item, Run
from .exposed import exposure_of
from .window import guarded

KEPT = timedelta(days=90)  # how far back the meter looks
LEAST_WATCH = 3600.0  # seconds of watching before a figure is made of it
LOOK_AGAIN = timedelta(minutes=15)  # after which what waits for an acceptance is looked at again
FIGURES = ("edits", "meetings", "writes", "unmeasured", "raced", "microseconds")


@dataclass(frozen=True, slots=True)
class SideFigures:
    """One side over the watched time. `window` in seconds; `basis` says where it is from."""

    promise: str
    basis: risk.Basis
    window: risk.Figure
    edits: int
    writes: int
    unmeasured: int
    raced: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What the meter shows. `lost` is lost edits a year, None while nobody can say; `watched` in seconds.

    `live`: from what the meter watched; `ahead`: from a watch that wrote nothing; else from what somebody
    believes of the traffic.
    """

    exposure: Exposure
    sides: dict[Side, SideFigures] = field(default_factory=dict)
    lost: risk.Figure | None = None
    live: bool = False
    ahead: bool = False
    since: datetime | None = None
    watched: float = 0.0
    meetings: int = 0
    near: float = risk.NEAR

    @property
    def _basis(self) -> str:
        return "watched" if self.live else "watched before" if self.ahead else "assumed"

    def as_dict(self) -> dict[str, Any]:
        """As plain data, as it is kept with an acceptance and printed."""
        return {
            "need": self.exposure.need.value,
            "fields": list(self.exposure.fields),
            "lost_edits_a_year": asdict(self.lost) if self.lost else None,
            "basis": self._basis if self.lost else None,
            "watched_days": round(self.watched / risk.DAY, 2),
            "since": self.since.isoformat() if self.since else None,
            "meetings": self.meetings,
            "near_seconds": self.near,
            "sides": {
                side.value: {
                    "promise": told.promise,
                    "window_ms": {name: round(s * 1000, 3) for name, s in asdict(told.window).items()},
                    "window": told.basis.value,
                    **{name: getattr(told, name) for name in ("edits", "writes", "unmeasured", "raced")},
                }
                for side, told in self.sides.items()
            },
        }


def figures(
    mapping: Mapping,
    exposure: Exposure,
    now: datetime,
    traffic: risk.Traffic | None = None,
    observed: risk.Observed | None = None,
) -> Figures:
    """What the meter shows now. For as long as it has watched too little: from what was `observed` without
    writing, else from `traffic`, which is what somebody believes.
    """
    if exposure.need is not Need.SIGN:
        return Figures(exposure)
    meter = Meter.objects.filter(mapping=mapping).first()
    since = meter.since if meter is not None else None
    begin = max(since, _midnight(now - KEPT)) if since is not None else now
    days = list(MeterDay.objects.filter(mapping=mapping, day__gte=begin.date(), day__lte=now.date()))
    sides = {
        side: _side(mapping, exposure, side, [d for d in days if d.side == side.value]) for side in SIDES
    }
    windows = [sides[side].window for side in exposure.sides]
    watch = _watch(days, begin, now, risk.near_of(mapping.schedule))
    live = watch.seconds >= LEAST_WATCH
    lost = None
    if live:
        lost = risk.expected_live(watch, windows)
    elif observed is not None:
        watch, lost = observed.watch, risk.expected_observed(observed, windows)
        sides = {side: replace(told, edits=observed.edits[side]) for side, told in sides.items()}
    elif traffic is not None:
        lost = risk.expected_before(traffic, windows)
    met = sum(watch.meetings)
    ahead = observed is not None and not live
    return Figures(exposure, sides, lost, live, ahead, since, watch.seconds, met, watch.near)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(tzinfo=UTC))


def _side(mapping: Mapping, exposure: Exposure, side: Side, days: Sequence[MeterDay]) -> SideFigures:
    total = {name: sum(getattr(day, name) for day in days) for name in FIGURES}
    promise = exposure.sides.get(side, "atomic")
    window, basis = risk.NOTHING, risk.Basis.NONE
    if promise == "blind":
        window, basis = risk.blind_window(mapping.schedule), risk.Basis.ASSUMED
    elif side in exposure.sides:
        metered = risk.Metered(total["writes"], total["unmeasured"], total["microseconds"] / 1e6)
        window, basis = risk.window_of(metered if metered.measured else _elsewhere(mapping, side))
    told = {name: total[name] for name in ("edits", "writes", "unmeasured", "raced")}
    return SideFigures(promise, basis, window, **told)


def _elsewhere(mapping: Mapping, side: Side) -> risk.Metered:
    """The windows that other mappings have measured at the same system."""
    system = mapping.resource(side).system_id
    there = {f"mapping__{side}__system_id": system, "side": side.value}
    total = MeterDay.objects.filter(**there).aggregate(**{name: Sum(name) for name in FIGURES})
    return risk.Metered(
        total["writes"] or 0, total["unmeasured"] or 0, (total["microseconds"] or 0) / 1_000_000
    )


def _watch(days: Sequence[MeterDay], begin: datetime, now: datetime, near: float) -> risk.Watch:
    """The days from `begin` to `now`, the first and the last in part, with their meetings."""
    spans, met, start = [], [], begin
    while start < now:
        end = min(now, _midnight(start) + timedelta(days=1))
        spans.append((end - start).total_seconds())
        met.append(sum(d.meetings for d in days if d.day == start.astimezone(UTC).date()))
        start = end
    return risk.Watch(spans, met, near)


# ---------------------------------------------------------------- acceptance


def accepted(mapping_id: int, now: datetime) -> RiskAcceptance | None:
    """The acceptance that is in force, if one is."""
    found = RiskAcceptance.objects.filter(mapping_id=mapping_id, lapsed_at=None).first()
    return found if found is not None and found.in_force(now) else None


def why_lapsed(acceptance: RiskAcceptance, told: Figures | None, now: datetime) -> str:
    """Why an acceptance no longer counts, '' if it does. Without figures only its time is looked at."""
    if now >= acceptance.until:
        return "its time is up"
    if told is None or told.exposure.need is not Need.SIGN:
        return ""
    weaker = told.exposure.weaker_than(acceptance.promises)
    if weaker is not None:
        return f"writes to the {weaker} side are {told.exposure.sides[weaker]} now, which was not accepted"
    if told.live and told.lost is not None and told.lost.expected > acceptance.most:
        found, most = short(told.lost.expected), short(acceptance.most)
        return f"{found} lost edits a year are to be expected; {most} were accepted"
    return ""


def short(number: float) -> str:
    """A small number to two digits, without an exponent."""
    return f"{float(f'{number:.2g}'):.10f}".rstrip("0").rstrip(".")


def lapse(mapping_id: int, why: str, now: datetime, *, actor: str = "") -> bool:
    """End the acceptance of a mapping: journaled, and told to those who asked. False if there is none."""
    with transaction.atomic():
        MappingState.objects.select_for_update().get(mapping_id=mapping_id)
        found = RiskAcceptance.objects.filter(mapping_id=mapping_id, lapsed_at=None)
        if not found.update(lapsed_at=now, lapsed_how=why):
            return False
        kind = EntryKind.DECISION if actor else EntryKind.NOTE
        text = f"the accepted risk of lost edits has lapsed: {why}"
        ledger.append(mapping_id, [ledger.Row(kind, rule=text, actor=actor)], now)
        events.tell(EventKind.RISK, now, mapping_id=mapping_id, actor=actor, words=why)
    return True


def look(binding: Binding, now: datetime) -> None:
    """After a pass: let the acceptance lapse if the figures have left it."""
    found = bulk.some(RiskAcceptance, "mapping_id = %s AND lapsed_at IS NULL", [binding.id])
    if not found:
        return
    why = why_lapsed(found[-1], figures(binding.mapping, exposure_of(binding), now), now)
    if why:
        lapse(binding.id, why, now)


def lapse_what_is_over(now: datetime) -> None:
    """Let all acceptances lapse whose time is up, whether passes run or not."""
    over = RiskAcceptance.objects.filter(lapsed_at=None, until__lte=now)
    for found in over:
        lapse(found.mapping_id, why_lapsed(found, None, now), now)


# ---------------------------------------------------------------- what waits


def waiting_sides(binding: Binding, now: datetime) -> frozenset[Side]:
    """The sides that get no write which could replace an unseen edit, because nobody has accepted that."""
    if binding.mapping.risk != Unaccepted.STOP or accepted(binding.id, now) is not None:
        return frozenset()
    return frozenset(exposure_of(binding).sides)


def without_unaccepted(run: Run, items: list[Item]) -> list[Item]:
    """The items that may go on; the others' marks are put off, and nothing of them is stored."""
    if not run.waiting_sides:
        return items
    shared = frozenset(exposure_of(run.binding).fields)
    waiting = [item for item in items if any(_waits(run, w, shared) for w in item.decided.writes)]
    if not waiting:
        return items
    run.count("not accepted", len(waiting))
    with run.lease.fenced():
        marks.put_off([m for item in waiting for m in item.marks], run.clock() + LOOK_AGAIN)
    left_out = {id(item) for item in waiting}
    return [item for item in items if id(item) not in left_out]


def _waits(run: Run, write: core.Write, shared: frozenset[str]) -> bool:
    if write.side not in run.waiting_sides or guarded(run, write.side, write.op):
        return False
    return write.op is core.Op.DELETE or not shared.isdisjoint(write.values)
