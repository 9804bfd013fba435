"""The SQL of change tracking on SQLite, for tables of a file that only one connection at a time writes to.

Our tables are in the same file. SQLite knows no users and no variables; the hub's own writes are marked by
a row in a table that is there only while they are made. Values are compared byte by byte, whatever the
collation.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.sql.columns import Column

from . import stamped
from .target import KEPT_ROWS, Target, literal

BUILT_AT_ONCE = 40  # pairs that json_object takes, and then some
LOOKED_AT = 4096  # one write in so many looks whether the log has grown too long
TRACKED, READERS, ORIGIN = "syncadmin_tracked", "syncadmin_readers", "syncadmin_origin"
EVENTS = ("i", "u", "k", "d", "l")
NOW = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

COMMON = (
    f"""create table if not exists {TRACKED} (
    id text primary key,
    table_schema text not null,
    table_name text not null,
    columns text not null,            -- JSON: the columns whose values are logged
    digest text not null,             -- of the SQL that installed it
    epoch text not null,
    trimmed integer not null default 0, -- below this the log may have been emptied
    installed_at text not null)""",
    f"""create table if not exists {READERS} (
    id text not null,
    reader text not null,
    position integer not null,        -- everything below this has been read
    seen_at text not null,
    primary key (id, reader))""",
    f"create table if not exists {ORIGIN} (origin text)",
)
EPOCH = "hex(randomblob(16))"


def tracked(target: Target) -> str:
    """The table of tracked tables."""
    return TRACKED


def readers(target: Target) -> str:
    """The table of those who read logs."""
    return READERS


def without_trace(target: Target) -> list[str]:
    """Statements for when no table is tracked any more."""
    return [f"drop table if exists {name}" for name in (ORIGIN, READERS, TRACKED)]


def rights(target: Target) -> list[str]:
    """SQLite knows no accounts: who may write to the file may do this."""
    return []


grants = rights


def log(target: Target) -> str:
    """The log of a table."""
    return f"syncadmin_log_{target.id}"


def receipts(target: Target) -> str:
    """The receipts of a table."""
    return f"syncadmin_receipts_{target.id}"


def trigger(target: Target, event: str) -> str:
    """The name of a trigger."""
    return f"syncadmin_{target.id}_{event}"


def install(target: Target) -> list[str]:
    """Statements that begin to track the table anew, in one transaction."""
    return [
        *COMMON,
        *remove(target),
        _log_table(target),
        _receipts_table(target),
        *stamped.sqlite_table(target),
        *_triggers(target),
    ]


def remove(target: Target) -> list[str]:
    """Statements that stop tracking the table."""
    return [
        *(f"drop trigger if exists {trigger(target, event)}" for event in EVENTS),
        f"drop table if exists {log(target)}",
        f"drop table if exists {receipts(target)}",
        f"drop table if exists {stamped.register_name(target)}",
        f"delete from {READERS} where id = '{target.id}'",
        f"delete from {TRACKED} where id = '{target.id}'",
    ]


def _log_table(target: Target) -> str:
    return f"""create table {log(target)} (
    seq integer primary key autoincrement,
    op text not null,                 -- I, U, D; L: rows of this log were let go
    record_key text,
    stamps text,                      -- the changed columns, and when each was changed
    old_values text,
    new_values text,
    changed_at text not null default ({NOW}),
    origin text)"""


def _receipts_table(target: Target) -> str:
    return f"""create table {receipts(target)} (
    record text not null,             -- digest of the key
    writer text not null,             -- who wrote, and the number that the write has there
    write_id text not null,
    part text not null,               -- digest; '' for all of it
    done integer not null,            -- 0: asked for before it came, and not to be carried out any more
    noted_at text not null,
    primary key (record, writer, write_id, part)) without rowid"""


def _triggers(target: Target) -> list[str]:
    key = target.quote(target.key.name)
    moved = f"cast(old.{key} as text) is not cast(new.{key} as text)"
    changed = " or ".join(differs(target, column) for column in target.columns) or "0"
    gone = stamped.sqlite_gone(target)
    stamps = stamped.sqlite_updated(target, TRACKED, ORIGIN, differs)
    return [
        _trigger(target, "i", "insert", "", _insert(target, "I", "new")),
        _trigger(target, "d", "delete", "", _insert(target, "D", "old") + gone),
        _trigger(target, "u", "update", f"when not ({moved}) and ({changed})", _update(target) + stamps),
        _trigger(
            target,
            "k",
            "update",
            f"when {moved}",
            f"{_insert(target, 'D', 'old')}\n  {_insert(target, 'I', 'new')}{gone}",
        ),
        f"""create trigger {trigger(target, "l")} after insert on {log(target)}
when new.seq % {LOOKED_AT} = 0 and exists(select 1 from {log(target)} where seq <= new.seq - {KEPT_ROWS})
begin
  delete from {log(target)} where seq <= new.seq - {KEPT_ROWS};
  insert into {log(target)} (op) values ('L');
end""",
    ]


def _trigger(target: Target, event: str, word: str, when: str, work: str) -> str:
    return f"""create trigger {trigger(target, event)} after {word} on {target.qualified} {when}
begin
  {work}
end"""


def _insert(target: Target, op: str, row: str) -> str:
    values = _object([(c, _shown(target, c, row)) for c in target.columns])
    stamps = _object([(c, NOW) for c in target.columns])
    old, new = ("null", values) if row == "new" else (values, "null")
    return _logged(target, op, row, f"{stamps}, {old}, {new}")


def _update(target: Target) -> str:
    rows = " union all ".join(
        f"select {literal(c.name)} as name, {_shown(target, c, 'old')} as was,"
        f" {_shown(target, c, 'new')} as is_"
        f" where {differs(target, c)}"
        for c in target.columns
    )
    parts = ", ".join(f"json_group_object(name, {value})" for value in (NOW, "was", "is_"))
    source = f" from ({rows})" if rows else ""
    return _logged(target, "U", "new", parts if rows else "'{}', '{}', '{}'", source)


def _logged(target: Target, op: str, row: str, parts: str, source: str = "") -> str:
    key = f"cast({row}.{target.quote(target.key.name)} as text)"
    return (
        f"insert into {log(target)} (op, record_key, stamps, old_values, new_values, origin)\n"
        f"  select '{op}', {key}, {parts}, (select origin from {ORIGIN} limit 1){source};"
    )


def _object(values: Sequence[tuple[Column, str]]) -> str:
    """JSON of all columns; by rows where they are many: a function takes so many arguments only."""
    if len(values) <= BUILT_AT_ONCE:
        return f"json_object({', '.join(f'{literal(c.name)}, {value}' for c, value in values)})"
    rows = " union all ".join(f"select {literal(c.name)} as name, {value} as value" for c, value in values)
    return f"(select json_group_object(name, value) from ({rows}))"


def _shown(target: Target, column: Column, row: str) -> str:
    """JSON holds no bytes, and any column of SQLite may hold some."""
    value = f"{row}.{target.quote(column.name)}"
    return f"case typeof({value}) when 'blob' then hex({value}) else {value} end"


def differs(target: Target, column: Column) -> str:
    """Condition: an update changes the column."""
    old, new = f"old.{target.quote(column.name)}", f"new.{target.quote(column.name)}"
    return f"({old} is not {new} collate binary or typeof({old}) <> typeof({new}))"


TRIGGERS = """select name, sql from sqlite_master
 where type = 'trigger' and name like :like escape '\\' order by name"""
SHAPE = "select sql from sqlite_master where type = 'table' and name = :table"
