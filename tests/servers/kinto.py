"""A Kinto server as a child process: a real REST peer with ETags, If-Match and tombstones."""

import sys
from pathlib import Path

import httpx

from syncadmin.embedded import Child, Server, free_port

USER = "syncadmin"
PASSWORD = "not a secret"
INI = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}
threads = 8

[app:main]
use = egg:kinto
kinto.userid_hmac_secret = only-for-tests
kinto.storage_backend = kinto.core.storage.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.includes = kinto.plugins.accounts kinto.plugins.flush
kinto.flush_endpoint_enabled = true
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
kinto.paginate_by = 100
kinto.storage_max_fetch_size = 10000
kinto.batch_max_requests = 100
multiauth.policies = account
multiauth.policy.account.use = kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy

[loggers]
keys = root

[handlers]
keys = console

[formatters]
keys = plain

[logger_root]
level = WARNING
handlers = console

[handler_console]
class = StreamHandler
args = (sys.stderr,)
level = NOTSET
formatter = plain

[formatter_plain]
format = %(asctime)s %(levelname)s %(name)s %(message)s
"""


class KintoServer(Server):
    """`url` ends in `/v1`; `auth` is the pair for basic authentication. Keeps everything in memory."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.resolve()
        self.port = free_port()
        self.auth = (USER, PASSWORD)
        self.child = Child(
            name="kinto",
            command=[
                *(str(Path(sys.executable).with_name("kinto")), "start", "--port", str(self.port)),
                *("--ini", str(self.data_dir / "kinto.ini")),
            ],
            log=self.data_dir / "kinto.log",
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> "KintoServer":
        self.data_dir.mkdir(parents=True, exist_ok=True)
        (self.data_dir / "kinto.ini").write_text(INI.format(port=self.port))
        self.child.start()
        self.child.wait_ready(self.answers, timeout=60)
        httpx.put(f"{self.url}/accounts/{USER}", json={"data": {"password": PASSWORD}}).raise_for_status()
        return self

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/__heartbeat__").is_success
        except httpx.TransportError:
            return False

    def create_collection(self, name: str, *, bucket: str = "tests") -> str:
        """Make an empty collection; returns the URL of its records."""
        with httpx.Client(auth=self.auth) as client:
            client.put(f"{self.url}/buckets/{bucket}").raise_for_status()
            client.put(f"{self.url}/buckets/{bucket}/collections/{name}").raise_for_status()
        return f"{self.url}/buckets/{bucket}/collections/{name}/records"
