"""Trying a configuration out on the live system: a reading operation, its requests, and what was taken.

Nothing is stored and nothing is written to the system; `triedwrites` writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.base import ConnectorError, Misconfigured, Record
from connectors.trying import Exchange, Watched
from syncadmin.config import secrets
from syncadmin.config.connect import open_connector
from syncadmin.models import Resource

from . import triedvalues

RECORDS = 5
OPERATIONS = ("list", "one", "changes")


@dataclass(slots=True)
class Tried:
    """What an operation did. `records` are what was taken from its answers, at most RECORDS of `count`.

    `absent` says that the system proved to have no such record; `problem` what went wrong.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    count: int = 0
    absent: bool = False
    problem: str = ""


def run(resource: Resource, operation: str, key: str = "") -> Tried:
    """Carry out a reading operation: `list` (a first page), `one` (by `key`) or `changes` (of just now)."""
    tried = Tried()
    known = secrets.values_of(resource.system)
    try:
        with closing(open_connector(resource.system)) as connector:
            if not isinstance(connector, Watched):
                raise Misconfigured("a system of this kind can't be watched", system=resource.system.name)
            watching = connector.watched()
            with watching as tried.exchanges:
                fields = [info.name for info in connector.describe(resource.name).fields]
                records: list[Record] = []
                if operation == "one":
                    fetched = connector.fetch(resource.name, [key], fields=fields)
                    records, tried.absent = list(fetched.found.values()), key in fetched.absent
                elif operation == "changes":
                    cursor = None
                    for page in connector.changes(resource.name, None, fields=fields, limit=RECORDS):
                        cursor = page.cursor
                    for page in connector.changes(resource.name, cursor, fields=fields, limit=RECORDS):
                        records += page.records
                        break
                else:
                    for page in connector.scan(resource.name, fields=fields, limit=RECORDS):
                        records += page.records
                        break
                tried.count = len(records)
                tried.records = [cleaned(record, known) for record in records[:RECORDS]]
    except ConnectorError as error:
        tried.problem = secrets.scrub(str(error), known)
    tried.exchanges = [scrubbed(one, known) for one in tried.exchanges]
    return tried


def cleaned(record: Record, known: Mapping[str, str]) -> Record:
    """A record without the values of stored secrets, in case the system tells us our own."""
    return replace(record, values={name: _cleaned(value, known) for name, value in record.values.items()})


def _cleaned(value: Any, known: Mapping[str, str]) -> Any:
    text = value if isinstance(value, str) else triedvalues.compact(value)
    told = secrets.scrub(text, known)
    return value if told == text else told


def scrubbed(one: Exchange, known: Mapping[str, str]) -> Exchange:
    """A request and its answer without the values of stored secrets, wherever these stand in them."""

    def clean(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((name, secrets.scrub(text, known)) for name, text in headers)

    return replace(
        one,
        address=secrets.scrub(one.address, known),
        sent=secrets.scrub(one.sent, known),
        answer=secrets.scrub(one.answer, known),
        headers=clean(one.headers),
        asked=clean(one.asked),
    )
