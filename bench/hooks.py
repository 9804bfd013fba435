"""`python -m bench.hooks [--number N]`: how long a hub on SQLite and on PostgreSQL takes to answer a webhook.

A real web server and a real queue; one sender on a kept connection, then four at once. No worker runs.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from syncadmin.embedded import PostgresServer, ValkeyServer, free_port, wait_until

SECRET = "whispered"  # noqa: S105 - of a throw-away system
MAKE = """
import django; django.setup()
from syncadmin.models import System
signed = {"type": "hmac", "header": "X-Sum", "secret": "${HOOK}", "timestamp": "X-Time",
          "content": "{timestamp}.{body}"}
webhook = {"signed": signed, "id": "event", "records": "data.id"}
config = {"base_url": "https://shop.example.com", "webhook": webhook}
System.objects.create(name="shop", connector="rest", config=config, secrets={"HOOK": "whispered"})
"""


def seconds(client: httpx.Client, url: str, number: int) -> float:
    """Send one webhook; how long its answer took."""
    data = {"event": f"evt_{number}", "data": {"id": str(number), "note": "x" * 600}}
    body, at = json.dumps(data).encode(), str(int(time.time()))
    proof = hmac.new(SECRET.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"X-Time": at, "X-Sum": proof, "Content-Type": "application/json"}
    started = time.perf_counter()
    answer = client.post(url, content=body, headers=headers)
    took = time.perf_counter() - started
    if answer.status_code != 202:
        raise SystemExit(f"{answer.status_code} {answer.text}")
    return took


def told(name: str, times: list[float]) -> None:
    """Print a line of figures, in milliseconds."""
    cuts = statistics.quantiles([1000 * t for t in times], n=100)
    sys.stdout.write(f"{name:<28} p50 {cuts[49]:6.1f} ms   p95 {cuts[94]:6.1f} ms   n {len(times)}\n")


def measure(name: str, number: int, folder: Path, database: str) -> None:
    """Start a hub on this database and send it webhooks."""
    port = free_port()
    queue = ValkeyServer(folder / "valkey").start()
    env = {
        **os.environ,
        "SYNCADMIN_VAR": str(folder / "var"),
        "DATABASE_URL": database,
        "REDIS_URL": queue.url,
        "SECRET_KEY": "bench",
        "FIELD_ENCRYPTION_KEYS": "c3luY2FkbWluLWJlbmNobWFyay0zMi1ieXRlcy1rZXk=",
        "DJANGO_SETTINGS_MODULE": "syncadmin.settings",
        "LOG_LEVEL": "ERROR",
    }
    run = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(run, env=env, check=True)
    subprocess.run([sys.executable, "-c", MAKE], env=env, check=True)
    served = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    web = subprocess.Popen(
        [*served, "--workers", "1", "--blocking-threads", "4", "syncadmin.wsgi:application"], env=env
    )
    url = f"http://127.0.0.1:{port}/hooks/shop/"
    try:
        with httpx.Client(timeout=30) as client:

            def up() -> bool:
                try:
                    return client.get(url).status_code == 405
                except httpx.TransportError:
                    return False

            wait_until(up, timeout=60, what="the web server")
            for warm in range(50):
                seconds(client, url, -warm - 1)
            told(f"{name}, one sender", [seconds(client, url, one) for one in range(number)])

        def some(part: int) -> list[float]:
            with httpx.Client(timeout=30) as client:
                numbers = range(number * (part + 1), number * (part + 1) + number // 4)
                return [seconds(client, url, one) for one in numbers]

        with ThreadPoolExecutor(4) as pool:
            told(f"{name}, four at once", [t for part in pool.map(some, range(4)) for t in part])
    finally:
        web.terminate()
        web.wait()
        queue.stop()


def main() -> None:
    """Measure both, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=500, help="webhooks of each measurement")
    number = parser.parse_args().number
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        measure("SQLite", number, folder / "one", f"sqlite:///{folder / 'hub.sqlite3'}")
        server = PostgresServer(folder / "postgres").start()
        try:
            measure("PostgreSQL", number, folder / "two", server.create_database("hub"))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
