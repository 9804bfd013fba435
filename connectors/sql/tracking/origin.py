"""Marking the hub's own writes at the source, so that the log of a tracked table tells an echo from an edit.

PostgreSQL: a setting of the transaction. MariaDB and MySQL: a variable of the session, which is the hub's
own. SQLite: a row that no one else ever sees, because it is gone again when the transaction ends.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from connectors.sql.table import Bound

from .sqlite import ORIGIN

OURS = "syncadmin"
SAID = f"SELECT set_config('syncadmin.origin', '{OURS}', true)"
_SAY = {
    "mysql": "set @syncadmin_origin = :ours",
    "sqlite": f"insert into {ORIGIN} values (:ours)",
}


def say(connection: Connection, bound: Bound) -> None:
    """What this transaction writes from now on is ours; on PostgreSQL SAID says so."""
    if bound.dialect != "sqlite" or _there(connection):
        connection.execute(sa.text(_SAY[bound.dialect]), {"ours": OURS})


def unsay(connection: Connection, bound: Bound) -> None:
    """At the end of the transaction, where it does not forget by itself."""
    if bound.dialect == "sqlite" and _there(connection):
        connection.execute(sa.text(f"delete from {ORIGIN}"))


def _there(connection: Connection) -> bool:
    asked = "select exists(select 1 from sqlite_master where type = 'table' and name = :name)"
    return bool(connection.scalar(sa.text(asked), {"name": ORIGIN}))
