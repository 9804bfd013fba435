"""Reading the log: every change once, in an order in which no transaction that commits late is passed over.

PostgreSQL: rows of transactions below the oldest one that is still running, in the order of their numbers;
none of those can add a row any more. SQLite: one writer at a time, so the numbers of the rows are the order
of the commits. MariaDB and MySQL number a row when it is written, and commit in any order. A read of what
is not committed yet shows which rows are still open: reading stops below the first. A number that is
missing belongs to a transaction that was taken back, was kept in store by a statement that did not need it,
or is of a row that is being written at this moment: reading stops below it until the row after it is older
than HOLE. (What a statement has in store is no danger: the rows that it wrote before are open, and below.)
That needs no right to see the transactions of others.

To read leaves no mark. With `passed` a reader tells how far it has stored what it read. What all readers
have behind them is let go; one that stays away for too long is forgotten, and told when it comes back.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.base import Gap, Page, Replaced
from connectors.sql import read
from connectors.sql.columns import Column
from connectors.sql.errors import Errors
from connectors.sql.table import Bound

from .installed import MODULES, Standing, standing
from .target import TRIMMED_AT_ONCE, Target, target

AGO = {
    "postgresql": "clock_timestamp() - interval '{} seconds'",
    "mysql": "utc_timestamp(6) - interval {} second",
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-{} seconds')",
}
FORGOTTEN = 14 * 86400  # seconds after which a reader that was not seen is forgotten
STANDING_NOTED = 86400  # how often a reader that stands still is noted again
MOVING_NOTED = 5  # and one that moves, at most: it costs the application's database a commit
HOLE = 2.0  # seconds between drawing a number and writing the row, at most; less if `overlap` is less
_WHO = "case when origin is null then coalesce(app_user, db_user, '') else '' end"
_REPLACED = "case op when 'R' then jsonb_build_object('expected', old_values, 'values', new_values) end"
REASONS = {
    "T": "the table was emptied by TRUNCATE",
    "L": "the log had grown too long, and its oldest rows were let go",
    "X": "a tracked column was changed or was missing, so that changes could not be logged",
}


@dataclass(frozen=True, slots=True)
class Position:
    """A cursor, decoded: all before `at`, and of that transaction on PostgreSQL up to `within`, was read."""

    epoch: str
    seal: str
    reader: str
    at: int
    within: str = ""

    def encode(self) -> dict[str, Any]:
        """The cursor as JSON-native data."""
        return {
            "epoch": self.epoch,
            "seal": self.seal,
            "reader": self.reader,
            "at": self.at,
            "within": self.within,
        }

    def moved(self, at: int, within: str = "") -> Position:
        """The same reader, further on."""
        return Position(self.epoch, self.seal, self.reader, at, within)


def decode(cursor: Any) -> Position:
    """A cursor that `encode` made. Raises ValueError, KeyError or TypeError for anything else."""
    position = Position(**{name: cursor[name] for name in Position.__slots__})
    if not (
        isinstance(position.at, int) and all(isinstance(v, str) for v in (position.epoch, position.within))
    ):
        raise TypeError("not a position in a log")
    return position


@dataclass(frozen=True, slots=True)
class Logged:
    """A row of the log. On PostgreSQL `at` is the transaction and `within` the place in it.

    `who` is the user that the application named, else the database's; '' for the hub's own writes. `replaced`
    is what such a write has replaced unread: by column, what it had expected there and what there was.
    """

    at: int
    op: str
    key: str | None
    who: str = ""
    within: str = ""
    replaced: Mapping[str, Mapping[str, Any]] | None = None


Read = tuple[list[Logged], Position, bool]


def changes(
    engine: Engine,
    bound: Bound,
    position: Position | None,
    columns: Sequence[Column],
    limit: int,
    errors: Errors,
) -> Iterator[Page]:
    """Pages of changed rows and of keys that are gone. Raises Misconfigured if it is not tracked, or Gap."""
    with engine.connect() as connection:
        log = _Log(engine, connection, bound, errors)
        now = log.standing(connection, columns)
        if position is not None:
            log.follows(position, now, log.latest(connection, now.trimmed))
    if position is None:
        start = Position(now.epoch, now.seal, secrets.token_hex(16), log.end(now))
        yield Page((), start.encode())
        return
    while True:
        rows, following, full = log.after(position, limit)
        if not rows:
            yield Page((), position.encode())
            return
        if special := next((row for row in rows if row.op in REASONS), None):
            raise log.gap(REASONS[special.op])
        keys = list(dict.fromkeys(row.key for row in rows if row.key is not None))
        with engine.connect() as connection:
            fetched = read.fetch(connection, bound, keys, columns)
        position = following
        who = {row.key: row.who for row in rows}
        found = [replace(fetched.found[key], who=who[key]) for key in keys if key in fetched.found]
        gone = [key for key in keys if key in fetched.absent]
        yield Page(found, position.encode(), gone, [one for row in rows for one in _replaced(row)])
        if not full:
            return


def passed(engine: Engine, bound: Bound, position: Position, errors: Errors) -> None:
    """Note how far a reader has stored what it read, and let go what all have behind them.

    A position that does not follow from the present log is passed over: the next read tells of it.
    """
    with engine.connect() as connection:
        log = _Log(engine, connection, bound, errors)
        trimmed = log.to_be_noted(connection, position)
    if trimmed is not None:
        log.acknowledge(position, trimmed)


def _replaced(row: Logged) -> list[Replaced]:
    if row.key is None or row.replaced is None:
        return []
    expected, values = row.replaced["expected"], row.replaced["values"]
    return [Replaced(row.key, name, expected[name], value) for name, value in values.items()]


class _Log:
    """The log of one table."""

    def __init__(self, engine: Engine, connection: Connection, bound: Bound, errors: Errors) -> None:
        self.engine, self.bound, self.errors = engine, bound, errors
        self.module = MODULES[bound.dialect]
        self.target: Target = target(connection, bound, (), errors)
        self.name = self.module.log(self.target)

    def standing(self, connection: Connection, columns: Sequence[Column]) -> Standing:
        """What is installed. Raises Misconfigured if it is not whole, or logs too few columns."""
        found = standing(connection, self.bound, self.target)
        wrong = found.wrong
        missing = [c.name for c in columns if c.name not in found.columns and c.name != self.bound.key.name]
        if not wrong and missing:
            wrong = f"changes of {', '.join(missing)} are not logged"
        if wrong:
            raise self.errors.misconfigured(
                f"changes of table {self.bound.config.table} can't be read from its log: {wrong}; run "
                f"manage.py track {self.errors.system or 'SYSTEM'} {self.bound.name}, "
                "or use `changes: cursor` or `changes: scan`",
                resource=self.bound.name,
            )
        return found

    def gap(self, why: str) -> Gap:
        """The error of a reader that can't go on from where it was."""
        return Gap(
            f"what changed since the last read is not known: {why}",
            system=self.errors.system,
            resource=self.bound.name,
        )

    def follows(self, position: Position, now: Standing, latest: int) -> None:
        """Raises Gap if anything may be missing between a position and the present."""
        if position.epoch != now.epoch:
            raise self.gap("the tracking was installed anew")
        if position.seal != now.seal:
            raise self.gap("triggers or columns were changed, or another server has taken over")
        if position.at < now.trimmed:
            raise self.gap("the log was emptied beyond the place where it was last read")
        if position.at > latest:
            raise self.gap("the database was put back to an earlier state")

    # ------------------------------------------------------------ where it ends

    def latest(self, connection: Connection, trimmed: int) -> int:
        """No honest position is beyond this."""
        if self.bound.dialect == "postgresql":
            return int(connection.scalar(sa.text("select pg_snapshot_xmax(pg_current_snapshot())::text")))
        last = connection.scalar(sa.text(f"select max(seq) from {self.name}"))
        return max(trimmed, (last or 0) + 1)

    def end(self, now: Standing) -> int:
        """Where a reader begins that is to see all that is committed from now on."""
        if self.bound.dialect == "postgresql":
            with self.engine.connect() as connection:
                return _horizon(connection)
        position, full = Position("", "", "", now.trimmed), True
        while full:
            _rows, position, full = self.after(position, TRIMMED_AT_ONCE)
        return position.at

    # ------------------------------------------------------------ rows

    def after(self, position: Position, limit: int) -> Read:
        """The next rows that may be read, the position behind them, and whether there may be more at once."""
        if self.bound.dialect == "postgresql":
            return self._after_postgres(position, limit)
        if self.bound.dialect == "mysql":
            return self._after_mysql(position, limit)
        with self.engine.connect() as connection:
            rows = connection.execute(
                sa.text(
                    f"select seq, op, record_key, '' from {self.name} where seq >= :at order by seq limit :n"
                ),
                {"at": position.at, "n": limit},
            ).all()
        return _numbered(position, [Logged(*row) for row in rows], len(rows) == limit)

    def _after_postgres(self, position: Position, limit: int) -> Read:
        with self.engine.connect() as connection:
            horizon = _horizon(connection)
            rows = connection.execute(
                sa.text(
                    f"select txid::text::bigint, op, record_key, {_WHO}, lsn::text, {_REPLACED}"
                    f" from {self.name} where (txid, lsn) > (cast(:at as xid8), cast(:within as pg_lsn))"
                    " and txid < cast(:horizon as xid8) order by txid, lsn limit :n"
                ),
                {
                    "at": str(position.at),
                    "within": position.within or "0/0",
                    "horizon": str(horizon),
                    "n": limit,
                },
            ).all()
        found = [Logged(*row) for row in rows]
        if len(found) == limit:
            return found, position.moved(found[-1].at, found[-1].within), True
        # a position that stands still spares the hub a write for each read of a table where nothing happens
        return found, position.moved(horizon) if found else position, False

    def _after_mysql(self, position: Position, limit: int) -> Read:
        given = {"at": position.at, "n": limit}
        with self._isolated("READ UNCOMMITTED") as connection:
            now = connection.scalar(sa.text("select utc_timestamp(6)"))
            written = connection.execute(
                sa.text(
                    "select seq, timestampdiff(microsecond, changed_at, :now) / 1000000"
                    f" from {self.name} where seq >= :at order by seq limit :n"
                ),
                {**given, "now": now},
            ).all()
        if not written:
            return [], position, False
        with self._isolated("READ COMMITTED") as connection:
            committed = {
                row[0]: Logged(*row)
                for row in connection.execute(
                    sa.text(
                        f"select seq, op, record_key, {_WHO} from {self.name}"
                        " where seq >= :at and seq <= :last order by seq"
                    ),
                    {"at": position.at, "last": written[-1][0]},
                )
            }
        rows: list[Logged] = []
        expected = position.at
        for seq, age in written:
            fresh = seq != expected and age < min(HOLE, self.bound.config.overlap)
            if fresh or seq not in committed:
                return _numbered(position, rows, False)
            rows.append(committed[seq])
            expected = seq + 1
        return _numbered(position, rows, len(written) == limit)

    def _isolated(self, level: str) -> Connection:
        options: Any = {"isolation_level": level}
        return self.engine.connect().execution_options(**options)

    # ------------------------------------------------------------ letting go

    def to_be_noted(self, connection: Connection, position: Position) -> int | None:
        """Below what the log was let go, if it is to be noted now how far a reader is; else None."""
        known = connection.execute(
            sa.text(
                f"select t.epoch, t.trimmed, r.position, r.seen_at < {self._ago(STANDING_NOTED)},"
                f" r.seen_at < {self._ago(MOVING_NOTED)} from {self.module.tracked(self.target)} t"
                f" left join {self.module.readers(self.target)} r on r.id = t.id and r.reader = :reader"
                " where t.id = :id"
            ),
            {"id": self.target.id, "reader": position.reader},
        ).first()
        if known is None or known[0] != position.epoch or position.at < known[1]:
            return None
        trimmed = int(known[1])
        if known[2] is not None and not known[3 if known[2] == position.at else 4]:
            return None
        return None if position.at > self.latest(connection, trimmed) else trimmed

    def _ago(self, seconds: int) -> str:
        return AGO[self.bound.dialect].format(seconds)

    def acknowledge(self, position: Position, trimmed: int) -> None:
        """Note how far the reader is, and let go what every reader has behind it."""
        readers = self.module.readers(self.target)
        given = {"id": self.target.id, "reader": position.reader, "at": position.at}
        mine = f"from {readers} where id = :id and reader = :reader"
        with self._writing() as connection:
            connection.execute(sa.text(f"delete {mine}"), _only(given, "id", "reader"))
            connection.execute(
                sa.text(
                    f"insert into {readers} (id, reader, position, seen_at)"
                    f" values (:id, :reader, :at, {self.module.NOW})"
                ),
                given,
            )
            connection.execute(
                sa.text(f"delete from {readers} where id = :id and seen_at < {self._ago(FORGOTTEN)}"),
                _only(given, "id"),
            )
            behind = connection.scalar(
                sa.text(f"select min(position) from {readers} where id = :id"),
                _only(given, "id"),
            )
            if behind <= trimmed:
                return
            connection.execute(
                sa.text(f"update {self.module.tracked(self.target)} set trimmed = :behind where id = :id"),
                {"behind": behind, "id": self.target.id},
            )
        while self._let_go(behind) == TRIMMED_AT_ONCE:
            pass

    def _let_go(self, behind: int) -> int:
        order = "txid, lsn" if self.bound.dialect == "postgresql" else "seq"
        column = "txid" if self.bound.dialect == "postgresql" else "seq"
        limit: Any = str(behind) if self.bound.dialect == "postgresql" else behind
        below = f"{column} < {'cast(:behind as xid8)' if self.bound.dialect == 'postgresql' else ':behind'}"
        oldest = f"select {order} from {self.name} where {below} order by {order} limit {TRIMMED_AT_ONCE}"
        statement = (
            f"delete from {self.name} where {below} order by seq limit {TRIMMED_AT_ONCE}"
            if self.bound.dialect == "mysql"
            else f"delete from {self.name} where ({order}) in ({oldest})"
        )
        with self._writing() as connection:
            return int(connection.execute(sa.text(statement), {"behind": limit}).rowcount)

    def _writing(self) -> Any:
        options: dict[str, Any] = {"writing": True}
        if self.bound.dialect != "sqlite":
            options["isolation_level"] = "READ COMMITTED"
        return self.engine.execution_options(**options).begin()


def _numbered(position: Position, rows: list[Logged], full: bool) -> Read:
    """Rows of a log whose numbers are their order, with the position behind them."""
    return rows, position.moved(rows[-1].at + 1) if rows else position, full


def _horizon(connection: Connection) -> int:
    """Every transaction with a lower number is over, whatever it was called and wherever it ran."""
    return int(connection.scalar(sa.text("select pg_snapshot_xmin(pg_current_snapshot())::text")))


def _only(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names}
