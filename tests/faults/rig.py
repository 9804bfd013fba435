"""A hub in real processes on the tests' own database: queue server, ticker, workers, and faults to arm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone

from syncadmin.embedded import Child, ValkeyServer
from syncadmin.models import FieldMapping, Intent, Mapping, MappingState, Pass, PassState, Resource, System
from syncadmin.supervisor import manage
from tests.conftest import unique
from tests.ops.family import family_of as family
from tests.ops.family import kill_hard, named, wait_for
from tests.servers.fault_proxy import TcpProxy

from . import plugin
from .peers import FIELDS, Peer

MERGE = {"points": "counter"}


def hub_url() -> str:
    """The address of the database that the tests' hub is in."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(told['NAME']))}"
    account = f"{quote(told['USER'])}:{quote(told['PASSWORD'])}"
    return f"postgresql://{account}@{told['HOST']}:{told['PORT']}/{told['NAME']}"


def map_people(left: Peer, right: Peer, **values: object) -> Mapping:
    """Both systems and a mapping of their people. It is off."""
    resources = []
    for side, peer in (("left", left), ("right", right)):
        system = System.objects.create(name=unique(side), connector=peer.connector, config=peer.config)
        resources.append(Resource.objects.create(system=system, name="people", config=peer.resource))
    told = {
        "match": ["email"],
        "deletes": "propagate",
        "guard_floor": 100,
        "schedule": 3600,
        "enabled": False,
        **values,
    }
    mapping = Mapping.objects.create(name=unique("people"), left=resources[0], right=resources[1], **told)
    for position, (name, kind) in enumerate(FIELDS.items()):
        FieldMapping.objects.create(
            mapping=mapping,
            position=position,
            name=name,
            left=name,
            right=name,
            type=kind,
            merge=MERGE.get(name, "review"),
        )
    return mapping


@dataclass
class Rig:
    """Queue server, ticker and workers, each a process; `faults` is where faults are armed.

    The processes reach the queue server through `proxy`.
    """

    directory: Path
    proxy: TcpProxy
    workers: int = 2

    def __post_init__(self) -> None:
        self.faults = self.directory / "faults"
        self.queue = ValkeyServer(self.directory / "valkey")
        self.proxy.target = self.queue.socket
        self.queue_url = f"redis://127.0.0.1:{self.proxy.port}/0"
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": hub_url(),
            "REDIS_URL": self.queue_url,
            "SECRET_KEY": settings.SECRET_KEY,
            "FIELD_ENCRYPTION_KEYS": ",".join(settings.FIELD_ENCRYPTION_KEYS),
            "SYNCADMIN_VAR": str(self.directory / "var"),
            "FAULTS": str(self.faults),
        }
        commands = [("ticker", "ticker"), *((f"worker-{n}", "worker") for n in range(self.workers))]
        self.children = {
            name: Child(name=name, command=manage(command), log=self.directory / f"{name}.log", env=env)
            for name, command in commands
        }

    def start(self) -> Rig:
        self.faults.mkdir()
        self.queue.start()
        self.revive()
        return self

    def revive(self) -> None:
        """Start again what has died, as `manage.py up` does."""
        for child in self.children.values():
            child.start()

    def stop(self) -> None:
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.stop()
        self.queue.stop()

    def log(self) -> str:
        """What all processes have said last."""
        return "\n".join(f"--- {name}\n{child.log_tail()}" for name, child in self.children.items())

    # ---------------------------------------------------------------- what tests do

    def arm(self, mapping: Mapping, point: str, action: str) -> Path:
        """Have the next pass of this mapping fail at this point; `plugin` knows points and actions."""
        fault = plugin.place(self.faults, mapping.pk, point)
        fault.write_text(action)
        return fault

    def due(self, *mappings: Mapping) -> datetime:
        """Switch the mappings on; a full comparison of each is due from now on. Answers now."""
        now = timezone.now()
        MappingState.objects.filter(mapping__in=mappings).update(next_due=now, next_reconcile=now)
        Mapping.objects.filter(pk__in=[m.pk for m in mappings]).update(enabled=True)
        return now

    def wait(self, condition: object, what: str) -> None:
        """Wait for a condition, with everything that died started again."""

        def true() -> bool:
            self.revive()
            return bool(condition())  # type: ignore[operator]

        try:
            wait_for(true, what)
        except Exception as error:
            raise AssertionError(f"{error}\n{self.log()}") from error

    def wait_struck(self, *faults: Path) -> None:
        """Wait until all of these faults have struck."""
        self.wait(lambda: all(plugin.struck(f).exists() for f in faults), "the faults have struck")

    def wait_done(self, *mappings: Mapping, since: datetime) -> None:
        """Wait until a pass of each that began after `since` is done, and no write is left open."""

        def done() -> bool:
            passes = Pass.objects.filter(mapping__in=mappings, state=PassState.DONE, started_at__gt=since)
            return (
                passes.values("mapping").distinct().count() == len(mappings)
                and not Intent.objects.filter(mapping__in=mappings).exists()
            )

        self.wait(done, "a pass of every mapping is done")

    @contextmanager
    def switched_off(self, *mappings: Mapping) -> Iterator[None]:
        """No pass of these mappings runs in a worker any more: the test goes on by itself."""
        Mapping.objects.filter(pk__in=[m.pk for m in mappings]).update(enabled=False)
        states = MappingState.objects.filter(mapping__in=mappings).exclude(expires_at=None)
        self.wait(lambda: not states.exists(), "no pass is running")
        yield

    def waiting_in_queue(self) -> int:
        """How many jobs no worker has taken yet."""
        with redis.Redis.from_url(self.queue.url) as client:
            return int(client.llen("rq:queue:default"))

    def kill_queue(self) -> None:
        """kill -9 of the queue server."""
        assert self.queue.pid is not None
        servers = [p for p in named("valkey", family(self.queue.pid)) if p.pid != self.queue.pid]
        for server in servers:
            kill_hard(server.pid)
        wait_for(lambda: not self.queue.running, "the queue server is gone")
