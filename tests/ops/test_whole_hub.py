"""The whole hub at work: what is changed in one live system arrives in the other, with no help.

Web, ticker, queue and worker are the real ones, each in its process, as `up` starts them.
"""

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from syncadmin.supervisor import manage
from tests.ops.family import family_of as family
from tests.ops.family import kill_hard, named, see_gone, wait_for
from tests.ops.hub import Hub

CONFIGURATION = """
version: 1
systems:
  crm:
    connector: sql
    url: sqlite:///{crm}
    resources:
      contacts: {{table: people, key: id}}
  erp:
    connector: sql
    url: sqlite:///{erp}
    resources:
      contacts: {{table: people, key: id}}
mappings:
  people:
    left: {{system: crm, resource: contacts}}
    right: {{system: erp, resource: contacts}}
    match: [email]
    create: both
    schedule: 1s
    fields:
      email: {{left: email, right: email, type: text}}
      city: {{left: city, right: city, type: text, owner: left}}
"""


class Peer:
    """A small live system: one SQLite file with people."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.write("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT NOT NULL, city TEXT)")

    def write(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
            connection.execute(statement, values)

    def city_of(self, email: str) -> str | None:
        with closing(sqlite3.connect(self.path, timeout=30)) as connection:
            row = connection.execute("SELECT city FROM people WHERE email = ?", [email]).fetchone()
        return row and row[0]


def configure(hub: Hub, directory: Path) -> tuple[Peer, Peer]:
    """Two systems and a mapping, by the same command that an integrator uses."""
    crm, erp = Peer(directory / "crm.sqlite3"), Peer(directory / "erp.sqlite3")
    file = directory / "hub.yaml"
    file.write_text(CONFIGURATION.format(crm=crm.path, erp=erp.path))
    applied = subprocess.run(
        manage("apply", str(file)), env=hub.environment(), capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, applied.stdout + applied.stderr
    return crm, erp


def test_a_change_in_one_system_arrives_in_the_other_even_after_a_worker_was_killed(
    hub: Hub, tmp_path: Path
) -> None:
    process = hub.up()
    crm, erp = configure(hub, tmp_path)
    crm.write("INSERT INTO people (email, city) VALUES ('ada@example.com', 'London')")
    wait_for(lambda: erp.city_of("ada@example.com") == "London", "the new record is in the ERP")

    workers = [p for p in named("manage.py worker", family(process.pid)) if not named("guard.py", [p])]
    kill_hard(workers[0].pid)
    see_gone(workers)
    crm.write("UPDATE people SET city = 'Turin' WHERE email = 'ada@example.com'")
    wait_for(lambda: erp.city_of("ada@example.com") == "Turin", "the change is in the ERP", timeout=120)
