"""A mapping against the live systems: does what it names exist, fit its type, and may it be written?

One `describe` a side, nothing is written. The engine asks before each pass, `check` and the admin's button on
request; all say the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from django.utils.translation import gettext as _

from connectors.base import Connector, FieldInfo, Misconfigured, ResourceInfo, Unreadable
from syncadmin.core.fieldtype import FITS
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Kind
from syncadmin.models import FieldMapping
from syncadmin.models import Mapping as MappingRow

from .problems import Problem, hint, quoted


def verify(mapping: MappingRow, connectors: Mapping[Side, Connector]) -> list[Problem]:
    """All problems of a mapping with the systems as they are now, empty if there is none.

    Raises Retry if a system can't be reached; all that a person must repair is answered, not raised.
    """
    described, problems = describe(mapping, connectors)
    return problems + misfits(mapping, described)


def describe(
    mapping: MappingRow, connectors: Mapping[Side, Connector]
) -> tuple[dict[Side, ResourceInfo], list[Problem]]:
    """Both resources as their systems describe them now, and a problem for each that can't be described.

    Raises Retry if a system can't be reached.
    """
    described: dict[Side, ResourceInfo] = {}
    problems: list[Problem] = []
    for side in SIDES:
        try:
            described[side] = connectors[side].describe(mapping.resource(side).name)
        except (Misconfigured, Unreadable) as error:
            problems.append(Problem(("mappings", mapping.name, side.value), str(error)))
    return described, problems


def misfits(mapping: MappingRow, described: Mapping[Side, ResourceInfo]) -> list[Problem]:
    """All that the mapping asks of the described resources and that is not so."""
    return [problem for side, info in described.items() for problem in _side(mapping, side, info)]


def _side(mapping: MappingRow, side: Side, info: ResourceInfo) -> Iterator[Problem]:
    place = str(mapping.resource(side))
    if not info.key:
        yield Problem(
            ("mappings", mapping.name, side.value),
            _("%(place)s has no key that identifies a record") % {"place": place},
            _("Give the table a primary key, or name a unique column as `key` of the resource"),
        )
    known = {f.name: f for f in info.fields}
    author = mapping.resource(side).changed_by
    if author and info.complete and "." not in author and author not in known:
        text = _("%(place)s has no field %(name)s") % {"place": place, "name": quoted(author)}
        remedy = _("Correct `changed_by` of the resource, or leave it out")
        yield Problem(("mappings", mapping.name, side.value), text + hint(author, sorted(known)), remedy)
    owned_rows = {rule.owner for rule in mapping.row_rules.all()}
    for row in mapping.fields.all():
        prefix = ("mappings", mapping.name, "fields", row.name)
        source = row.source(side)
        found = known.get(source)
        if found is None:
            if info.complete and "." not in source:
                text = _("%(place)s has no field %(name)s") % {"place": place, "name": quoted(source)}
                remedy = _("Correct the field mapping, or add the field to the system")
                yield Problem((*prefix, side.value), text + hint(source, sorted(known)), remedy)
            continue
        if info.complete:  # what was only seen in a sample is no proof of a type
            yield from _type(row, side, found, place, prefix)
        if not found.writable and _writes(mapping, row, side, owned_rows):
            text = _("%(place)s is read-only, but changes of the other side would be written to it")
            remedy = _("Set `owner: %(side)s`, so that it is only read") % {"side": side}
            yield Problem((*prefix, side.value), text % {"place": f"{place}.{source}"}, remedy)


def _type(
    row: FieldMapping, side: Side, found: FieldInfo, place: str, prefix: tuple[str | int, ...]
) -> Iterator[Problem]:
    kind = Kind(row.type)
    native = f" ({found.native})" if found.native and found.native != found.type else ""
    if found.type not in set(Kind):
        return  # the system can't tell
    if found.type not in FITS[kind]:
        text = _("type %(kind)s does not fit %(place)s, which is of type %(found)s")
        told = {"kind": kind, "place": f"{place}.{found.name}", "found": f"{found.type}{native}"}
        fitting = ", ".join(other for other in Kind if Kind(found.type) in FITS[other])
        yield Problem((*prefix, "type"), text % told, _("Types that fit: %(kinds)s") % {"kinds": fitting})
    elif kind is Kind.SET and found.type == Kind.TEXT and not row.separators.get(side.value):
        text = _("%(place)s is text, and nothing says what separates the members of the set")
        remedy = _("Give a separator, such as %(example)s") % {"example": f'{{{side}: ";"}}'}
        yield Problem((*prefix, "separators", side.value), text % {"place": f"{place}.{found.name}"}, remedy)


def _writes(mapping: MappingRow, row: FieldMapping, side: Side, owned_rows: set[str]) -> bool:
    if mapping.owner:
        return mapping.owner != side.value
    return row.owner != side.value or bool(owned_rows - {side.value})


def verify_live(mapping: MappingRow, open_: Callable[..., Connector] | None = None) -> list[Problem]:
    """`verify` with connectors of its own, closed afterwards. Raises Misconfigured, Retry."""
    from .connect import open_connector

    opened: dict[Side, Connector] = {}
    try:
        for side in SIDES:
            opened[side] = (open_ or open_connector)(mapping.resource(side).system)
        return verify(mapping, opened)
    finally:
        for connector in opened.values():
            connector.close()
