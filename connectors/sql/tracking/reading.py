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

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.base import Gap, Page, Replaced
from connectors.sql import read
from connectors.sql.columns import Column
from connectors.sql.engine import reading
from connectors.sql.errors import Errors
from connectors.sql.table import Bound

from .installed import MODULES, Standing, standing, standing_at_once
from .target import TRIMMED_AT_ONCE, Target

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
_TEXTS = "case op when 'R' then old_values end, case op when 'R' then new_values end"
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


def _from_texts(
    at: int, op: str, key: str | None, who: str, expected: str | None, values: str | None
) -> Logged:
    """A row of a log that keeps JSON as text."""
    if expected is None or values is None:
        return Logged(at, op, key, who)
    replaced = {"expected": json.loads(expected), "values": json.loads(values)}
    return Logged(at, op, key, who, replaced=replaced)


def changes(
    engine: Engine,
    bound: Bound,
    aim: Target,
    position: Position | None,
    columns: Sequence[Column],
    limit: int,
    errors: Errors,
) -> Iterator[Page]:
    """Pages of changed rows and of keys that are gone. Raises Misconfigured if it is not tracked, or Gap."""
    log = _Log(engine, bound, aim, errors)
    with reading(engine) as connection:
        now = log.standing(connection, columns)
        if position is None:
            start = Position(now.epoch, now.seal, secrets.token_hex(16), log.end(connection, now))
        else:
            latest = log.latest(connection, now.trimmed) if now.latest is None else now.latest
            log.follows(position, now, latest)
            page, full = log.page(connection, position, columns, limit)
    if position is None:
        yield Page((), start.encode())
        return
    yield page
    while full:
        with reading(engine) as connection:
            page, full = log.page(connection, decode(page.cursor), columns, limit)
        yield page


def passed(engine: Engine, bound: Bound, aim: Target, position: Position, errors: Errors) -> None:
    """Note how far a reader has stored what it read, and let go what all have behind them.

    A position that does not follow from the present log is passed over: the next read tells of it.
    """
    log = _Log(engine, bound, aim, errors)
    with reading(engine) as connection:
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

    def __init__(self, engine: Engine, bound: Bound, aim: Target, errors: Errors) -> None:
        self.engine, self.bound, self.target, self.errors = engine, bound, aim, errors
        self.module = MODULES[bound.dialect]
        self.name = self.module.log(aim)

    def standing(self, connection: Connection, columns: Sequence[Column]) -> Standing:
        """What is installed. Raises Misconfigured if it is not whole, or logs too few columns."""
        found = self._stands(connection)
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

    def _stands(self, connection: Connection) -> Standing:
        if self.bound.dialect == "postgresql":
            try:
                return standing_at_once(connection, self.bound, self.target)
            except sa.exc.ProgrammingError:  # in no transaction: what is not there can be asked for now
                pass
        return standing(connection, self.bound, self.target)

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

    def end(self, connection: Connection, now: Standing) -> int:
        """Where a reader begins that is to see all that is committed from now on."""
        if self.bound.dialect == "postgresql":  # each transaction with a lower number is over
            return int(connection.scalar(sa.text("select pg_snapshot_xmin(pg_current_snapshot())::text")))
        position, full = Position("", "", "", now.trimmed), True
        while full:
            _rows, position, full = self.after(connection, position, TRIMMED_AT_ONCE)
        return position.at

    # ------------------------------------------------------------ rows

    def page(
        self, connection: Connection, position: Position, columns: Sequence[Column], limit: int
    ) -> tuple[Page, bool]:
        """The next page, and whether there may be more at once. Raises Gap."""
        rows, following, full = self.after(connection, position, limit)
        if not rows:
            return Page((), position.encode()), False
        if special := next((row for row in rows if row.op in REASONS), None):
            raise self.gap(REASONS[special.op])
        keys = list(dict.fromkeys(row.key for row in rows if row.key is not None))
        fetched = read.fetch(connection, self.bound, keys, columns)
        who = {row.key: row.who for row in rows}
        found = [replace(fetched.found[key], who=who[key]) for key in keys if key in fetched.found]
        gone = [key for key in keys if key in fetched.absent]
        return Page(found, following.encode(), gone, [one for row in rows for one in _replaced(row)]), full

    def after(self, connection: Connection, position: Position, limit: int) -> Read:
        """The next rows that may be read, the position behind them, and whether there may be more at once."""
        if self.bound.dialect == "postgresql":
            return self._after_postgres(connection, position, limit)
        if self.bound.dialect == "mysql":
            return self._after_mysql(position, limit)
        rows = connection.execute(
            sa.text(
                f"select seq, op, record_key, '', {_TEXTS} from {self.name}"
                " where seq >= :at order by seq limit :n"
            ),
            {"at": position.at, "n": limit},
        ).all()
        return _numbered(position, [_from_texts(*row) for row in rows], len(rows) == limit)

    def _after_postgres(self, connection: Connection, position: Position, limit: int) -> Read:
        """What is below the horizon is over, and seen: one snapshot tells both, that of the statement."""
        horizon = "pg_snapshot_xmin(pg_current_snapshot())"
        rows = connection.execute(
            sa.text(
                f"select txid::text::bigint, op, record_key, {_WHO}, lsn::text, {_REPLACED},"
                f" {horizon}::text::bigint"
                f" from {self.name} where (txid, lsn) > (cast(:at as xid8), cast(:within as pg_lsn))"
                f" and txid < {horizon} order by txid, lsn limit :n"
            ),
            {"at": str(position.at), "within": position.within or "0/0", "n": limit},
        ).all()
        found = [Logged(*row[:-1]) for row in rows]
        if len(found) == limit:
            return found, position.moved(found[-1].at, found[-1].within), True
        # a position that stands still spares the hub a write for each read of a table where nothing happens
        return found, position.moved(rows[-1][-1]) if found else position, False

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
                row[0]: _from_texts(*row)
                for row in connection.execute(
                    sa.text(
                        f"select seq, op, record_key, {_WHO}, {_TEXTS} from {self.name}"
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


def _only(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names}
