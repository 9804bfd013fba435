"""Runs a command with its hub on PostgreSQL: `python -m tests.servers.hub pytest ...`.

The server is started for the command and thrown away afterwards.
"""

import os
import subprocess
import sys

from cryptography.fernet import Fernet

from syncadmin.embedded import PostgresServer
from tests.servers.places import server_directory


def main(command: list[str]) -> int:
    with server_directory() as directory:
        server = PostgresServer(directory / "hub", durable=False, settings={"max_connections": "200"}).start()
        try:
            environment = os.environ | {
                "DATABASE_URL": server.create_database("hub"),
                "SECRET_KEY": "only-for-tests",
                "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            }
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            server.stop()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
