"""After a change of the configuration, what is remembered follows it: before anything is read or decided.

A field under a new name takes along what was agreed on it, what is asked about it and what is being written.
A field that is no longer mapped is forgotten, so that it starts anew should it come back. Other match keys
find the linked records too. Links themselves stay, whatever is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from conflicts import listing
from conflicts.models import Conflict, ConflictField, LearnedRule
from syncadmin.core.side import SIDES
from syncadmin.core.values import decode, encode
from syncadmin.models import Intent, Link, MappingState, bulk, marks

from .binding import Binding
from .lease import Lease
from .links import BURIED
from .load import match_bytes

CHUNK = 5000
_READ = "id, left_shadow, right_shadow, match, alone"
_STORED = ("left_shadow", "right_shadow", "match", "alone")
RENAMED = "renamed"


@dataclass(frozen=True, slots=True)
class Shape:
    """What links are made by. `renamed`: old name -> new name of fields that only go by another name."""

    names: frozenset[str]
    renamed: Mapping[str, str]
    rematch: bool

    def of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by field, under the names that fields have now, without what is no longer mapped."""
        named = {self.renamed.get(name, name): value for name, value in values.items()}
        return {name: value for name, value in named.items() if name in self.names}


def follow(binding: Binding, lease: Lease, before: Mapping[str, Any]) -> bool:
    """Bring links, open questions and intents into the mapping's shape. Returns whether there was need.

    `before` is what they were last made by, with what was renamed since (see `remembered`). Dying in the
    middle does no harm: it is done again. Raises LeaseLost.
    """
    shape = links_in_shape(binding, lease, before)
    if shape is None:
        return False
    with lease.fenced():
        _rename_questions(binding.id, shape)
        _rename_intents(binding.id, shape)
        MappingState.objects.filter(mapping_id=binding.id).update(remembered=_made_by(binding))
    return True


def links_in_shape(binding: Binding, lease: Lease, before: Mapping[str, Any]) -> Shape | None:
    """Bring the links alone into shape, and have what is asked judged anew. None if there was no need."""
    wanted = _made_by(binding)
    if before == wanted:
        return None
    shape = Shape(
        frozenset(binding.policy.by_name),
        {old: new for new, old in before.get(RENAMED, {}).items()},
        before.get("match") != wanted["match"],
    )
    for rows in _links(binding.id):
        with lease.fenced():
            bulk.update(Link, _STORED, [made for row in rows if (made := _reshaped(binding, shape, row))])
        lease.keep()
    with lease.fenced():
        _ask_again(binding.id, lease)
    return shape


def remembered(mapping_id: int) -> dict[str, Any]:
    """What the links of a mapping were last made by."""
    stored = MappingState.objects.values_list("remembered", flat=True).get(mapping_id=mapping_id)
    return dict(stored)


def _made_by(binding: Binding) -> dict[str, Any]:
    return {"fields": sorted(binding.policy.by_name), "match": list(binding.policy.match)}


def with_renamed(before: Mapping[str, Any], renamed: Mapping[str, str]) -> dict[str, Any]:
    """What is remembered, once these fields (new name -> old name) go by other names, too."""
    known = before.get(RENAMED, {})
    names = {new: known.get(old, old) for new, old in renamed.items()}
    kept = {new: old for new, old in known.items() if new not in renamed.values()}
    together = {**kept, **names}
    return {**before, RENAMED: together} if together else dict(before)


def _links(mapping_id: int) -> Iterator[list[tuple[Any, ...]]]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {_READ} FROM syncadmin_link WHERE mapping_id = %s AND NOT status = 'closed' "
                "AND id > %s ORDER BY id LIMIT %s",
                [mapping_id, after, CHUNK],
            )
            rows = list(cursor.fetchall())
        if not rows:
            return
        after = rows[-1][0]
        yield rows


def _reshaped(binding: Binding, shape: Shape, row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    """(id, *stored) of a link in its new shape, None if it has it already."""
    pk, left, right, match, alone = (bytes(v) if isinstance(v, memoryview) else v for v in row)
    values = shape.of(decode(left))
    made_left = encode(values)
    made_right = None if right is None else encode(shape.of(decode(right)))
    if made_right == made_left:
        made_right = None
    made_match = match_bytes(binding, values) if shape.rematch else match
    made = (made_left, made_right, made_match, _alone(shape, alone))
    return None if made == (left, right, match, alone) else (pk, *made)


def _alone(shape: Shape, alone: bytes | None) -> bytes | None:
    if alone is None:
        return None
    stored = decode(alone)
    whole = stored["record"]
    stored["fields"] = shape.of(stored["fields"])
    stored["record"] = whole and {side: None if v is None else shape.of(v) for side, v in whole.items()}
    if "reopened" in stored:
        stored["reopened"] = sorted(shape.of(dict.fromkeys(stored["reopened"])))
    if "given up" in stored:
        named = [(next(iter(shape.of({g[1]: None})), None) if g[1] else "", g) for g in stored["given up"]]
        stored["given up"] = [[g[0], name, *g[2:]] for name, g in named if name is not None]
    if not (stored["fields"] or whole is not None or stored.get("reopened") or stored.get("given up")):
        return None
    return encode(stored)


def _rename_questions(mapping_id: int, shape: Shape) -> None:
    """What is asked about a field is asked under its new name; what it had learned goes with it."""
    if not shape.renamed:
        return
    named = ConflictField.objects.filter(conflict__mapping=mapping_id, field__in=list(shape.renamed))
    items = list(Conflict.objects.live().filter(pk__in=named.values("conflict")))
    for row in named.filter(conflict__in=items):
        row.field = shape.renamed[row.field]
        row.save(update_fields=["field"])
    for item in items:
        item.seqs = {_place(shape, place): change for place, change in item.seqs.items()}
        item.snapshot = item.snapshot | {
            side.value: {shape.renamed.get(n, n): v for n, v in item.snapshot[side.value].items()}
            for side in SIDES
            if isinstance(item.snapshot.get(side.value), dict)
        }
        item.save(update_fields=["seqs", "snapshot"])
    listing.relist_items(mapping_id, [item.pk for item in items])
    for old, new in shape.renamed.items():
        LearnedRule.objects.filter(mapping=mapping_id, field=old).update(field=new)


def _place(shape: Shape, place: str) -> str:
    side, _, name = place.partition("/")
    return f"{side}/{shape.renamed.get(name, name)}"


def _rename_intents(mapping_id: int, shape: Shape) -> None:
    """Writes that are under way are finished under the new names."""
    if not shape.renamed:
        return
    for intent in Intent.objects.filter(mapping=mapping_id):
        body = decode(bytes(intent.body))
        for part in ("values", "expected", "settled", "restored"):
            body[part] = {shape.renamed.get(n, n): v for n, v in body.get(part, {}).items()}
        seen = body["seen"].items()
        body["seen"] = {side: {shape.renamed.get(n, n): v for n, v in vs.items()} for side, vs in seen}
        body["changes"] = [[c[0], shape.renamed.get(c[1], c[1]), *c[2:]] for c in body["changes"]]
        Intent.objects.filter(pk=intent.pk).update(body=encode(body))


def _ask_again(mapping_id: int, lease: Lease) -> None:
    """Every record with an open question is judged anew."""
    live = Conflict.objects.live().filter(mapping=mapping_id).order_by("pk")
    linked = live.exclude(link=None).values_list("link__left_key", flat=True)
    places = [("left", key) for key in linked.iterator(chunk_size=CHUNK)]
    places += list(live.filter(link=None).values_list("side", "key").iterator(chunk_size=CHUNK))
    marks.mark(mapping_id, [p for p in places if not p[1].startswith(BURIED)], "changed", lease.clock())
