"""Where a demo keeps everything: passwords, ports, the sample systems, the hub; and its one lock.

A place is a directory. Passwords are made once and kept in files only the owner can read; ports are
kept too, so that addresses stay the same from start to start while they are free.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from syncadmin.demo import erp, shop
from syncadmin.embedded import PocketBaseServer, PostgresServer
from syncadmin.embedded.process import port_is_open
from syncadmin.secrets_file import kept_secret

PREFERRED_PORTS = {"web": 8000, "shop": 8090, "erp": 54320}
TRIED_PORTS = 100
SHOP_STAFF = "staff@example.com"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # none that are taken for another


class Busy(Exception):
    """Another demo runs in this place; says where it is to be found."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the running sample systems are and how to sign in; what the simulator and checks need."""

    shop_url: str
    shop_email: str
    shop_password: str
    erp_url: str

    def as_environment(self) -> dict[str, str]:
        return {f"DEMO_{name.upper()}": value for name, value in _items(self).items()}

    @classmethod
    def from_environment(cls) -> Addresses:
        """Raises KeyError where no demo runs around this process."""
        return cls(**{name: os.environ[f"DEMO_{name.upper()}"] for name in cls.__dataclass_fields__})


def _items(addresses: Addresses) -> dict[str, str]:
    return {name: getattr(addresses, name) for name in addresses.__dataclass_fields__}


class Place:
    """One demo's directory; as a context, it is locked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.resolve()
        self._lock: int | None = None

    # ------------------------------------------------------------ one at a time

    def lock(self) -> None:
        """Take the place for this process, until `unlock` or its end. Raises Busy."""
        self.directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = os.open(self.directory / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            port = self.ports().get("web", PREFERRED_PORTS["web"])
            raise Busy(f"a demo is already running in {self.directory}: http://127.0.0.1:{port}/") from None
        self._lock = lock

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Place:
        self.lock()
        return self

    def __exit__(self, *_: object) -> None:
        self.unlock()

    # ------------------------------------------------------------ passwords and ports

    def password(self, name: str) -> str:
        """The password of that name; made at the first call."""
        return kept_secret(self.directory / "secrets" / f"password_{name}", readable_password)

    def ports(self) -> dict[str, int]:
        """The ports of the last start ({} before the first)."""
        file = self.directory / "ports.json"
        return json.loads(file.read_text()) if file.exists() else {}

    def choose_ports(self, wanted: dict[str, int]) -> dict[str, int]:
        """Ports that are free now: those wanted, else the last start's, else the next free ones."""
        chosen: dict[str, int] = {}
        for name, preferred in (PREFERRED_PORTS | self.ports() | wanted).items():
            chosen[name] = next_free_port(preferred, set(chosen.values()))
        draft = self.directory / "ports.json.new"
        draft.write_text(json.dumps(chosen))
        draft.replace(self.directory / "ports.json")
        return chosen

    # ------------------------------------------------------------ the sample systems

    def shop_server(self, port: int) -> PocketBaseServer:
        return PocketBaseServer(
            self.directory / "shop",
            email=SHOP_STAFF,
            password=self.password("shop_staff"),
            port=port,
            log=self.log("shop"),
        )

    def erp_server(self, port: int) -> PostgresServer:
        return PostgresServer(
            self.directory / "erp", port=port, password=self.password("erp_owner"), log=self.log("erp")
        )

    def log(self, name: str) -> Path:
        return self.directory / "log" / f"{name}.log"

    def erp_passwords(self) -> dict[str, str]:
        return {name: self.password(f"erp_{name}") for name in erp.ACCOUNTS}

    def staff(self) -> Addresses:
        """The systems as their own staff sign in."""
        ports = self.ports()
        return Addresses(
            shop_url=f"http://127.0.0.1:{ports['shop']}",
            shop_email=SHOP_STAFF,
            shop_password=self.password("shop_staff"),
            erp_url=f"postgresql://staff:{self.password('erp_staff')}@127.0.0.1:{ports['erp']}/{erp.DATABASE}",
        )

    def hub_secrets(self) -> dict[str, dict[str, str]]:
        """By system, what demo.yaml names as ${NAME}: the hub's own accounts."""
        ports = self.ports()
        password = self.password("erp_syncadmin")
        return {
            "erp": {"ERP_URL": f"postgresql://syncadmin:{password}@127.0.0.1:{ports['erp']}/{erp.DATABASE}"},
            "shop": {
                "SHOP_URL": f"http://127.0.0.1:{ports['shop']}",
                "SHOP_USER": shop.HUB_ACCOUNT,
                "SHOP_PASSWORD": self.password("shop_syncadmin"),
            },
        }

    # ------------------------------------------------------------ markers

    def reached(self, step: str) -> bool:
        """Whether a start has once come past this step."""
        return (self.directory / f"{step}.done").exists()

    def reach(self, step: str) -> None:
        with (self.directory / f"{step}.done").open("w") as marker:
            marker.flush()
            os.fsync(marker.fileno())

    def wipe(self) -> None:
        """Remove everything but the lock that is held. Nothing of the demo may run."""
        PostgresServer(self.directory / "erp", port=1).wipe()
        for entry in self.directory.iterdir():
            if entry.name == "lock":
                continue
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def readable_password() -> str:
    """Sixteen letters and digits, easy to type, in groups."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(4)) for _ in range(4))


def next_free_port(preferred: int, taken: set[int]) -> int:
    """The first port from `preferred` upwards that nobody listens on."""
    for port in range(preferred, min(preferred + TRIED_PORTS, 65536)):
        if port not in taken and not port_is_open(port):
            return port
    raise Busy(f"no free port from {preferred} to {preferred + TRIED_PORTS}: end something, or name another")
