"""Real servers as child processes, for the demo, `manage.py up` and the tests.

Each server is a small object with `start()`, `stop()` and `url`. Nothing here knows Django, and
nothing here is used where an operator brings servers of their own.
"""

from syncadmin.embedded.pocketbase import PocketBaseServer
from syncadmin.embedded.postgres import PostgresServer
from syncadmin.embedded.process import Child, ChildFailed, Server, free_port, wait_until
from syncadmin.embedded.valkey import ValkeyServer

__all__ = [
    "Child",
    "ChildFailed",
    "PocketBaseServer",
    "PostgresServer",
    "Server",
    "ValkeyServer",
    "free_port",
    "wait_until",
]
