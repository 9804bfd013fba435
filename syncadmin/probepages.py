"""What the page of a probe shows: what would be written, and in words what each side made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from syncadmin.core.probing import Effect
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Mapping, Probe, ProbeHold
from syncadmin.probeholds import kept
from syncadmin.probes import Foreseen


@dataclass(frozen=True, slots=True)
class Line:
    """One probe of a field on one side: what was written, what was read back, and what that means."""

    probe: str
    sent: Any
    found: tuple[Any, ...]  # empty: it was refused
    words: str
    said: str
    kept: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The probes of one field on one side."""

    field: str
    side: str
    system: str
    lines: Sequence[Line]

    @property
    def changed(self) -> int:
        """How many values did not come back as they were written."""
        return sum(not line.kept for line in self.lines)


@dataclass(frozen=True, slots=True)
class Ended:
    """A field that was written to: what became of its original."""

    side: str
    system: str
    key: str
    field: str
    words: str
    well: bool


@dataclass(frozen=True, slots=True)
class ToWrite:
    """A field that would be written to: what it holds now, and what would be written, with why."""

    field: str
    now: Any
    values: Sequence[tuple[str, Any]]


def probe_words(name: str) -> str:
    """What a probe shows, in words."""
    what, _space, rest = name.partition(" ")
    if what == "length":
        return _("a text of %(count)s characters") % {"count": rest}
    if what == "up":
        return _("a large number")
    if what == "choice":
        return _("a choice")
    return {
        "plain": _("an ordinary value"),
        "case": _("capital letters"),
        "spaces": _("space at both ends"),
        "lines": _("a line break"),
        "accents": _("a composed accent"),
        "emoji": _("an emoji"),
        "empty": _("an empty text"),
        "null": _("no value at all"),
        "zero": _("zero"),
        "negative": _("a negative number"),
        "digits": _("many digits after the point"),
        "many": _("a large number"),
        "no": _("no"),
        "winter": _("a time in winter"),
        "old": _("a day long ago"),
    }.get(name, name)


def effect_words(effects: Sequence[str], amount: int | None) -> str:
    """What a system did to a value, in words."""
    return "; ".join(_effect(Effect(effect), amount) for effect in effects)


def _effect(effect: Effect, amount: int | None) -> str:
    if effect is Effect.SHIFTED and amount is not None:
        words = ngettext("moved by %(count)s minute", "moved by %(count)s minutes", abs(amount))
        return words % {"count": f"{amount:+d}"}
    if effect is Effect.ROUNDED and amount is not None:
        if amount < 0:
            return _("only the day is kept")
        return ngettext("rounded to %(count)s digit", "rounded to %(count)s digits", amount) % {
            "count": amount
        }
    if effect is Effect.CUT and amount is not None:
        return ngettext("cut after %(count)s character", "cut after %(count)s characters", amount) % {
            "count": amount
        }
    return {
        Effect.SAME: _("kept as it is"),
        Effect.TRIMMED: _("space at the ends removed"),
        Effect.PADDED: _("filled up with spaces"),
        Effect.LOWERED: _("made small letters"),
        Effect.UPPERED: _("made capital letters"),
        Effect.COMPOSED: _("accents put together"),
        Effect.LINES: _("another line break"),
        Effect.CUT: _("cut off"),
        Effect.LOST: _("characters lost"),
        Effect.ROUNDED: _("rounded"),
        Effect.SHIFTED: _("moved in time"),
        Effect.NULLED: _("empty text became no value"),
        Effect.EMPTIED: _("no value became an empty one"),
        Effect.REFUSED: _("refused"),
        Effect.OTHER: _("became something else"),
    }[effect]


def groups(mapping: Mapping, found: Probe) -> list[Group]:
    """What both sides did, by field in the mapping's order, left before right."""
    told = (found.result or {}).get("findings", ())
    systems = {side.value: str(mapping.resource(side).system) for side in SIDES}
    order = {name: place for place, name in enumerate(f.name for f in mapping.fields.all())}
    lines: dict[tuple[str, str], list[Line]] = {}
    for one in told:
        sent, left = one["values"]
        lines.setdefault((one["field"], one["side"]), []).append(
            Line(
                probe=probe_words(one["probe"]),
                sent=sent,
                found=() if Effect.REFUSED in one["effects"] else (left,),
                words=effect_words(one["effects"], one["amount"]),
                said=one["said"],
                kept=one["effects"] == [Effect.SAME],
            )
        )
    ordered = sorted(lines, key=lambda place: (order.get(place[0], len(order)), place[1]))
    return [Group(field, side, systems[side], lines[field, side]) for field, side in ordered]


def ended(mapping: Mapping, holds: Sequence[ProbeHold]) -> list[Ended]:
    """What became of each field that was written to."""
    words = {
        "restored": _("as before"),
        "theirs": _("somebody else has changed it meanwhile: theirs stays"),
        "gone": _("the record is gone"),
        "refused": _("the system does not take its own old value back"),
        "other": _("put back, but the system made something else of it"),
        "": _("still to be put back"),
    }
    return [
        Ended(
            side=hold.side,
            system=str(hold.resource.system),
            key=hold.key,
            field=hold.name,
            words=words.get(hold.settled_how, hold.settled_how),
            well=hold.settled_how == "restored",
        )
        for hold in holds
    ]


def foreseen(mapping: Mapping, found: Sequence[Foreseen]) -> list[tuple[str, str, str, list[ToWrite]]]:
    """What would be written, by record: (side, system, key, fields)."""
    made: dict[tuple[str, str], list[ToWrite]] = {}
    for one in found:
        values = [(probe_words(probe.name), kept(probe.value)) for probe in one.probes]
        made.setdefault((one.side.value, one.key), []).append(ToWrite(one.field, one.now, values))
    return [
        (side, str(mapping.resource(Side(side)).system), key, fields) for (side, key), fields in made.items()
    ]
