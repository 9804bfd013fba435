"""What must fit together in a configuration, beyond its shape: names, owners, strategies, references.

The file and the admin's forms are checked by these same functions, so that both say the same. Nothing here
reads a file, a form or a live system; the names that exist are handed in as a `World`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from syncadmin.core.check import FITTING
from syncadmin.core.policy import Merge
from syncadmin.core.rules import FILTER_NAMES, MERGE_NAMES, ROW_NAMES, RuleError, compile_rule
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Normalize

from .problems import Path, Problem, hint, quoted, unknown
from .schema import FieldSpec, MappingSpec, ResourceName

# keys of a field mapping that mean something for some types only
KEYS_FOR = {
    "scale": (Kind.DECIMAL,),
    "normalize": (Kind.TEXT, Kind.CHOICE, Kind.SET),
    "values": (Kind.CHOICE,),
    "separators": (Kind.SET,),
    "zones": (Kind.DATETIME,),
    "mapping": (Kind.REFERENCE,),
}
MATCHABLE = frozenset(Kind) - {Kind.JSON, Kind.SET}
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
WEB_ADDRESS = re.compile(r"https?://[^\s/{}?#@]+(?:[/?#]\S*)?$", re.IGNORECASE)
RECORD_USE = re.compile(r"\b(?:left_|right_)?record\s*\.\s*([A-Za-z_]\w*)(?!\w*\s*\()")
STRINGS = re.compile(r"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")


@dataclass
class World:
    """The names that exist: resources by system, and mappings. `broken` names have problems of their own."""

    systems: dict[str, set[str]] = field(default_factory=dict)
    mappings: dict[str, MappingSpec] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)


def check_record_url(template: str, prefix: Path = ()) -> Iterator[Problem]:
    """Only `{resource}` and `{key}` may be filled in, and only a web address is a link."""
    return _check_address(template, (*prefix, "record_url"), ["{resource}", "{key}"])


def check_link(template: str, prefix: Path = ()) -> Iterator[Problem]:
    """A resource's link: a web address in which only `{key}` is filled in, and is."""
    place = (*prefix, "link")
    yield from _check_address(template, place, ["{key}"])
    if template and "{key}" not in template:
        yield Problem(place, "must say where the record's key goes: {key}")


def _check_address(template: str, place: Path, blanks: list[str]) -> Iterator[Problem]:
    for name in PLACEHOLDER.findall(template):
        if f"{{{name}}}" not in blanks:
            yield Problem(place, unknown("blank", f"{{{name}}}", blanks))
    if template and not WEB_ADDRESS.match(template):
        yield Problem(place, "must begin with http:// or https:// and a host")


def check_mapping(
    spec: MappingSpec, world: World, prefix: Path = (), broken_fields: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """All that does not fit in one mapping. `broken_fields` exist, but can't be judged."""
    names = [*spec.fields, *broken_fields]
    yield from _resources(spec, world, prefix)
    for position, name in enumerate(spec.match):
        if name not in names:
            yield Problem((*prefix, "match", position), unknown("field mapping", name, names))
        elif name in spec.fields and spec.fields[name].type not in MATCHABLE:
            kind = spec.fields[name].type
            yield Problem(
                (*prefix, "match", position), f"{quoted(name)} is of type {kind}, which can't be matched"
            )
    if len(set(spec.match)) < len(spec.match):
        yield Problem((*prefix, "match"), "names a field mapping twice")
    if spec.title and spec.title not in names:
        yield Problem((*prefix, "title"), unknown("field mapping", spec.title, names))
    if spec.value and spec.value not in names:
        yield Problem((*prefix, "value"), unknown("field mapping", spec.value, names))
    elif spec.value in spec.fields and spec.fields[spec.value].type not in (Kind.INTEGER, Kind.DECIMAL):
        kind = spec.fields[spec.value].type
        yield Problem((*prefix, "value"), f"{quoted(spec.value)} is of type {kind}, which is no number")
    if "drift" in spec.model_fields_set and not spec.owner and not spec.rows:
        yield Problem(
            (*prefix, "drift"), "counts only with an `owner` of the table or of `rows`; the table has none"
        )
    for key in ("schedule", "reconcile"):
        if getattr(spec, key) <= 0:
            yield Problem((*prefix, key), "must be longer than nothing")
    yield from _due(spec, prefix)
    for position, row in enumerate(spec.rows):
        yield from _expression(row.when, ROW_NAMES, names, (*prefix, "rows", position, "when"))
    for position, row in enumerate(spec.assessment.rows):
        yield from _expression(row.when, ROW_NAMES, names, (*prefix, "assessment", "rows", position, "when"))
    for side in SIDES:
        if text := getattr(spec.filter, side.value):
            yield from _expression(text, FILTER_NAMES, names, (*prefix, "filter", side.value))
    for name, one in spec.fields.items():
        yield from check_field(one, (*prefix, "fields", name), names)
        yield from _reference(spec, one, world, (*prefix, "fields", name))
    yield from _written_twice(spec, prefix)
    yield from _groups(spec, prefix)


def _due(spec: MappingSpec, prefix: Path) -> Iterator[Problem]:
    """A due time, and who is given what is overdue."""
    escalate = spec.escalate
    if spec.due is not None and spec.due <= 0:
        yield Problem((*prefix, "due"), "must be longer than nothing")
    if escalate.person and escalate.group:
        yield Problem((*prefix, "escalate", "group"), "is one too many: give a `person` or a `group`")
    if (escalate.person or escalate.group) and escalate.after is None:
        yield Problem((*prefix, "escalate", "after"), "is missing: the time after the due time, such as 2h")
    if escalate.after is not None and not (escalate.person or escalate.group):
        yield Problem((*prefix, "escalate", "person"), "is missing: give a `person` or a `group`")
    if escalate.after is not None and spec.due is None:
        yield Problem((*prefix, "escalate", "after"), "counts only with a `due` time")


def check_field(spec: FieldSpec, prefix: Path = (), names: list[str] | None = None) -> Iterator[Problem]:
    """All that does not fit in one field mapping by itself."""
    given = spec.model_fields_set
    for key, kinds in KEYS_FOR.items():
        if key in given and spec.type not in kinds and not (key == "mapping" and spec.mapping is None):
            yield Problem((*prefix, key), f"counts only for type {_or(kinds)}; the type is {spec.type}")
    if spec.type is Kind.REFERENCE and not spec.mapping:
        yield Problem(
            (*prefix, "mapping"), "is missing: a reference needs the mapping that syncs what it refers to"
        )
    if spec.owner and spec.merge is not Merge.REVIEW:
        yield Problem(
            (*prefix, "merge"),
            f"counts only for a shared field; this one is owned by {spec.owner}. Leave one of them out",
        )
    if "drift" in given and not spec.owner:
        yield Problem((*prefix, "drift"), "counts only for a field with an `owner`; this one is shared")
    yield from _merge_fits(spec.merge, spec.type, (*prefix, "merge"))
    if spec.assessment.both is not None:
        yield from _merge_fits(spec.assessment.both, spec.type, (*prefix, "assessment", "both"))
    if spec.merge is Merge.RULE and not spec.rule:
        yield Problem((*prefix, "rule"), "is missing: `merge: rule` needs a CEL expression")
    if spec.rule and spec.merge is not Merge.RULE:
        yield Problem((*prefix, "rule"), "counts only with `merge: rule`")
    elif spec.rule:
        yield from _expression(spec.rule, MERGE_NAMES, names, (*prefix, "rule"))
    if {Normalize.LOWER, Normalize.UPPER} <= set(spec.normalize):
        yield Problem((*prefix, "normalize"), "has both lower and upper; leave one of them out")
    yield from _learned(spec, prefix)
    yield from _zones(spec, prefix)
    yield from _values(spec, prefix)


def _merge_fits(merge: Merge, kind: Kind, path: Path) -> Iterator[Problem]:
    fitting = FITTING.get(merge, frozenset(Kind))
    if kind not in fitting:
        kinds = _or(tuple(one for one in Kind if one in fitting))
        yield Problem(path, f"{quoted(merge)} is for type {kinds}; the type is {kind}")


def check_world(world: World) -> Iterator[tuple[str, Problem]]:
    """What must fit between mappings, each with the name of the mapping that it is told of."""
    pairs: dict[frozenset[tuple[str, str]], str] = {}
    for name, spec in world.mappings.items():
        pair = frozenset((end.system, end.resource) for end in (spec.left, spec.right))
        if pair in pairs and len(pair) == 2:
            yield (
                name,
                Problem(
                    ("right",), f"the mapping {quoted(pairs[pair])} pairs the same two resources already"
                ),
            )
        pairs.setdefault(pair, name)
    yield from _cycles(world)


def _resources(spec: MappingSpec, world: World, prefix: Path) -> Iterator[Problem]:
    for side in SIDES:
        end: ResourceName = getattr(spec, side.value)
        if end.system not in world.systems:
            none = "no system is configured"
            text = unknown("system", end.system, sorted(world.systems), none=none)
            yield Problem((*prefix, side.value, "system"), text)
        elif end.resource not in world.systems[end.system] and end.system not in world.broken:
            known = sorted(world.systems[end.system])
            text = unknown(f"resource of {end.system}", end.resource, known, none="it has no resources")
            yield Problem((*prefix, side.value, "resource"), text)
    if spec.left == spec.right:
        yield Problem((*prefix, "right"), "is the same resource as the left one")


def _expression(text: str, allowed: frozenset[str], names: list[str] | None, path: Path) -> Iterator[Problem]:
    try:
        compile_rule(text, allowed)
    except RuleError as error:
        yield Problem(path, f"is not a rule that works: {error}")
        return
    if names is not None:
        for used in sorted(set(RECORD_USE.findall(STRINGS.sub("''", text))) - set(names)):
            yield Problem(path, f"uses the {unknown('field mapping', used, names)}")


def _reference(spec: MappingSpec, one: FieldSpec, world: World, prefix: Path) -> Iterator[Problem]:
    if one.type is not Kind.REFERENCE or not one.mapping:
        return
    target = world.mappings.get(one.mapping)
    if target is None:
        if one.mapping not in world.broken:
            known = sorted(world.mappings)
            yield Problem(
                (*prefix, "mapping"), unknown("mapping", one.mapping, known, none="there is no other")
            )
        return
    ends, wanted = (target.left.system, target.right.system), (spec.left.system, spec.right.system)
    if ends != wanted:
        turned = "; swap its sides" if ends == wanted[::-1] else ""
        theirs, ours = " with ".join(ends), " with ".join(wanted)
        text = f"{quoted(one.mapping)} pairs {theirs}, this mapping {ours}{turned}"
        yield Problem((*prefix, "mapping"), text)


def _written_twice(spec: MappingSpec, prefix: Path) -> Iterator[Problem]:
    """A field of a system may feed several, but only one field mapping may write it."""
    for side in SIDES:
        users: dict[str, list[str]] = defaultdict(list)
        for name, one in spec.fields.items():
            users[getattr(one, side.value)].append(name)
        for source, names in users.items():
            written = [name for name in names if writes(spec, spec.fields[name], side)]
            if len(names) > 1 and written:
                others = ", ".join(quoted(n) for n in names if n != names[-1])
                text = f"{quoted(source)} is in the field mapping {others} too: more than one would write it"
                remedy = f"Leave one out, or give them all `owner: {side}`"
                yield Problem((*prefix, "fields", names[-1], side.value), text, remedy)


def writes(spec: MappingSpec, one: FieldSpec, side: Side) -> bool:
    """Whether updates may write this field on `side`."""
    if spec.owner:
        return spec.owner is not side
    return one.owner is not side or any(row.owner is not side for row in spec.rows)


def _groups(spec: MappingSpec, prefix: Path) -> Iterator[Problem]:
    groups: dict[str, list[str]] = defaultdict(list)
    for name, one in spec.fields.items():
        if one.group:
            groups[one.group].append(name)
    for group, names in groups.items():
        for key in ("owner", "drift", "merge"):
            first = getattr(spec.fields[names[0]], key)
            for name in names[1:]:
                if getattr(spec.fields[name], key) != first:
                    text = (
                        f"differs from that of {quoted(names[0])}; group {quoted(group)} is decided together"
                    )
                    yield Problem((*prefix, "fields", name, key), text)


def _learned(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    for key in ("group", "two_people"):
        if spec.learned and getattr(spec, key):
            why = "what is decided together" if key == "group" else "what takes two people"
            yield Problem((*prefix, "learned"), f"counts only without `{key}`: no rule decides {why}")
    seen = set()
    for number, rule in enumerate(spec.learned):
        if (rule.differs, rule.changed) in seen:
            text = f"says a second time what is done with {quoted(rule.differs)}, {rule.changed}"
            yield Problem((*prefix, "learned", number), text)
        seen.add((rule.differs, rule.changed))


def _zones(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    for side in SIDES:
        if zone := getattr(spec.zones, side.value):
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                near = hint(zone, sorted(available_timezones())).split(" Allowed:")[0].rstrip(".")
                text = f"{quoted(zone)} is not an IANA time zone such as Europe/Berlin{near}"
                yield Problem((*prefix, "zones", side.value), text)


def _values(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    if spec.owner is Side.LEFT:
        return  # never translated back
    seen: dict[str, str] = {}
    for left, right in spec.values.items():
        if str(right) in seen:
            text = f"{quoted(right)} stands for both {quoted(seen[str(right)])} and {quoted(left)}"
            remedy = "It could not be translated back; give the field `owner: left`, or the values one each"
            yield Problem((*prefix, "values", left), text, remedy)
        seen.setdefault(str(right), left)


def _cycles(world: World) -> Iterator[tuple[str, Problem]]:
    """References in a circle: each record would wait for the other. A mapping may refer to itself."""
    targets: Mapping[str, list[tuple[str, str]]] = {
        name: [
            (field_name, one.mapping)
            for field_name, one in spec.fields.items()
            if one.type is Kind.REFERENCE and one.mapping in world.mappings and one.mapping != name
        ]
        for name, spec in world.mappings.items()
    }
    told: set[frozenset[str]] = set()

    def visit(name: str, way: list[str]) -> Iterator[tuple[str, Problem]]:
        for field_name, target in targets[name]:
            if target in way:
                circle = way[way.index(target) :]
                if frozenset(circle) not in told:
                    told.add(frozenset(circle))
                    way_round = " -> ".join([*circle, target])
                    text = f"references go in a circle: {way_round}; each would wait for the other"
                    yield name, Problem(("fields", field_name, "mapping"), text)
            else:
                yield from visit(target, [*way, target])

    for name in world.mappings:
        yield from visit(name, [name])


def _or(kinds: tuple[Kind, ...]) -> str:
    return " or ".join(kinds)
