"""Writing to a live system by hand: the request is shown, confirmed by a person, recorded, and then sent.

What was shown is what is sent: a request that would be another one by now is refused. Nothing is sent twice,
and a stale record is not overwritten where the system or a read before can tell. What comes of it is kept for
auditors, and noted in the journal of each mapping of the resource. Callers check permissions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.base import (
    Capabilities,
    Connector,
    ConnectorError,
    Guarantee,
    Misconfigured,
    Op,
    Outcome,
    Record,
    ResourceInfo,
    Result,
    Retry,
    Write,
)
from connectors.trying import Exchange, Foresees, Watched
from syncadmin.config import secrets
from syncadmin.config.connect import open_connector
from syncadmin.core.side import SIDES
from syncadmin.models import EntryKind, Resource, TriedWrite, ledger
from syncadmin.models import Mapping as MappingRow
from syncadmin.models.state import lock_all

from . import triedvalues
from .trying import cleaned, scrubbed

ASKED = {
    Op.CREATE: "asked to create a record by hand",
    Op.UPDATE: "asked to change a record by hand",
    Op.DELETE: "asked to delete a record by hand",
}
ENDED = {
    Result.APPLIED: "done by hand",
    Result.STALE: "not done by hand: the record had changed",
    Result.GONE: "not done by hand: there is no such record",
    Result.REJECTED: "not done by hand: the system refused it",
    Result.RETRY: "not done by hand: the system did not take it then",
    Result.UNKNOWN: "sent by hand, and it is not known whether it was done",
}
SAID = 2000


class NotTried(ValueError):
    """Nothing was sent. Says why, in words for a person."""


@dataclass(slots=True)
class Looked:
    """A record before it is changed or deleted, or what a new one needs; `problem`: why there is nothing."""

    info: ResourceInfo | None = None
    record: Record | None = None
    guarantee: Guarantee | None = None
    exchanges: list[Exchange] = field(default_factory=list)
    problem: str = ""
    absent: bool = False


@dataclass(slots=True)
class Foreseen:
    """What would be sent for a write; `outcome` if nothing would be. `digest` identifies the requests.

    `change` is what a round would change of a record that it makes.
    """

    write: Write
    requests: list[Exchange] = field(default_factory=list)
    outcome: Outcome | None = None
    guarantee: Guarantee | None = None
    change: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    @property
    def digest(self) -> str:
        """Changes with anything that would be sent."""
        told = [(one.method, one.address, one.asked, one.sent) for one in self.requests]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


@dataclass(slots=True)
class Step:
    """One write that was carried out, as it was recorded, and the record as it is in the system now."""

    row: TriedWrite
    outcome: Outcome
    record: Record | None = None
    absent: bool = False


@dataclass(slots=True)
class Done:
    """What came of a write, or of creating, changing and deleting one; `left` is a record still there."""

    steps: list[Step] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    left: str = ""
    problem: str = ""


def look(resource: Resource, op: Op, key: str) -> Looked:
    """The record that is to be changed or deleted, fresh; for a create the fields there are. Only reads."""
    found = Looked()
    try:
        with _opened(resource, found.exchanges) as connector:
            found.info = connector.describe(resource.name)
            found.guarantee = _guarantee(connector.capabilities(resource.name), op)
            if op is not Op.CREATE:
                names = [info.name for info in found.info.fields]
                fetched = connector.fetch(resource.name, [key], fields=names)
                found.absent = key in fetched.absent
                if (record := fetched.found.get(key)) is not None:
                    found.record = _sayable(record, secrets.values_of(resource.system))
    except ConnectorError as error:
        found.problem = secrets.scrub(str(error), secrets.values_of(resource.system))
    return found


def foresee(resource: Resource, write: Write) -> Foreseen:
    """What would be sent for a write, as it would be sent now; a key among its values names a new record."""
    found = Foreseen(write)
    try:
        with _opened(resource, []) as connector:
            found.guarantee = _guarantee(connector.capabilities(resource.name), write.op)
            if write.op is Op.CREATE:
                info = connector.describe(resource.name)
                found.write = write = _named(write, info)
                found.change = triedvalues.other(info, write.values)
            _foreseen(connector, resource, write, found)
    except ConnectorError as error:
        found.problem = secrets.scrub(str(error), secrets.values_of(resource.system))
    return found


def carry_out(resource: Resource, write: Write, *, shown: str, nonce: str, user: Any, undo: bool) -> Done:
    """Send a write whose requests were `shown` (their digest), once for this nonce.

    `undo`: a record that this makes is changed and deleted again. Raises NotTried if nothing was sent.
    """
    done = Done()
    try:
        with _opened(resource, done.exchanges) as connector:
            foreseen = Foreseen(write)
            _foreseen(connector, resource, write, foreseen)
            if foreseen.outcome is None and foreseen.digest != shown:
                raise NotTried(_("Another request would be sent by now: look at it again."))
            hand = _Hand(connector, resource, user, nonce)
            done.steps.append(step := hand.write(write, foreseen))
            if undo and write.op is Op.CREATE:
                _go_round(hand, step, write, done)
    except ConnectorError as error:
        done.problem = secrets.scrub(str(error), secrets.values_of(resource.system))
    done.exchanges = [scrubbed(one, secrets.values_of(resource.system)) for one in done.exchanges]
    return done


def _go_round(hand: _Hand, made: Step, write: Write, done: Done) -> None:
    """Change the record that was made, and delete it, each only as it was left before."""
    key = made.outcome.key if made.outcome.result is Result.APPLIED else None
    if key is None:
        return
    done.left = key
    change = triedvalues.other(hand.info, write.values)
    for op, values in ((Op.UPDATE, change), (Op.DELETE, {})):
        if op is Op.UPDATE and not values:
            continue
        current = hand.record(key)[0]
        if current is None:
            done.problem = _("The new record can't be read: it is still there.")
            return
        wanted = expecting(Write(op, key, values), current)
        foreseen = Foreseen(wanted)
        _foreseen(hand.connector, hand.resource, wanted, foreseen)
        done.steps.append(hand.write(wanted, foreseen))
    if done.steps[-1].outcome.result in (Result.APPLIED, Result.GONE):
        done.left = ""


class _Hand:
    """Writes one thing after the other, each recorded before it is sent."""

    def __init__(self, connector: Connector, resource: Resource, user: Any, nonce: str) -> None:
        self.connector, self.resource, self._user, self._nonce = connector, resource, user, nonce
        self.info = connector.describe(resource.name)
        self._names = [found.name for found in self.info.fields]
        self._known = secrets.values_of(resource.system)
        self._count = 0

    def record(self, key: str) -> tuple[Record | None, bool]:
        """A record as the system has it now, and whether its absence is proven. Raises ConnectorError."""
        fetched = self.connector.fetch(self.resource.name, [key], fields=self._names)
        return fetched.found.get(key), key in fetched.absent

    def write(self, write: Write, foreseen: Foreseen) -> Step:
        """Record it, send it, record what came of it. Raises NotTried if it was sent before."""
        self._count += 1
        row = self._recorded(write, foreseen)
        try:
            outcome = (
                foreseen.outcome or self.connector.write(self.resource.name, [write], fields=self._names)[0]
            )
        except Retry as error:
            outcome = Outcome(Result.RETRY, write.key, said=str(error))
        except ConnectorError as error:
            outcome = Outcome(Result.REJECTED, write.key, said=str(error))
        outcome = replace(outcome, said=secrets.scrub(outcome.said, self._known)[:SAID])
        row.result, row.said, row.ended_at = outcome.result, outcome.said, timezone.now()
        row.new_key = (outcome.key or "") if write.op is Op.CREATE else ""
        _keep(row, self.resource, ENDED[outcome.result])
        record, absent = outcome.record, False
        if outcome.result is Result.APPLIED and outcome.key is not None:
            with suppress(ConnectorError):  # else what the answer told is all that is known
                record, absent = self.record(outcome.key)
        return Step(row, outcome, cleaned(record, self._known) if record else None, absent)

    def _recorded(self, write: Write, foreseen: Foreseen) -> TriedWrite:
        nonce = self._nonce if self._count == 1 else f"{self._nonce}-{self._count}"
        system = self.resource.system
        sent = [scrubbed(one, self._known) for one in foreseen.requests]
        row = TriedWrite(
            nonce=nonce,
            system=system,
            system_name=system.name,
            resource=self.resource.name,
            op=write.op,
            key=write.key or "",
            sent=[[one.method, one.address, one.asked, one.sent] for one in sent],
            user=self._user,
            actor=self._user.get_username(),
            at=timezone.now(),
        )
        try:
            _keep(row, self.resource, ASKED[write.op])
        except IntegrityError:
            raise NotTried(_("This was sent already: see below what came of it.")) from None
        return row


def _sayable(record: Record, known: Mapping[str, str]) -> Record:
    """A record without fields that tell a stored secret: what is shown goes to a browser and back."""
    told = cleaned(record, known).values
    values = {name: value for name, value in record.values.items() if told[name] == value}
    return replace(record, values=values)


def expecting(write: Write, shown: Record) -> Write:
    """The write with what the record must still hold: its version, or else all values that were shown."""
    return replace(write, expected=dict(shown.values), version=shown.version)


def _named(write: Write, info: ResourceInfo) -> Write:
    """A create whose key is not among its values."""
    key = write.values.get(info.key)
    values = {name: value for name, value in write.values.items() if name != info.key}
    return replace(write, key=None if key in (None, "") else str(key), values=values)


def concerned(resource: Resource) -> list[MappingRow]:
    """The mappings that sync this resource, those that are switched on first."""
    using = MappingRow.objects.filter(Q(left=resource) | Q(right=resource))
    return list(using.order_by("-enabled", "name"))


def _keep(row: TriedWrite, resource: Resource, text: str) -> None:
    """Store a row, and tell of it in the journal of each mapping that syncs the resource."""
    with transaction.atomic():
        mappings = {mapping.pk: mapping for mapping in concerned(resource)}
        states = lock_all(mappings)
        row.save()
        for state in states:
            mapping = mappings[state.mapping_id]
            side = next(side for side in SIDES if mapping.resource(side) == resource)
            key = row.new_key or row.key
            note = ledger.Row(EntryKind.NOTE, side=side, key=key, rule=f"{row}: {text}", actor=row.actor)
            ledger.append(mapping.pk, [note], timezone.now())


def _guarantee(told: Capabilities, op: Op) -> Guarantee:
    return {Op.CREATE: told.create, Op.UPDATE: told.update, Op.DELETE: told.delete}[op]


def _foreseen(connector: Connector, resource: Resource, write: Write, into: Foreseen) -> None:
    assert isinstance(connector, Foresees)  # noqa: S101  (`_opened` sees to it)
    found = connector.foresee(resource.name, write)
    if isinstance(found, Outcome):
        into.outcome = found
    else:
        known = secrets.values_of(resource.system)
        into.requests = [scrubbed(one, known) for one in found]


@contextmanager
def _opened(resource: Resource, exchanges: list[Exchange]) -> Iterator[Any]:
    """The resource's connector; what it asks is in `exchanges` at the end. Raises Misconfigured."""
    with closing(open_connector(resource.system)) as connector:
        if not isinstance(connector, Watched) or not isinstance(connector, Foresees):
            raise Misconfigured("a system of this kind can't be watched", system=resource.system.name)
        found: list[Exchange] = []
        try:
            with connector.watched() as found:
                yield connector
        finally:
            exchanges += [scrubbed(one, secrets.values_of(resource.system)) for one in found]
