"""The REST connector: any JSON API by configuration alone.

It puts the parts together (client, resources, readers, writers) and keeps one HTTP client open. It knows
nothing of mappings, links or Django, and it neither retries nor waits: that is the engine's part.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from pydantic import BaseModel

from connectors.base import (
    Capabilities,
    ChangeMode,
    CheckItem,
    ClockReading,
    Fetched,
    Guarantee,
    Misconfigured,
    Op,
    Outcome,
    Page,
    Record,
    ResourceInfo,
    Write,
)
from connectors.hooks import Registration
from connectors.offers import Offer
from connectors.pacing import Quota
from connectors.surroundings import Surroundings
from connectors.trying import Exchange

from .bodies import keyed
from .client import Client
from .config import Resource, System
from .describing import Describer, check_system, discover
from .following import Follower
from .offers import OFFERS, suggested
from .reading import Reader
from .registering import Registrar
from .resource import Shape, filled
from .schema import Schema
from .webhooks import written
from .writing import Writer


class RestConnector:
    """One open connection to one REST system."""

    kind: ClassVar[str] = "rest"
    Config: ClassVar[type[BaseModel]] = System
    ResourceConfig: ClassVar[type[BaseModel]] = Resource
    offers: ClassVar[Sequence[Offer]] = OFFERS
    webhook = staticmethod(written)

    def __init__(self, config: BaseModel, resources: Mapping[str, BaseModel], *, system: str = "") -> None:
        if not isinstance(config, System):
            raise Misconfigured("not the configuration of a REST system", system=system)
        self._config, self._system = config, system
        self._client = Client(config, system=system)
        self._shapes: dict[str, Shape] = {}
        self._writers: dict[str, Writer] = {}
        self._readers: dict[str, Reader] = {}
        self._followers: dict[str, Follower] = {}
        self._describers: dict[str, Describer] = {}
        blanks = {**config.blanks, "base_path": self._client.base_path, "secret": self._client.sealed}
        self._blanks = blanks
        for name, resource in resources.items():
            if not isinstance(resource, Resource):
                raise Misconfigured("not the configuration of a REST resource", system=system, resource=name)
            shape = Shape(name, resource, blanks=blanks, system=system)
            self._shapes[name] = shape
            schema = Schema(self._client, shape)
            self._readers[name] = Reader(self._client, shape, schema)
            self._followers[name] = Follower(self._client, shape, schema, self._readers[name])
            self._writers[name] = Writer(self._client, shape, self._readers[name], schema)
            self._describers[name] = Describer(shape, self._readers[name], schema)
        busiest = max((shape.config.pace.concurrency for shape in self._shapes.values()), default=1)
        self._pool = ThreadPoolExecutor(busiest, "rest") if busiest > 1 else None

    def surround(self, surroundings: Surroundings) -> None:
        """What whoever opens it gives besides; told before anything is asked."""
        self._client.surround(surroundings)

    # ------------------------------------------------------------ description

    def check(self) -> list[CheckItem]:
        """Test the connection: reachable, authenticated, clock, each configured resource."""
        told = ((shape.path, shape.config.listing) for shape in self._shapes.values())
        plain = (path for path, listing in told if listing.method == "GET" and not listing.statement)
        listed = self._config.discover
        probe = next(plain, "") or (self._listing() if listed and listed.method == "GET" else "")
        return check_system(self._client, self._describers.values(), probe)

    def registers_hooks(self) -> bool:
        """Whether the system can be told where to send webhooks."""
        return self._config.webhook is not None and self._config.webhook.registration is not None

    def hooks_at(self, address: str) -> list[Registration]:
        """What the system has been told to send to an address."""
        return self._registrar().found(address)

    def register_hooks(self, address: str) -> list[Registration]:
        """Have webhooks sent to an address; what is registered already stays."""
        return self._registrar().register(address)

    def remove_hooks(self, address: str) -> int:
        """Have nothing sent to an address any more; how many registrations went."""
        return self._registrar().remove(address)

    def _registrar(self) -> Registrar:
        webhook = self._config.webhook
        if webhook is None or webhook.registration is None:
            text = "its configuration does not say how webhooks are registered (webhook.register)"
            raise Misconfigured(text, system=self._system)
        secret = webhook.signed.secret.get_secret_value()
        return Registrar(self._client, webhook.registration, secret, self._system)

    def watched(self) -> AbstractContextManager[list[Exchange]]:
        """Note every request and its answer until the end of the context; the list is filled then."""
        return self._client.watched()

    def discover(self) -> list[ResourceInfo]:
        """The resources that the system lists; where it can't, those that are configured."""
        told = self._config.discover
        if told is None:
            return [self.describe(name) for name in self._shapes]
        if told.names is None:
            return [ResourceInfo(name=name, key="", complete=False) for name in told.known]
        try:
            body = None if told.body is None else keyed(told.body, self._blanks)
        except ValueError as error:
            raise Misconfigured(f"a body can't be filled in: {error}", system=self._system) from error
        return discover(self._client, self._listing(), told.names, method=told.method, body=body)

    def suggested(self, info: ResourceInfo) -> dict[str, Any]:
        """How a resource that `discover` found would be configured."""
        return suggested(self._config.preset, info)

    def _listing(self) -> str:
        """Where the system lists its resources, '' if it does not."""
        if self._config.discover is None:
            return ""
        return filled(self._config.discover.path, self._config.blanks, system=self._system, resource="")

    def describe(self, resource: str) -> ResourceInfo:
        """A configured resource as the system has it now."""
        self._shape(resource)
        return self._describers[resource].describe()

    def capabilities(self, resource: str) -> Capabilities:
        """What can be promised for a configured resource, from its configuration."""
        config, refuses = self._shape(resource).config, self._writers[resource].preparer.conditional
        atomic, checked = Guarantee.ATOMIC, Guarantee.CHECKED
        return Capabilities(
            changes=ChangeMode.CURSOR if config.incremental_reads else ChangeMode.SCAN,
            update=atomic if refuses(Op.UPDATE) else checked,
            delete=atomic if refuses(Op.DELETE) else checked,
            finds=config.find is not None or config.filter is not None,
            deletes=config.delete.possible,
            tombstones=config.tells_deletes,
            batch=500,
            answers=config.answers,
            versions=config.version is not None and not config.version.seconds,
            idempotent=config.create.is_idempotent,
            writes_together=config.batch.limit if config.batch is not None else 1,
            reads_together=config.fetch.limit
            if config.fetch.many or config.fetch.search or config.filter
            else 1,
            at_once=config.pace.concurrency,
        )

    def clock(self) -> ClockReading | None:
        """How the system's clock differs from ours, by the dates of the answers so far."""
        return self._client.clock.reading()

    # ------------------------------------------------------------ reading

    def changes(self, resource: str, cursor: Any, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Pages of what was changed since the cursor, overlap included."""
        self._shape(resource)
        return self._followers[resource].changes(cursor, fields, limit)

    def scan(self, resource: str, *, fields: Sequence[str], limit: int) -> Iterator[Page]:
        """Every record, in pages."""
        return self._reader(resource).scan(fields, limit)

    def fetch(self, resource: str, keys: Sequence[str], *, fields: Sequence[str]) -> Fetched:
        """Records by key."""
        return self._reader(resource).fetch(keys, fields)

    def find(
        self, resource: str, field: str, values: Sequence[Any], *, fields: Sequence[str]
    ) -> list[Record]:
        """Records whose field equals one of the values."""
        return self._reader(resource).find(field, values, fields)

    # ------------------------------------------------------------ writing

    def write(self, resource: str, writes: Sequence[Write], *, fields: Sequence[str]) -> list[Outcome]:
        """Carry out writes; one outcome each, in order."""
        self._shape(resource)
        return self._writers[resource].write(writes, fields, self._pool)

    def foresee(self, resource: str, write: Write) -> list[Exchange] | Outcome:
        """The requests that a write would be, or its outcome if nothing would be sent. Nothing is written."""
        self._shape(resource)
        return self._writers[resource].foresee(write)

    def quota(self) -> Quota | None:
        """How much may be asked in a day, None if nobody counts."""
        return self._client.quota

    def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            self._pool.shutdown()
        self._client.close()

    def _shape(self, resource: str) -> Shape:
        if resource not in self._shapes:
            there = ", ".join(self._shapes) or "none"
            raise Misconfigured(
                f"no such resource is configured; there are: {there}", system=self._system, resource=resource
            )
        return self._shapes[resource]

    def _reader(self, resource: str) -> Reader:
        self._shape(resource)
        return self._readers[resource]
