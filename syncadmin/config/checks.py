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

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from syncadmin.core.check import FITTING
from syncadmin.core.policy import Merge
from syncadmin.core.rules import FILTER_NAMES, MERGE_NAMES, ROW_NAMES, RuleError, compile_rule
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind, Normalize

from .problems import Path, Problem, guess, quoted, unknown
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
NO_FIELD = gettext_noop("unknown field mapping %(name)s")
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
        yield Problem(place, _("must say where the record's key goes: %(blank)s") % {"blank": "{key}"})


def _check_address(template: str, place: Path, blanks: list[str]) -> Iterator[Problem]:
    for name in PLACEHOLDER.findall(template):
        if f"{{{name}}}" not in blanks:
            yield Problem(place, unknown(_("unknown blank %(name)s"), f"{{{name}}}", blanks))
    if template and not WEB_ADDRESS.match(template):
        yield Problem(place, _("must begin with http:// or https:// and a host"))


def check_mapping(
    spec: MappingSpec, world: World, prefix: Path = (), broken_fields: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    """All that does not fit in one mapping. `broken_fields` exist, but can't be judged."""
    names = [*spec.fields, *broken_fields]
    yield from _resources(spec, world, prefix)
    for position, name in enumerate(spec.match):
        if name not in names:
            yield Problem((*prefix, "match", position), unknown(_(NO_FIELD), name, names))
        elif name in spec.fields and spec.fields[name].type not in MATCHABLE:
            text = _("%(name)s is of type %(kind)s, which can't be matched")
            told = {"name": quoted(name), "kind": spec.fields[name].type}
            yield Problem((*prefix, "match", position), text % told)
    if len(set(spec.match)) < len(spec.match):
        yield Problem((*prefix, "match"), _("names a field mapping twice"))
    if spec.title and spec.title not in names:
        yield Problem((*prefix, "title"), unknown(_(NO_FIELD), spec.title, names))
    if spec.value and spec.value not in names:
        yield Problem((*prefix, "value"), unknown(_(NO_FIELD), spec.value, names))
    elif spec.value in spec.fields and spec.fields[spec.value].type not in (Kind.INTEGER, Kind.DECIMAL):
        text = _("%(name)s is of type %(kind)s, which is no number")
        told = {"name": quoted(spec.value), "kind": spec.fields[spec.value].type}
        yield Problem((*prefix, "value"), text % told)
    if "drift" in spec.model_fields_set and not spec.owner and not spec.rows:
        text = _("counts only with an `owner` of the table or of `rows`; the table has none")
        yield Problem((*prefix, "drift"), text)
    for key in ("schedule", "reconcile"):
        if getattr(spec, key) <= 0:
            yield Problem((*prefix, key), _("must be longer than nothing"))
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
        yield Problem((*prefix, "due"), _("must be longer than nothing"))
    if escalate.person and escalate.group:
        yield Problem((*prefix, "escalate", "group"), _("is one too many: give a `person` or a `group`"))
    if (escalate.person or escalate.group) and escalate.after is None:
        text = _("is missing: the time after the due time, such as 2h")
        yield Problem((*prefix, "escalate", "after"), text)
    if escalate.after is not None and not (escalate.person or escalate.group):
        yield Problem((*prefix, "escalate", "person"), _("is missing: give a `person` or a `group`"))
    if escalate.after is not None and spec.due is None:
        yield Problem((*prefix, "escalate", "after"), _("counts only with a `due` time"))


def check_field(spec: FieldSpec, prefix: Path = (), names: list[str] | None = None) -> Iterator[Problem]:
    """All that does not fit in one field mapping by itself."""
    given = spec.model_fields_set
    for key, kinds in KEYS_FOR.items():
        if key in given and spec.type not in kinds and not (key == "mapping" and spec.mapping is None):
            text = _("counts only for type %(kinds)s; the type is %(kind)s")
            yield Problem((*prefix, key), text % {"kinds": _or(kinds), "kind": spec.type})
    if spec.type is Kind.REFERENCE and not spec.mapping:
        text = _("is missing: a reference needs the mapping that syncs what it refers to")
        yield Problem((*prefix, "mapping"), text)
    if spec.owner and spec.merge is not Merge.REVIEW:
        text = _("counts only for a shared field; this one is owned by %(side)s. Leave one of them out")
        yield Problem((*prefix, "merge"), text % {"side": spec.owner})
    if "drift" in given and not spec.owner:
        text = _("counts only for a field with an `owner`; this one is shared")
        yield Problem((*prefix, "drift"), text)
    yield from _merge_fits(spec.merge, spec.type, (*prefix, "merge"))
    if spec.assessment.both is not None:
        yield from _merge_fits(spec.assessment.both, spec.type, (*prefix, "assessment", "both"))
    if spec.merge is Merge.RULE and not spec.rule:
        yield Problem((*prefix, "rule"), _("is missing: `merge: rule` needs a CEL expression"))
    if spec.rule and spec.merge is not Merge.RULE:
        yield Problem((*prefix, "rule"), _("counts only with `merge: rule`"))
    elif spec.rule:
        yield from _expression(spec.rule, MERGE_NAMES, names, (*prefix, "rule"))
    if {Normalize.LOWER, Normalize.UPPER} <= set(spec.normalize):
        yield Problem((*prefix, "normalize"), _("has both lower and upper; leave one of them out"))
    yield from _learned(spec, prefix)
    yield from _zones(spec, prefix)
    yield from _values(spec, prefix)


def _merge_fits(merge: Merge, kind: Kind, path: Path) -> Iterator[Problem]:
    fitting = FITTING.get(merge, frozenset(Kind))
    if kind not in fitting:
        kinds = _or(tuple(one for one in Kind if one in fitting))
        text = _("%(merge)s is for type %(kinds)s; the type is %(kind)s")
        yield Problem(path, text % {"merge": quoted(merge), "kinds": kinds, "kind": kind})


def check_world(world: World) -> Iterator[tuple[str, Problem]]:
    """What must fit between mappings, each with the name of the mapping that it is told of."""
    pairs: dict[frozenset[tuple[str, str]], str] = {}
    for name, spec in world.mappings.items():
        pair = frozenset((end.system, end.resource) for end in (spec.left, spec.right))
        if pair in pairs and len(pair) == 2:
            text = _("the mapping %(name)s pairs the same two resources already")
            yield name, Problem(("right",), text % {"name": quoted(pairs[pair])})
        pairs.setdefault(pair, name)
    yield from _cycles(world)


def _resources(spec: MappingSpec, world: World, prefix: Path) -> Iterator[Problem]:
    for side in SIDES:
        end: ResourceName = getattr(spec, side.value)
        if end.system not in world.systems:
            none = _("no system is configured")
            text = unknown(_("unknown system %(name)s"), end.system, sorted(world.systems), none=none)
            yield Problem((*prefix, side.value, "system"), text)
        elif end.resource not in world.systems[end.system] and end.system not in world.broken:
            known = sorted(world.systems[end.system])
            said, none = _("unknown resource of %(system)s %(name)s"), _("it has no resources")
            text = unknown(said, end.resource, known, none=none, system=end.system)
            yield Problem((*prefix, side.value, "resource"), text)
    if spec.left == spec.right:
        yield Problem((*prefix, "right"), _("is the same resource as the left one"))


def _expression(text: str, allowed: frozenset[str], names: list[str] | None, path: Path) -> Iterator[Problem]:
    try:
        compile_rule(text, allowed)
    except RuleError as error:
        yield Problem(path, _("is not a rule that works: %(error)s") % {"error": error})
        return
    if names is not None:
        for used in sorted(set(RECORD_USE.findall(STRINGS.sub("''", text))) - set(names)):
            yield Problem(path, unknown(_("uses the unknown field mapping %(name)s"), used, names))


def _reference(spec: MappingSpec, one: FieldSpec, world: World, prefix: Path) -> Iterator[Problem]:
    if one.type is not Kind.REFERENCE or not one.mapping:
        return
    target = world.mappings.get(one.mapping)
    if target is None:
        if one.mapping not in world.broken:
            said, none = _("unknown mapping %(name)s"), _("there is no other")
            text = unknown(said, one.mapping, sorted(world.mappings), none=none)
            yield Problem((*prefix, "mapping"), text)
        return
    ends, wanted = (target.left.system, target.right.system), (spec.left.system, spec.right.system)
    if ends != wanted:
        text = _("%(name)s pairs %(theirs)s, this mapping %(ours)s")
        both = _("%(left)s with %(right)s")
        theirs, ours = (both % {"left": left, "right": right} for left, right in (ends, wanted))
        told = text % {"name": quoted(one.mapping), "theirs": theirs, "ours": ours}
        swap = _("swap its sides")
        yield Problem((*prefix, "mapping"), f"{told}; {swap}" if ends == wanted[::-1] else told)


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
                text = _("%(source)s is in the field mapping %(others)s too: more than one would write it")
                told = text % {"source": quoted(source), "others": others}
                remedy = _("Leave one out, or give them all `owner: %(side)s`") % {"side": side}
                yield Problem((*prefix, "fields", names[-1], side.value), told, remedy)


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
                    text = _("differs from that of %(name)s; group %(group)s is decided together")
                    told = text % {"name": quoted(names[0]), "group": quoted(group)}
                    yield Problem((*prefix, "fields", name, key), told)


def _learned(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    if spec.learned and spec.group:
        text = _("counts only without `group`: no rule decides what is decided together")
        yield Problem((*prefix, "learned"), text)
    if spec.learned and spec.two_people:
        text = _("counts only without `two_people`: no rule decides what takes two people")
        yield Problem((*prefix, "learned"), text)
    seen = set()
    for number, rule in enumerate(spec.learned):
        if (rule.differs, rule.changed) in seen:
            text = _("says a second time what is done with %(differs)s, %(changed)s")
            told = text % {"differs": quoted(rule.differs), "changed": rule.changed}
            yield Problem((*prefix, "learned", number), told)
        seen.add((rule.differs, rule.changed))


def _zones(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    for side in SIDES:
        if zone := getattr(spec.zones, side.value):
            try:
                ZoneInfo(zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                text = _("%(zone)s is not an IANA time zone such as Europe/Berlin") % {"zone": quoted(zone)}
                near = guess(zone, sorted(available_timezones()))
                yield Problem((*prefix, "zones", side.value), text + near)


def _values(spec: FieldSpec, prefix: Path) -> Iterator[Problem]:
    if spec.owner is Side.LEFT:
        return  # never translated back
    seen: dict[str, str] = {}
    for left, right in spec.values.items():
        if str(right) in seen:
            text = _("%(right)s stands for both %(one)s and %(other)s")
            told = text % {"right": quoted(right), "one": quoted(seen[str(right)]), "other": quoted(left)}
            remedy = _(
                "It could not be translated back; give the field `owner: left`, or the values one each"
            )
            yield Problem((*prefix, "values", left), told, remedy)
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
                    text = _("references go in a circle: %(way_round)s; each would wait for the other")
                    told_of = Problem(("fields", field_name, "mapping"), text % {"way_round": way_round})
                    yield name, told_of
            else:
                yield from visit(target, [*way, target])

    for name in world.mappings:
        yield from visit(name, [name])


def _or(kinds: tuple[Kind, ...]) -> str:
    return _(" or ").join(kinds)
