"""A small world for engine tests: a CRM and a shop in two real databases, edited behind the hub's back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa

from conflicts.models import Conflict
from conflicts.services import FieldChoice, RecordChoice, resolve
from syncadmin.core.plan import PickKind, RecordPickKind
from syncadmin.core.side import Side
from syncadmin.engine.run import run_pass
from syncadmin.models import Entry, FieldMapping, Mapping, Pass, Resource, System

CONTACT = """
    CREATE TABLE contacts (
        id {serial}, email text, phone text, city text, tags text, notes text,
        points integer NOT NULL DEFAULT 0, credit numeric(12, 2), status text, birthday date,
        company_id integer, updated_at {stamp} NOT NULL DEFAULT {now}
    )
"""
COMPANY = "CREATE TABLE companies (id {serial}, name text, updated_at {stamp} NOT NULL DEFAULT {now})"
DIALECT = {
    "postgresql": {"serial": "serial PRIMARY KEY", "stamp": "timestamptz", "now": "clock_timestamp()"},
    "sqlite": {
        "serial": "integer PRIMARY KEY AUTOINCREMENT",
        "stamp": "text",
        "now": "(strftime('%Y-%m-%d %H:%M:%f', 'now'))",
    },
    "mysql": {
        "serial": "integer AUTO_INCREMENT PRIMARY KEY",
        "stamp": "datetime(6)",
        "now": "(utc_timestamp(6))",
    },
}


@dataclass
class Peer:
    """One of the two databases, edited as its users would: every edit moves `updated_at`."""

    url: str
    engine: sa.Engine = field(init=False)
    connector: ClassVar[str] = "sql"

    def __post_init__(self) -> None:
        self.engine = sa.create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        words = DIALECT[self.engine.dialect.name]
        for statement in (COMPANY, CONTACT):
            self.run(statement.format(**words))

    def system(self) -> dict[str, Any]:
        """How the hub reaches it."""
        return {"url": self.url}

    def resource(self, table: str) -> dict[str, Any]:
        """How the hub reads a table."""
        return {"table": table, "modified": "updated_at", "changes": "cursor"}

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    def run(self, statement: str, **params: Any) -> list[dict[str, Any]]:
        """Run one statement in a transaction of its own; returns its rows."""
        with self.engine.begin() as connection:
            result = connection.execute(sa.text(statement), params)
            return [dict(row._mapping) for row in result] if result.returns_rows else []

    @property
    def _now(self) -> str:
        return DIALECT[self.engine.dialect.name]["now"]

    def add(self, table: str = "contacts", **values: Any) -> int:
        """Insert a row; returns its id."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        return self.run(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", **values)[0]["id"]

    def edit(self, row_id: int, table: str = "contacts", **values: Any) -> None:
        """Change a row."""
        sets = ", ".join(f"{name} = :{name}" for name in values)
        self.run(f"UPDATE {table} SET {sets}, updated_at = {self._now} WHERE id = :id", id=row_id, **values)

    def delete(self, row_id: int, table: str = "contacts") -> None:
        """Delete a row."""
        self.run(f"DELETE FROM {table} WHERE id = :id", id=row_id)

    def rows(self, table: str = "contacts") -> list[dict[str, Any]]:
        """All rows, by id."""
        return self.run(f"SELECT * FROM {table} ORDER BY id")

    def row(self, row_id: int, table: str = "contacts") -> dict[str, Any]:
        """One row."""
        return next(row for row in self.rows(table) if row["id"] == row_id)


class AnyPeer(Protocol):
    """A system with `contacts` and `companies`, as its users see it and as the hub is told to reach it."""

    connector: ClassVar[str]

    def system(self) -> dict[str, Any]: ...
    def resource(self, table: str) -> dict[str, Any]: ...
    def add(self, table: str = "contacts", **values: Any) -> Any: ...
    def edit(self, row_id: Any, table: str = "contacts", **values: Any) -> None: ...
    def delete(self, row_id: Any, table: str = "contacts") -> None: ...
    def rows(self, table: str = "contacts") -> list[dict[str, Any]]: ...
    def row(self, row_id: Any, table: str = "contacts") -> dict[str, Any]: ...
    def close(self) -> None: ...


@dataclass
class World:
    """Both peers and the mapping between them."""

    left: AnyPeer
    right: AnyPeer
    mapping: Mapping
    companies: Mapping

    def peer(self, side: Side) -> AnyPeer:
        """The peer on `side`."""
        return self.left if side is Side.LEFT else self.right

    def sync(self, kind: str = "incremental", mapping: Mapping | None = None) -> Pass:
        """One pass; it must not fail."""
        done = self.attempt(kind, mapping)
        assert done.state == "done", done.message
        return done

    def attempt(self, kind: str = "incremental", mapping: Mapping | None = None) -> Pass:
        """One pass, however it ends."""
        done = run_pass((mapping or self.mapping).pk, kind)
        assert done is not None
        done.refresh_from_db()
        return done

    def both(self, **values: Any) -> tuple[Any, Any]:
        """The same record on both sides, not linked yet."""
        return self.left.add(**values), self.right.add(**values)

    def linked(self, **values: Any) -> tuple[Any, Any]:
        """A linked pair that agrees."""
        ids = self.both(**values)
        self.sync("reconcile")
        return ids

    def open(self) -> list[Conflict]:
        """What waits in the inbox."""
        mine = [self.mapping, self.companies]
        return list(Conflict.objects.waiting().filter(mapping__in=mine).order_by("id"))

    def pick(self, user: Any, conflict: Conflict, **picks: Any) -> Conflict:
        """Resolve by field: left, right, base, leave, or a typed value as ('value', text)."""
        choices = {
            name: FieldChoice(PickKind.VALUE, pick[1])
            if isinstance(pick, tuple)
            else FieldChoice(PickKind(pick))
            for name, pick in picks.items()
        }
        return resolve(conflict.pk, conflict.revision, choices, None, user)

    def choose(self, user: Any, conflict: Conflict, kind: str, key: str = "") -> Conflict:
        """Resolve a whole record."""
        return resolve(conflict.pk, conflict.revision, {}, RecordChoice(RecordPickKind(kind), key), user)

    def history(self, **filters: Any) -> list[Entry]:
        """Journal entries, oldest first."""
        return list(Entry.objects.filter(mapping=self.mapping, **filters).order_by("seq"))

    def set(self, **values: Any) -> None:
        """Change the mapping's configuration."""
        for name, value in values.items():
            setattr(self.mapping, name, value)
        self.mapping.save()

    def set_field(self, name: str, **values: Any) -> None:
        """Change a field mapping's configuration."""
        FieldMapping.objects.filter(mapping=self.mapping, name=name).update(**values)


def build(left: str, right: str) -> World:
    """Two databases with their tables, and the mappings `companies` and `contacts`."""
    return between(Peer(left), Peer(right))


def between(*peers: AnyPeer, suffix: str = "") -> World:
    """The mappings `companies` and `contacts` of two systems, left and right; all names end in `suffix`."""
    resources: dict[str, list[Resource]] = {"contacts": [], "companies": []}
    for name, peer in zip(("crm", "shop"), peers, strict=True):
        system = System.objects.create(name=name + suffix, connector=peer.connector, config=peer.system())
        for table, found in resources.items():
            found.append(Resource.objects.create(system=system, name=table, config=peer.resource(table)))
    companies = Mapping.objects.create(
        name=f"companies{suffix}",
        left=resources["companies"][0],
        right=resources["companies"][1],
        match=["name"],
    )
    FieldMapping.objects.create(mapping=companies, name="name", left="name", right="name", type="text")
    mapping = Mapping.objects.create(
        name=f"contacts{suffix}",
        left=resources["contacts"][0],
        right=resources["contacts"][1],
        match=["email"],
    )
    fields: list[dict[str, Any]] = [
        {"name": "email", "type": "text", "normalize": ["trim", "lower"]},
        {"name": "phone", "type": "text"},
        {"name": "city", "type": "text"},
        {"name": "tags", "type": "set", "merge": "set", "separators": {"left": ";", "right": ","}},
        {"name": "notes", "type": "text", "merge": "text"},
        {"name": "points", "type": "integer", "merge": "counter"},
        {"name": "credit", "type": "decimal", "owner": "left"},
        {"name": "status", "type": "text", "owner": "right"},
        {"name": "birthday", "type": "date", "merge": "prefer left"},
    ]
    for position, values in enumerate(fields):
        FieldMapping.objects.create(
            mapping=mapping, position=position, left=values["name"], right=values["name"], **values
        )
    return World(*peers, mapping, companies)
