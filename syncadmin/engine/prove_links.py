"""What the journal says that linked records hold, against the shadows of their links.

The journal knows a value of a side if it was written there, or if it was a change of that side that both sides
came to agree on. Pairs that were linked silently, being equal, have no entries: nothing is known of them here.
The journal is read link by link, so that the memory needed is that of one batch of links.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from django.db import connection

from syncadmin.core.plan import Disposition
from syncadmin.core.side import SIDES, Side
from syncadmin.core.values import Value, decode, same
from syncadmin.models import EntryKind, Intent, Link, LinkStatus, Mapping

from .prove_report import Finding, Proof

CHUNK = 2000
_SETTLES = (Disposition.PROPAGATED, Disposition.CONVERGED, Disposition.MERGED)
_MAY_SETTLE = (Disposition.OVERRIDDEN, Disposition.SUPERSEDED)
_json = msgspec.json.Decoder()
_QUERY = """
    SELECT e.link_id, e.seq, e.kind, e.side, e.field, e.new, e.disposition, e."of", c.side, c.new
    FROM syncadmin_entry e LEFT JOIN syncadmin_entry c
      ON c.mapping_id = e.mapping_id AND c.seq = e."of" AND c.kind = 'change' AND e.kind = 'write'
    WHERE e.mapping_id = %s AND e.link_id IS NOT NULL AND e.kind IN ('write', 'disposition', 'link')
    ORDER BY e.link_id, e.seq
"""


@dataclass(slots=True)
class _Told:
    """What the journal tells of one link: its last word on the pairing, and values by (side, field).

    A value comes with the number of the entry that showed it, and with what else may stand there.
    """

    link_id: int
    seq: int = 0
    pairing: str = ""
    keys: list[str] = field(default_factory=list)
    values: dict[tuple[str, str], tuple[int, list[Value]]] = field(default_factory=dict)

    def read(self, row: tuple[Any, ...]) -> None:
        """Take in one entry of the link."""
        _, seq, kind, side, name, new, disposition, of, cause_side, cause_new = row
        self.seq = seq
        if kind == EntryKind.LINK:
            self.keys = _value(new)
        elif kind == EntryKind.WRITE:
            if cause_side == Side(side).other and name == "":
                self._settle(cause_side, "", of, cause_new, disposition)
            self._written(seq, side, name, new, cause_side, cause_new)
            if cause_side is not None and name:
                self._settle(cause_side, name, of, cause_new, disposition)
        elif of is not None:
            self._settle(side, name, of, new, disposition)

    def _written(
        self, seq: int, side: str, name: str, new: str | None, cause_side: str | None, cause_new: str | None
    ) -> None:
        """A side holds what was written; if another write of the same decision failed, what it was made of counts."""
        written = _value(new)
        if name == "":
            for each, value in (written or {}).items():
                self.values[side, each] = (seq, [value])
            return
        other = Side(side).other.value
        _, made_of = self.values.get((other, name), (0, []))
        if cause_side == other:
            made_of = [_value(cause_new)]
        self.values[side, name] = (seq, [written, *made_of])

    def _settle(self, side: str, name: str, of: int, new: str | None, disposition: str) -> None:
        """A side's own change is what it holds, once agreed on, unless it was written to since."""
        value = _value(new)
        if name == "":
            if disposition == Disposition.PROPAGATED and isinstance(value, dict):
                for each, held in value.items():
                    self._settle_value(side, each, of, held)
        elif disposition in _SETTLES:
            self._settle_value(side, name, of, value)
        elif disposition in _MAY_SETTLE and (side, name) in self.values:
            self.values[side, name][1].append(value)

    def _settle_value(self, side: str, name: str, of: int, value: Value) -> None:
        if self.values.get((side, name), (0, []))[0] < of:
            self.values[side, name] = (of, [value])


def _value(text: str | None) -> Any:
    return None if text is None else _json.decode(text)


def check_links(mapping: Mapping, proof: Proof, report: Any) -> None:
    """Each link is in the state that the journal left it in, and holds the values that the journal tells."""
    names = set(mapping.fields.values_list("name", flat=True))
    being_written = set(
        Intent.objects.filter(mapping=mapping).exclude(link=None).values_list("link_id", flat=True)
    )
    batch: list[_Told] = []
    for told in _told(mapping.pk):
        batch.append(told)
        if len(batch) == CHUNK:
            _check(batch, names, being_written, proof)
            report("links", CHUNK, 0)
            batch = []
    _check(batch, names, being_written, proof)


def _told(mapping_id: int) -> Iterator[_Told]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_QUERY, [mapping_id])
        rows = (row for page in iter(lambda: cursor.fetchmany(CHUNK), []) for row in page)
        for link_id, entries in groupby(rows, key=itemgetter(0)):
            told = _Told(link_id)
            for row in entries:
                if row[2] == EntryKind.LINK:
                    told.pairing = "told"
                told.read(row)
            yield told
