"""A database with one table whose changes are tracked, as tests of tracking need it."""

import json
from typing import Any

from connectors.base import Gap, Misconfigured
from connectors.sql import SqlConnector

from .sql_harness import connect, execute, open_database


class World:
    """A database with one table `t(id, name, note, visits)`, and a connector that tracks it."""

    def __init__(
        self, url: str, table: str = "t", name: str = "name", key: str = "id", *, overlap: float = 0
    ) -> None:
        self.url, self.engine = url, open_database(url)
        self.dialect = self.engine.dialect.name
        quote = self.engine.dialect.identifier_preparer.quote_identifier
        self.table, self.name, self.key = (quote(one).replace("%%", "%") for one in (table, name, key))
        self.names = {"name": name, "key": key}
        self.create()
        self.config = {"table": table, "key": key, "changes": "tracking", "overlap": overlap}
        self.connector = self.another()

    def create(self) -> None:
        collate = " collate nocase" if self.dialect == "sqlite" else ""
        execute(
            self.url,
            f"create table {self.table} ({self.key} integer primary key, {self.name} varchar(50){collate},"
            " note varchar(50), visits integer)",
        )

    def seen(self, cursor: Any) -> tuple[str, Any]:
        """What becomes of a change: it is read, all has to be compared, reading stops, or it is not seen."""
        try:
            keys, _, cursor = self.changes(cursor)
        except Gap:
            return "compared", self.now()
        except Misconfigured:
            return "stopped", cursor
        return "read" if keys else "nothing", cursor

    def another(self) -> SqlConnector:
        """A connector of its own."""
        return connect(self.url, t=self.config)

    def track(self, *columns: str) -> None:
        self.connector.track("t", columns or (self.names["name"], "visits"))

    def run(self, *statements: str) -> None:
        execute(self.url, *statements)

    def changes(self, cursor: Any, limit: int = 100) -> tuple[list[str], list[str], Any]:
        """Keys that changed and that are gone, in order, and the next cursor."""
        keys: list[str] = []
        gone: list[str] = []
        cursor = json.loads(json.dumps(cursor))
        for page in self.connector.changes("t", cursor, fields=[self.names["name"]], limit=limit):
            keys += [record.key for record in page.records]
            gone += page.gone
            cursor = page.cursor
        return keys, gone, json.loads(json.dumps(cursor))

    def now(self) -> Any:
        return self.changes(None)[2]

    def passed(self, cursor: Any) -> None:
        self.connector.passed("t", cursor)

    @property
    def id(self) -> str:
        """The name that our tables and triggers have for the table."""
        with self.engine.connect() as connection:
            where = "syncadmin_tracking.tracked" if self.dialect == "postgresql" else "syncadmin_tracked"
            return str(connection.exec_driver_sql(f"select id from {where}").scalar())

    def unread(self, cursor: Any) -> bool:
        """Whether the log has rows behind a cursor."""
        behind = f"syncadmin_log_{self.id} where seq >= {cursor['at']}"
        if self.dialect == "postgresql":
            place = f"('{cursor['at']}'::xid8, '{cursor['within'] or '0/0'}'::pg_lsn)"
            behind = f"syncadmin_tracking.log_{self.id} where (txid, lsn) > {place}"
        with self.engine.connect() as connection:
            return bool(connection.exec_driver_sql(f"select count(*) from {behind}").scalar())

    @property
    def log(self) -> list[dict[str, Any]]:
        where, order = f"syncadmin_log_{self.id}", "seq"
        if self.dialect == "postgresql":
            where, order = f"syncadmin_tracking.changes_{self.id}", "txid, lsn"
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(f"select * from {where} order by {order}").mappings().all()
        parsed = ("stamps", "old_values", "new_values")
        return [
            {k: json.loads(v) if k in parsed and isinstance(v, str) else v for k, v in row.items()}
            for row in rows
        ]

    @property
    def ours(self) -> list[str]:
        """Whatever in the database has a name of ours."""
        kinds = {
            "postgresql": "select nspname from pg_namespace where nspname like 'syncadmin%%' union all"
            " select tgname from pg_trigger where tgname like '%%syncadmin%%'",
            "mysql": "select table_name from information_schema.tables where table_schema = database()"
            " and table_name like 'syncadmin%%' union all"
            " select trigger_name from information_schema.triggers"
            " where trigger_schema = database() and trigger_name like 'syncadmin%%'",
            "sqlite": "select name from sqlite_master where name like 'syncadmin%'",
        }
        with self.engine.connect() as connection:
            return list(connection.exec_driver_sql(kinds[self.dialect]).scalars())

    def close(self) -> None:
        self.connector.close()
        self.engine.dispose()
