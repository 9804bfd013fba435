"""A mapping bound to two open connectors: what a pass works with.

Binding compiles each field mapping once per side into a reader (raw to canonical) and a writer (canonical
to raw). References are canonical as the id of the link that pairs the referenced records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from connectors import base
from connectors.surroundings import Purpose
from syncadmin.config.keeping import opened
from syncadmin.config.problems import Problem
from syncadmin.config.verify import describe, misfits
from syncadmin.core import plan as core
from syncadmin.core.deltas import adds_up
from syncadmin.core.policy import Guards, Merge, Policy
from syncadmin.core.rows import in_scope
from syncadmin.core.rules import RuleFailed
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Unfit, Value, reader, writer
from syncadmin.models import Link, Resource, bulk
from syncadmin.models import Mapping as MappingRow


@dataclass(frozen=True, slots=True)
class BoundField:
    """One field mapping on one side."""

    name: str
    source: str
    read: Callable[[Any], Value]
    write: Callable[[Value], Any]
    target_id: int | None = None


@dataclass(slots=True)
class Translated:
    """A raw record in canonical form. `problems` names fields whose value can't be read, and why."""

    record: core.Record
    raw: base.Record
    problems: dict[str, str] = field(default_factory=dict)
    in_scope: bool = True


@dataclass(slots=True)
class BoundSide:
    """One side of a bound mapping: connector, resource, fields, what can be promised.

    `types` are those of the mapped fields, where the system itself says them; `limits` are what it takes, by
    field mapping (see `limits_of`). `changed_by` is the field that holds who changed a record last, if any.
    `lacking` are fields without which it makes no record, and that no field mapping fills. Of the fields in
    `newer` the last writer may be found in the system itself, when a value is written there. What is written
    to the field mappings in `adding` may be added to whatever it holds; writes to them leave receipts.
    """

    side: Side
    connector: base.Connector
    resource: str
    name: str
    fields: tuple[BoundField, ...]
    can: base.Capabilities
    policy: Policy
    types: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    changed_by: str = ""
    lacking: tuple[str, ...] = ()
    newer: frozenset[str] = frozenset()
    adding: frozenset[str] = frozenset()
    wanted: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        more = (self.changed_by,) if self.changed_by else ()
        self.wanted = tuple(dict.fromkeys((*(f.source for f in self.fields), *more)))

    def translate(self, records: Sequence[base.Record]) -> list[Translated]:
        """Raw records in canonical form, with references translated through links, in bulk."""
        lookup = self._links_of(records)
        return [self._translate(record, lookup) for record in records]

    def _translate(self, record: base.Record, lookup: Mapping[tuple[int, str], str]) -> Translated:
        values: dict[str, Value] = {}
        problems: dict[str, str] = {}
        waiting: list[str] = []
        raw = record.values
        for f in self.fields:
            if f.source not in raw:
                continue
            value = raw[f.source]
            if f.target_id is not None:
                if value is None or value == "":
                    values[f.name] = None
                elif (link := lookup.get((f.target_id, str(value)))) is not None:
                    values[f.name] = link
                else:
                    waiting.append(f.name)
                continue
            try:
                values[f.name] = f.read(value)
            except Unfit as error:
                problems[f.name] = str(error)
        who = _name(raw.get(self.changed_by) if self.changed_by else record.who)
        told = record.stamps or {}
        made = core.Record(
            record.key,
            values,
            record.version,
            record.modified,
            waiting=frozenset(waiting),
            who=who,
            stamps={f.name: told[f.source] for f in self.fields if f.source in told} if told else {},
        )
        return Translated(made, record, problems, self._in_scope(values, problems))

    def _in_scope(self, values: Mapping[str, Value], problems: dict[str, str]) -> bool:
        """Whether the row filter lets the record through; a filter that fails is a problem of the record."""
        if self.side not in self.policy.filters:
            return True
        try:
            return in_scope(self.policy, self.side, values)
        except RuleFailed as error:
            problems[""] = str(error)
            return True

    def _links_of(self, records: Sequence[base.Record]) -> dict[tuple[int, str], str]:
        """(target mapping, this side's key) -> link id, for all references in these records."""
        found: dict[tuple[int, str], str] = {}
        for f in self.fields:
            if f.target_id is None:
                continue
            keys = {str(v) for r in records if (v := r.values.get(f.source)) not in (None, "")}
            for link_id, key in linked(f.target_id, self.side, keys):
                found[f.target_id, key] = str(link_id)
        return found

    def raw(self, values: Mapping[str, Value], references: Mapping[str, Any]) -> dict[str, Any]:
        """Canonical values as raw ones by source field. `references`: link id -> this side's key."""
        return {
            f.source: (
                f.write(values[f.name])
                if f.target_id is None
                else None
                if values[f.name] is None
                else f.write(references[values[f.name]])
            )
            for f in self.fields
            if f.name in values
        }

    def keys_of(self, values: Iterable[Mapping[str, Value]]) -> dict[str, str]:
        """Link id -> this side's key, for all references among canonical values."""
        names = [f.name for f in self.fields if f.target_id is not None]
        ids = {int(v[name]) for v in values for name in names if v.get(name) is not None} if names else set()
        column = f"{self.side}_key"
        return (
            {str(pk): key for pk, key in Link.objects.filter(pk__in=ids).values_list("pk", column)}
            if ids
            else {}
        )


def linked(mapping_id: int, side: Side, keys: Iterable[str]) -> list[tuple[int, str]]:
    """(link id, key) of the open links of a mapping whose key on `side` is among `keys`."""
    wanted = list(keys)
    if not wanted:
        return []
    where, params = bulk.one_of(f"{side}_key", wanted)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id, {side}_key FROM syncadmin_link "
            f"WHERE mapping_id = %s AND NOT status = 'closed' AND {where}",
            [mapping_id, *params],
        )
        return list(cursor.fetchall())


@dataclass(slots=True)
class Binding:
    """A mapping, its policy as plain data, and its two bound sides.

    `ahead` is how far the systems' clocks are ahead of the hub's, where it is known and times decide; `uid`
    names the mapping in receipts, if it leaves any.
    """

    mapping: MappingRow
    policy: Policy
    guards: Guards
    sides: dict[Side, BoundSide]
    ahead: dict[Side, timedelta] = field(default_factory=dict)
    uid: str = ""

    @property
    def id(self) -> int:
        """The mapping's id."""
        return int(self.mapping.pk)

    def match_of(self, values: Mapping[str, Value]) -> tuple[Value, ...] | None:
        """The match values of a record, None if any is missing or empty."""
        found = tuple(values.get(name) for name in self.policy.match)
        return found if found and all(v not in (None, "", []) for v in found) else None

    def title_of(self, *records: Mapping[str, Value]) -> str:
        """A name a human knows the record by: the first title value there is."""
        title = self.mapping.title_field()
        for values in records:
            if values.get(title) not in (None, ""):
                return str(values[title])[:200]
        return ""


def _bound_side(
    mapping: MappingRow, policy: Policy, side: Side, connector: base.Connector, info: base.ResourceInfo
) -> BoundSide:
    resource = mapping.resource(side)
    types = {f.name: f.type for f in info.fields}
    fields = []
    for row in mapping.fields.all():
        if row.type == Kind.REFERENCE:
            as_integer = types.get(row.source(side)) == Kind.INTEGER
            write: Callable[[Value], Any] = int if as_integer else str
            fields.append(BoundField(row.name, row.source(side), str, write, row.target_id))
        else:
            kind = row.field_type()
            fields.append(BoundField(row.name, row.source(side), reader(kind, side), writer(kind, side)))
    can = connector.capabilities(resource.name)
    told = {f.source: types[f.source] for f in fields if info.complete and f.source in types}
    infos = {f.name: f for f in info.fields}
    limits = {f.name: found for f in fields if f.source in infos and (found := limits_of(infos[f.source]))}
    filled = {f.source for f in fields}
    lacking = tuple(f.name for f in info.fields if f.needed and f.name not in filled)
    newer = _newer(policy, fields) if can.stamps else frozenset()
    adding = _adding(policy) if can.receipts else frozenset()
    alone = bool(newer or adding) and _alone(mapping, policy, resource)
    return BoundSide(
        side,
        connector,
        resource.name,
        str(resource.system),
        tuple(fields),
        can,
        policy,
        told,
        limits,
        resource.changed_by,
        lacking,
        newer if alone else frozenset(),
        adding if alone else frozenset(),
    )


def _alone(mapping: MappingRow, policy: Policy, resource: Resource) -> bool:
    """Whether each shared field is decided by itself: not with other fields, nor by another mapping too."""
    if policy.owner is not None or policy.row_owners or policy.whole_record:
        return False
    others = MappingRow.objects.filter(Q(left=resource) | Q(right=resource)).exclude(pk=mapping.pk)
    return not others.exists()


def _newer(policy: Policy, fields: Sequence[BoundField]) -> frozenset[str]:
    """The fields of which nothing but the stamps says who wins."""
    alone = {f.name for f in policy.fields if f.merge is Merge.NEWEST and f.owner is None and not f.group}
    return frozenset(f.source for f in fields if f.name in alone and f.target_id is None)


def _adding(policy: Policy) -> frozenset[str]:
    """The field mappings of counters that add, and sets that merge."""
    shared = (f for f in policy.fields if f.owner is None and not f.group)
    return frozenset(f.name for f in shared if adds_up(f.merge, f.type))


def _name(raw: Any) -> str:
    """Who changed a record, as its system says it; '' for what is no name."""
    if raw is None or isinstance(raw, (list, dict, bytes)):
        return ""
    return str(raw).replace("\0", "").encode(errors="replace").decode().strip()[:150]


def limits_of(info: base.FieldInfo) -> dict[str, Any]:
    """What values the system takes for a field, as JSON-native data; what it does not say is left out."""
    told: dict[str, Any] = {
        name: value
        for name in ("max_length", "precision", "scale", "low", "high")
        if (value := getattr(info, name)) is not None
    }
    if info.choices:
        told["choices"] = list(info.choices)
    if not info.nullable:
        told["required"] = True
    return told


def ensure_fits(
    mapping: MappingRow, described: Mapping[Side, base.ResourceInfo], problems: list[Problem]
) -> None:
    """Raise base.Misconfigured if the mapping does not fit the systems as they are now, or has `problems`.

    A field that is not there must not be read as empty.
    """
    problems = problems + misfits(mapping, described)
    if problems:
        raise base.Misconfigured("; ".join(f"{p.place}: {p.text}" for p in problems[:5]))


@contextmanager
def bind(mapping: MappingRow, purpose: Purpose = Purpose.LIVE) -> Iterator[Binding]:
    """Open both systems of a mapping for the length of a pass. Raises base.Misconfigured, base.Retry."""
    with ExitStack() as stack:
        connectors = {
            side: stack.enter_context(opened(mapping.resource(side).system, purpose)) for side in SIDES
        }
        described, problems = describe(mapping, connectors)
        ensure_fits(mapping, described, problems)
        policy = mapping.policy()
        sides = {
            side: _bound_side(mapping, policy, side, connectors[side], described[side]) for side in SIDES
        }
        uid = mapping.state.uid.hex if any(bound.adding for bound in sides.values()) else ""
        yield Binding(mapping, policy, mapping.guards(), sides, uid=uid)
