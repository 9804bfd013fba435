"""A version of a mapping made ready for its page: what differs, and what would come out otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from syncadmin.config.export import as_yaml
from syncadmin.core.replay import ASK, BOTH, NOT_SYNCED, NOTHING, WAITS
from syncadmin.core.side import SIDES, Side
from syncadmin.models import Comparing, Link, MappingVersion
from syncadmin.selectors.versions import changes

FIRST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Example:
    """One record: how people know it, its page's link if it is paired, and two values."""

    label: str
    keys: str
    link: int | None
    old: Any
    new: Any
    has_values: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """One kind of effect in both plans. `look` is how much it takes heed of."""

    words: str
    old: int
    new: int
    gained: int
    lost: int
    look: str
    more: list[Example]
    less: list[Example]

    @property
    def differs(self) -> bool:
        """Whether the plans differ in it."""
        return bool(self.gained or self.lost)


@dataclass(frozen=True, slots=True)
class Replayed:
    """Captured changes of one field that come out otherwise."""

    field: str
    old: str
    new: str
    count: int
    examples: list[Example]


def page_of(version: MappingVersion) -> dict[str, Any]:
    """All that the page of a version shows."""
    context: dict[str, Any] = {
        "changes": [_changed(change) for change in changes(version)],
        "text": as_yaml(version.document),
        "working": version.comparing in (Comparing.WAITING, Comparing.RUNNING),
    }
    told = version.comparison
    if told is None:
        return context
    systems = {side: str(version.mapping.resource(side).system) for side in SIDES}
    ids = _links(version, told["rows"])
    effects = [_effect(row, systems, ids) for row in told["rows"]]
    history = told["history"]
    return context | {
        "told": told,
        "effects": [effect for effect in effects if effect.differs],
        "same": [effect for effect in effects if not effect.differs],
        "history": history,
        "since": history["since"][:10] if history["since"] else "",
        "replayed": [_replayed(row, systems) for row in history["rows"]],
        "asked": [row for row in history["asked"] if row["old"] != row["new"]],
        "more_asked": sum(r["gained"] for r in told["rows"] if r["what"].startswith(ASK)),
        "less_asked": sum(r["lost"] for r in told["rows"] if r["what"].startswith(ASK)),
        "writes": sum(r["gained"] for r in told["rows"] if r["what"] in ("create", "update", "delete")),
        "deletes": sum(r["gained"] for r in told["rows"] if r["what"] == "delete"),
    }


def _changed(change: Any) -> dict[str, Any]:
    return {
        "key": change.key,
        "old": _shown(change.old),
        "new": _shown(change.new),
        "does": change.does,
        "harmless": change.harmless,
    }


def _shown(value: Any) -> str:
    if value in (None, "", [], {}):
        return ""
    return as_yaml(value).strip() if isinstance(value, dict | list) else str(value)


def _links(version: MappingVersion, rows: Iterable[dict[str, Any]]) -> dict[str, int]:
    """The links of the examples, by left key."""
    keys = {one["left"] for row in rows for one in (*row["more"], *row["less"]) if one["left"]}
    found = Link.objects.filter(mapping=version.mapping_id, left_key__in=keys).exclude(status="closed")
    return dict(found.values_list("left_key", "pk"))


def _effect(row: dict[str, Any], systems: dict[Side, str], ids: dict[str, int]) -> Effect:
    what = row["what"]
    bad = what == "delete" or what.startswith(ASK)
    return Effect(
        words=_words(what, row["side"], row["field"], systems),
        old=row["old"],
        new=row["new"],
        gained=row["gained"],
        lost=row["lost"],
        look="warn" if bad and row["gained"] else "info",
        more=[_example(one, ids) for one in row["more"]],
        less=[_example(one, ids) for one in row["less"]],
    )


def _words(what: str, side: str, field: str, systems: dict[Side, str]) -> str:
    told = {"system": systems.get(Side(side), "") if side else "", "field": field.replace("_", " ")}
    known = {
        "create": _("made in %(system)s"),
        "update": _("%(field)s written to %(system)s"),
        "delete": _("deleted in %(system)s"),
        ASK: _("a person is asked about %(field)s"),
        "waits": _("waits for another record"),
        "links": _("paired, nothing is written"),
        "rests": _("let go: not let in by the filter of %(system)s"),
        "ask: ambiguous match": _("a person is asked which record it is"),
        "ask: deleted / changed": _("a person is asked: deleted on one side, changed on the other"),
        "ask: delete": _("a person is asked whether to delete it"),
        "ask: left scope": _("a person is asked: it left the filter of %(system)s"),
        "ask: rejected": _("a person is asked: a value does not fit"),
    }
    return known.get(what, what) % told


def _example(one: dict[str, Any], ids: dict[str, int]) -> Example:
    keys = " = ".join(key for key in (one["left"], one["right"]) if key)
    values = one["from"], one["to"]
    return Example(one["label"], keys, ids.get(one["left"] or ""), *values, has_values=values != (None, None))


def _replayed(row: dict[str, Any], systems: dict[Side, str]) -> Replayed:
    shown = [
        Example(
            one["label"],
            one["label"],
            one.get("link"),
            one["from"],
            one["to"],
            has_values=(one["from"], one["to"]) != (None, None),
        )
        for one in row["examples"]
    ]
    return Replayed(
        row["field"], _came_out(row["old"], systems), _came_out(row["new"], systems), row["count"], shown
    )


def _came_out(what: str, systems: dict[Side, str]) -> str:
    verb, _space, side = what.rpartition(" ")
    if verb in ("create", "delete") and side in list(SIDES):
        known = {"create": _("made in %(system)s"), "delete": _("deleted in %(system)s")}
        return known[verb] % {"system": systems[Side(side)]}
    if what in list(SIDES):
        return _("%(system)s gets it") % {"system": systems[Side(what)]}
    words = {
        ASK: _("a person is asked"),
        BOTH: _("merged, both get it"),
        NOTHING: _("nothing is written"),
        NOT_SYNCED: _("not synced"),
        WAITS: _("waits for another record"),
    }
    return words.get(what, what)
