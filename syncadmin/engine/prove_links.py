"""What the journal says that linked records hold, against the shadows of their links.

The journal knows a value of a side if it was written there, or if it was a change of that side that both came
to agree on. Pairs that were linked silently, being equal, have no entries: nothing is known of them here. The
journal is read link by link, so that the memory needed is that of one batch of links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection

from syncadmin.core.plan import Disposition
from syncadmin.core.side import Side
from syncadmin.core.values import Value, decode, same
from syncadmin.models import EntryKind, Intent, Link, LinkStatus, Mapping

from .links import BURIED
from .prove_report import Finding, Proof

CHUNK = 2000
_STORED = ("status", "left_key", "right_key", "left_shadow", "right_shadow")
_SETTLES = (Disposition.PROPAGATED, Disposition.CONVERGED, Disposition.MERGED)
_MAY_SETTLE = (Disposition.OVERRIDDEN, Disposition.SUPERSEDED)
_OTHER = {side.value: side.other.value for side in Side}
_json = msgspec.json.Decoder()
_QUERY = """
    SELECT e.link_id, e.seq, e.kind, e.side, e.field, e.new, e.disposition, e.rule, e."of", c.side, c.new,
      CASE WHEN e.disposition = 'reverted' THEN e.old END
    FROM syncadmin_entry e LEFT JOIN syncadmin_entry c
      ON c.mapping_id = e.mapping_id AND c.seq = e."of" AND c.kind = 'change' AND e.kind = 'write'
    WHERE e.mapping_id = %s AND e.link_id IS NOT NULL AND e.kind IN ('write', 'disposition', 'link')
    ORDER BY e.link_id, e.seq
"""


@dataclass(slots=True)
class _Known:
    """A value that the journal tells: the entry that showed it, what may stand there, whether it must."""

    seq: int
    values: list[Value]
    must: bool = True


@dataclass(slots=True)
class _Told:
    """What the journal tells of one link: its last word on the pairing, and values by (side, field)."""

    link_id: int
    seq: int = 0
    pairing: str = ""
    keys: list[str] = field(default_factory=list)
    known: dict[tuple[str, str], _Known] = field(default_factory=dict)

    def read(self, row: tuple[Any, ...]) -> None:
        """Take in one entry of the link."""
        _, self.seq, kind, side, name, new, fate, rule, of, cause_side, cause_new, ancestor = row
        if kind == EntryKind.LINK:
            keys = _value(new)
            self.pairing, self.keys = rule, keys if isinstance(keys, list) else []
        elif side not in _OTHER:
            return  # the chain tells of it
        elif kind == EntryKind.WRITE:
            self._written(side, name, _value(new), cause_side, cause_new)
            if cause_side is not None:
                self._settle(cause_side, name, of, _value(cause_new), fate)
        elif fate == Disposition.REVERTED:
            self._revert(side, name, of or 0, ancestor)
        elif of is not None:
            self._settle(side, name, of, _value(new), fate)

    def _written(self, side: str, name: str, new: Any, cause_side: str | None, cause_new: str | None) -> None:
        """The side holds what was written.

        Where one decision wrote to both sides and only one write was applied, the ancestor of both is
        what the other side held: the value that it was made of.
        """
        if name == "":
            for each, value in _record(new).items():
                self.known[side, each] = _Known(self.seq, [value], must=False)
            return
        other = _OTHER[side]
        if cause_side == other:
            made_of = [_value(cause_new)]
        else:
            # at first contact an empty value has no entry
            made_of = self.known[other, name].values if (other, name) in self.known else [None]
        self.known[side, name] = _Known(self.seq, [new, *made_of])

    def _revert(self, side: str, name: str, of: int, ancestor: str | None) -> None:
        """The hub holds again what both had agreed on before the decision that was undone, if anything."""
        if ancestor is None:
            self.known.pop((side, name), None)
            self.known.pop((_OTHER[side], name), None)
        else:
            self.known[side, name] = _Known(of, [_value(ancestor)])

    def _settle(self, side: str, name: str, of: int, new: Any, fate: str) -> None:
        """A side's own change is what it holds once that is agreed on, unless it was written to since."""
        if name == "":
            if fate == Disposition.PROPAGATED:
                for each, value in _record(new).items():
                    if (side, each) not in self.known or self.known[side, each].seq < of:
                        self.known[side, each] = _Known(of, [value], must=False)
            return
        before = self.known.get((side, name))
        if before is not None and before.seq > of:
            return
        if fate in _SETTLES:
            self.known[side, name] = _Known(of, [new])
        elif fate in _MAY_SETTLE and before is not None:
            before.values.append(new)


def _value(text: str | None) -> Any:
    """A journaled value; what is no JSON stands for itself, and equals nothing that was ever written."""
    try:
        return None if text is None else _json.decode(text)
    except msgspec.DecodeError:
        return f"unreadable: {text}"


def _record(values: Any) -> dict[str, Value]:
    """The values of a whole record; none if these are no such values (the chain tells of that)."""
    return values if isinstance(values, dict) else {}


def check_links(mapping: Mapping, proof: Proof, report: Callable[[str, int, int], None]) -> None:
    """Each link is in the state that the journal left it in, and holds the values that the journal tells."""
    names = set(mapping.fields.values_list("name", flat=True))
    intents = Intent.objects.filter(mapping=mapping).exclude(link=None)
    unsettled = set(intents.values_list("link_id", flat=True))
    told = _told(mapping.pk)
    while batch := list(islice(told, CHUNK)):
        found = Link.objects.filter(mapping=mapping, pk__in=[t.link_id for t in batch])
        stored = {row[0]: row[1:] for row in found.values_list("pk", *_STORED)}
        for each in batch:
            _check(each, stored.get(each.link_id), proof)
            if each.link_id in stored and each.link_id not in unsettled:
                _check_values(each, stored[each.link_id], names, proof)
        proof.links += len(batch)
        report("links", len(batch), 0)


def _told(mapping_id: int) -> Iterator[_Told]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_QUERY, [mapping_id])
        rows = (row for page in iter(lambda: cursor.fetchmany(CHUNK), []) for row in page)
        for link_id, entries in groupby(rows, key=itemgetter(0)):
            told = _Told(link_id)
            for row in entries:
                told.read(row)
            yield told


def _check(told: _Told, link: tuple[Any, ...] | None, proof: Proof) -> None:
    """The pairing itself."""
    where: dict[str, Any] = {"side": "left", "key": told.keys[0] if told.keys else ""}
    where |= {"seq": told.seq, "link": told.link_id}
    if link is None:
        proof.found(Finding("link", "the journal knows this link, and the hub no longer has it", **where))
        return
    status, *keys = link[:3]
    where["key"] = keys[0]
    if (status == LinkStatus.CLOSED) != (told.pairing == "closed"):
        says = (
            f"the last word of the journal is {told.pairing}"
            if told.pairing
            else "the journal tells nothing of it"
        )
        proof.found(Finding("link", f"this link is {status}, and {says}", **where))
    if told.keys and not _same_pair(told, keys):
        proof.found(
            Finding(
                "link",
                "other records are paired than the journal says",
                **where,
                expected=told.keys,
                found=keys,
            )
        )


def _same_pair(told: _Told, keys: list[str]) -> bool:
    """Whether these are the records that the journal told of; a key that was given again may be buried."""
    known = [(key, f"{BURIED}{key}:{told.link_id}") for key in told.keys]
    return len(known) == len(keys) and all(key in names for key, names in zip(keys, known, strict=True))


def _check_values(told: _Told, link: tuple[Any, ...], names: set[str], proof: Proof) -> None:
    """What the hub holds to be each side's value."""
    status, left_key, right_key, left, right = link
    if status == LinkStatus.CLOSED:
        return
    try:
        shadows = {"left": decode(bytes(left)), "right": decode(bytes(left if right is None else right))}
    except msgspec.DecodeError as error:
        text = f"what the hub remembers of this link can't be read: {error}"
        proof.found(Finding("shadow", text, "left", left_key, link=told.link_id))
        return
    for (side, name), known in told.known.items():
        if name not in names or (name not in shadows[side] and not known.must):
            continue
        proof.values += 1
        held = shadows[side].get(name)
        if not any(same(held, value) for value in known.values):
            key = left_key if side == Side.LEFT else right_key
            text = "the hub holds another value than the journal tells"
            proof.found(
                Finding("shadow", text, side, key, name, known.seq, told.link_id, known.values[0], held)
            )
