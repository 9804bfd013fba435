"""The hub's own database, a PostgreSQL, dies in the middle of a pass: the next finishes what was begun."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from syncadmin.embedded import PostgresServer
from syncadmin.supervisor import manage
from tests.conftest import server_directory
from tests.ops.family import family_of, kill_hard, wait_for

from . import plugin
from .checker import expect
from .peers import FIELDS, Peer

pytestmark = pytest.mark.runs_once

ANN, NEW = "ann@example.com", "new@example.com"
MERGE = {"points": "counter"}


class Hub:
    """An installation with a PostgreSQL of its own, worked by its commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = PostgresServer(directory / "hub").start()
        self.faults = directory / "faults"
        self.faults.mkdir()
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
            "DATABASE_URL": self.server.url,
            "SECRET_KEY": "only-for-tests",
            "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "SYNCADMIN_VAR": str(directory / "var"),
            "FAULTS": str(self.faults),
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            manage(*command), env=self.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *command: str) -> str:
        process = self.start(*command)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
        return out

    def configure(self, left: Peer, right: Peer) -> None:
        file = self.directory / "hub.yaml"
        systems = {
            name: {
                "connector": peer.connector,
                **peer.config,
                "resources": {"people": peer.resource},
            }
            for name, peer in (("erp", left), ("shop", right))
        }
        fields = {
            name: {"left": name, "right": name, "type": kind, "merge": MERGE.get(name, "review")}
            for name, kind in FIELDS.items()
        }
        mapping = {
            "left": {"system": "erp", "resource": "people"},
            "right": {"system": "shop", "resource": "people"},
            "match": ["email"],
            "fields": fields,
        }
        told = {"version": 1, "systems": systems, "mappings": {"people": mapping}}
        for side, system in systems.items():  # secrets are never written in a file
            secret = f"{side}_SECRET".upper()
            if "url" in system:
                self.env[secret], system["url"] = system["url"], f"${{{secret}}}"
            else:
                (name, token), *_ = system["auth"]["headers"].items()
                self.env[secret] = token
                system["auth"] = {**system["auth"], "headers": {name: f"${{{secret}}}"}}
        file.write_text(json.dumps(told))  # JSON is YAML
        self.run("apply", str(file))

    def crash(self) -> None:
        """kill -9 of the database server with all its sessions."""
        assert self.server.pid is not None
        for process in family_of(self.server.pid)[1:]:
            with suppress(ProcessLookupError):  # a backend ends by itself as soon as its server is gone
                kill_hard(process.pid)
        wait_for(lambda: not self.server.running, "the hub's database is gone")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with server_directory() as directory:
        hub = Hub(directory)
        try:
            hub.run("migrate", "--verbosity", "0")
            yield hub
        finally:
            hub.server.wipe()


def test_f03_the_database_of_the_hub_is_killed_between_sending_and_storing(
    hub: Hub, make_peer: Callable[[str], Peer]
) -> None:
    pair = left, right = make_peer("postgres"), make_peer("pocketbase")
    for peer in pair:
        peer.add(email=ANN, city="Rome", phone="1", points=10)
    hub.configure(left, right)
    hub.run("sync", "people")
    wanted = {ANN: {"city": "Rome", "phone": "1", "points": 10}}
    for number, point in enumerate(("after store_plans", "after send"), 1):
        left.edit(ANN, city=f"Bern {number}", points=wanted[ANN]["points"] + 1)
        right.edit(ANN, points=wanted[ANN]["points"] + 2)
        left.add(email=f"{number}{NEW}", city="Kiel", phone="3", points=number)
        wanted[ANN] |= {"city": f"Bern {number}", "points": wanted[ANN]["points"] + 3}
        wanted[f"{number}{NEW}"] = {"city": "Kiel", "phone": "3", "points": number}

        fault = plugin.place(hub.faults, 1, point)
        fault.write_text("hold")
        syncing = hub.start("sync", "people")
        wait_for(
            lambda f=fault, s=syncing: plugin.struck(f).exists() or s.poll() is not None,
            "the pass is in the middle",
        )
        assert plugin.struck(fault).exists(), syncing.communicate()
        hub.crash()
        plugin.released(fault).touch()
        _, said = syncing.communicate(timeout=60)
        assert syncing.returncode == 1, said
        assert "Traceback" not in said, said
        hub.server.start()

        def goes_on() -> bool:
            process = hub.start("sync", "people")
            process.communicate(timeout=60)
            return process.returncode == 0

        wait_for(goes_on, "the lease of the dead pass has run out, and the next is done")
        expect(pair, wanted, {})
    assert json.loads(hub.run("prove", "--live", "--json"))["proven"]
    before = json.loads(hub.run("sync", "people", "--reconcile", "--json"))["counts"]
    assert not {"created", "updated", "deleted", "conflicts"} & before.keys()
