"""The SQL of change tracking on PostgreSQL.

All is in one schema. A log has no sequence: drawing from one would change what `lastval()` tells the
application. Its order is the number of the transaction and, within it, the position of the write-ahead log,
which only grows. The function runs with the rights of its owner, so that the application needs none on the
log. It never makes a write of the application fail for a column that is gone: it notes an X, and whoever
reads that compares everything.

A statement is logged at its end, all its rows at once, by joining what they were and what they are by their
key: a mass update costs little more than the writing of the log. The subscriber of a publication runs no
triggers of statements, so what replication (and whoever says that he replicates) writes is logged row by row;
so is all of a partition, because statements on the whole table do not run them either.

With the commit it tells whoever listens on CHANNEL that there is something to read. It keeps silent where
that could make a write fail: a transaction that has notified can't be prepared for a two-phase commit, and
none can commit when the server's queue of notifications is full.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connectors.sql.columns import Column, Family

from . import registers
from .target import KEPT_ROWS, TRIMMED_AT_ONCE, Target, literal

SCHEMA = registers.SCHEMA
TRACKED, READERS = f"{SCHEMA}.tracked", f"{SCHEMA}.readers"
_TABLES = {
    "insert": "new table as syncadmin_new",
    "update": "old table as syncadmin_old new table as syncadmin_new",
    "delete": "old table as syncadmin_old",
}
STATEMENT_TRIGGERS = tuple(f"zz_syncadmin_{event}" for event in _TABLES)
TABLE_TRIGGER, REPLICA_TRIGGER = "zz_syncadmin_truncate", "zz_syncadmin_replica"
ROW_TRIGGER = "zz_syncadmin_row"  # what partitions, and older tracking, have instead of those of statements
CHANNEL = "syncadmin"  # told: the table's short name, and whether the hub itself wrote
LOOKED_AT = 4096  # of so many rows written, one looks whether the log has grown too long

COMMON = (
    f"create schema if not exists {SCHEMA}",
    f"""create table if not exists {TRACKED} (
    id text primary key,
    table_schema text not null,
    table_name text not null,
    columns text not null,            -- JSON: the columns whose values are logged
    digest text not null,             -- of the SQL that installed it
    epoch text not null default gen_random_uuid()::text,
    trimmed bigint not null default 0, -- below this the log may have been emptied
    installed_at timestamptz not null default clock_timestamp())""",
    f"""create table if not exists {READERS} (
    id text not null references {TRACKED} on delete cascade,
    reader text not null,
    position bigint not null,         -- everything below this has been read
    seen_at timestamptz not null default clock_timestamp(),
    primary key (id, reader))""",
)


def log(target: Target) -> str:
    """The log of a table."""
    return f"{SCHEMA}.log_{target.id}"


def receipts(target: Target) -> str:
    """The receipts of a table."""
    return f"{SCHEMA}.receipts_{target.id}"


def view(target: Target) -> str:
    """The log of a table for people to read: values and stamps by the names of their columns."""
    return f"{SCHEMA}.changes_{target.id}"


def install(target: Target) -> list[str]:
    """Statements that begin to track the table anew, in one transaction."""
    function = f"{SCHEMA}.capture_{target.id}"
    return [
        *COMMON,
        *remove(target),
        _log_table(target),
        _receipts_table(target),
        _view(target),
        *registers.install(target),
        _function(target, function, "syncadmin_old o", "syncadmin_new n"),
        _function(target, f"{function}_row", "(select old.*) o", "(select new.*) n"),
        *(_row_trigger(target, ROW_TRIGGER) if target.part else _statement_triggers(target)),
        f"create trigger {TABLE_TRIGGER} after truncate on {target.qualified}"
        f" for each statement execute function {function}()",
    ]


def always(target: Target) -> list[str]:
    """Statements that only the table's owner may run: log also what replication and restores write."""
    alter = f"alter table {target.qualified} enable"
    if target.part:
        return [f"{alter} always trigger {name}" for name in (ROW_TRIGGER, TABLE_TRIGGER)]
    replica = [*_row_trigger(target, REPLICA_TRIGGER), f"{alter} replica trigger {REPLICA_TRIGGER}"]
    return [f"{alter} always trigger {TABLE_TRIGGER}", ";\n".join(replica)]  # the two only together


def _row_trigger(target: Target, name: str) -> list[str]:
    return [
        f"create trigger {name} after insert or update or delete on {target.qualified}"
        f" for each row execute function {SCHEMA}.capture_{target.id}_row()"
    ]


def _statement_triggers(target: Target) -> list[str]:
    return [
        f"create trigger zz_syncadmin_{event} after {event} on {target.qualified}"
        f" referencing {tables} for each statement execute function {SCHEMA}.capture_{target.id}()"
        for event, tables in _TABLES.items()
    ]


def remove(target: Target) -> list[str]:
    """Statements that stop tracking the table. The triggers go with their functions, whoever owns it."""
    return [
        f"drop function if exists {SCHEMA}.capture_{target.id}() cascade",
        f"drop function if exists {SCHEMA}.capture_{target.id}_row() cascade",
        f"drop view if exists {view(target)}",
        f"drop table if exists {log(target)}",
        f"drop table if exists {registers.register(target)}",
        f"drop table if exists {receipts(target)}",
        f"delete from {TRACKED} where id = {literal(target.id)}",
    ]


def without_trace(target: Target) -> list[str]:
    """Statements for when no table is tracked any more."""
    return [f"drop schema if exists {SCHEMA} cascade"]


def tracked(target: Target) -> str:
    """The table of tracked tables."""
    return TRACKED


def readers(target: Target) -> str:
    """The table of those who read logs."""
    return READERS


def rights(target: Target) -> list[str]:
    """What the hub's account needs to install it by itself."""
    user = target.quote(target.user)
    return [
        f"grant create on database {target.quote(target.database)} to {user}",
        f"grant usage on schema {target.quote(target.schema)} to {user}",
        f"grant select, insert, update, delete, trigger on {target.qualified} to {user}",
    ]


def grants(target: Target) -> list[str]:
    """What the hub's account needs to read, if somebody else has installed it."""
    user = target.quote(target.user)
    return [
        f"grant usage on schema {SCHEMA} to {user}",
        f"grant select, update on {TRACKED} to {user}",
        f"grant select, insert, update, delete on {READERS} to {user}",
        f"grant select, delete on {log(target)} to {user}",
        f"grant select, insert, delete on {receipts(target)} to {user}",
        *(
            [
                f"grant select, insert, update on {registers.register(target)} to {user}",
                f"grant insert on {log(target)} to {user}",
            ]
            if target.registers
            else []
        ),
    ]


def _log_table(target: Target) -> str:
    return f"""create table {log(target)} (
    txid xid8 not null default pg_current_xact_id(),
    lsn pg_lsn not null default pg_current_wal_insert_lsn(),
    op text not null,                 -- I, U, D; T: truncated, L: cut, X: not understood, R: replaced
    record_key text,
    was text[],                       -- the logged columns in their order; of an U those that it changed
    became text[],
    old_values jsonb,                 -- of an R: what was expected, and what was there
    new_values jsonb,
    changed_at timestamptz not null default clock_timestamp(),
    db_user text default session_user,
    app_user text default nullif(current_setting('syncadmin.user', true), ''),
    application text default nullif(current_setting('application_name', true), ''),
    origin text default nullif(current_setting('syncadmin.origin', true), ''),
    primary key (txid, lsn)) with (autovacuum_vacuum_scale_factor = 0.05)"""


def _receipts_table(target: Target) -> str:
    return f"""create table {receipts(target)} (
    record text not null,             -- digest of the key
    writer text not null,             -- who wrote, and the number that the write has there
    write_id text not null,
    part text not null,               -- digest; '' for all of it
    done smallint not null,           -- 0: asked for before it came, and not to be carried out any more
    noted_at timestamptz not null,
    primary key (record, writer, write_id, part))"""


def _view(target: Target) -> str:
    named = f"""(select jsonb_object_agg(c.name, {{value}}) from {TRACKED} t,
      jsonb_array_elements_text(t.columns::jsonb) with ordinality c(name, place)
     where t.id = {literal(target.id)} and {{such}}
       and (l.op <> 'U' or l.was[c.place] is distinct from l.became[c.place]))"""
    stamps = named.format(value="l.changed_at", such="l.op in ('I', 'U', 'D')")
    was = named.format(value="l.was[c.place]", such="l.op in ('U', 'D')")
    became = named.format(value="l.became[c.place]", such="l.op in ('U', 'I')")
    return f"""create view {view(target)} as select l.txid, l.lsn, l.op, l.record_key,
    {stamps} as stamps,
    coalesce(l.old_values, {was}) as old_values,
    coalesce(l.new_values, {became}) as new_values,
    l.changed_at, l.db_user, l.app_user, l.application, l.origin from {log(target)} l"""


def _function(target: Target, name: str, old: str, new: str) -> str:
    body = _body(target, old, new)
    tag = "syncadmin"
    while f"${tag}$" in body:
        tag += "_"
    return f"""create function {name}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${tag}${body}${tag}$"""


def _body(target: Target, old: str, new: str) -> str:
    """What is done with the rows of `o` and `n`, which are those of `old` and `new`.

    Conditions without a query in them cost next to nothing, so those come first, by themselves.
    """
    where, key = log(target), target.quote(target.key.name)
    was, now = ([_value(target, column, row) for column in target.columns] for row in "on")
    pairs = list(zip(was, now, strict=True))
    shown = "to_jsonb({0}.{1}) #>> '{{}}'"
    updated = f"""select case when o.{key} is null then 'I' when n.{key} is null then 'D' else 'U' end,
             coalesce({shown.format("n", key)}, {shown.format("o", key)}),
             {_array(f"nullif({o}, {n})" for o, n in pairs)},
             {_array(f"nullif({n}, {o})" for o, n in pairs)}, v_at
        from {old} full join {new} on o.{key}::text collate "C" = n.{key}::text collate "C"
       where coalesce(o.{key}, n.{key}) is not null
         and (o.{key} is null or n.{key} is null or {_array(was)} is distinct from {_array(now)})"""
    inserted = f"""select 'I', {shown.format("n", key)}, null, {_array(now)}, v_at
        from {new} where n.{key} is not null"""
    deleted = f"""select 'D', {shown.format("o", key)}, {_array(was)}, null, v_at
        from {old} where o.{key} is not null"""
    return f"""
declare
  v_at timestamptz := clock_timestamp();
  v_rows bigint := 0;
  v_told text;
{registers.declared(target)}begin
  begin
    if tg_op = 'UPDATE' then{registers.ticking(target)}
      {registers.logging(target, where, updated)};
    elsif tg_op = 'INSERT' then
      insert into {where} (op, record_key, was, became, changed_at)
      {inserted};
      get diagnostics v_rows = row_count;
    elsif tg_op = 'DELETE' then
      {registers.logging(target, where, deleted)};
    else
      insert into {where} (op) values ('T');{registers.emptied(target)}
      v_rows := 1;
    end if;
  exception when others then
    if left(sqlstate, 2) not in ('0A', '22', '42', '53', 'XX') then raise; end if;
    insert into {where} (op) values ('X');
    v_rows := 1;
  end;
  if extract(microseconds from v_at)::bigint % {LOOKED_AT} < v_rows then
    if (select reltuples from pg_class where oid = '{where}'::regclass) > {KEPT_ROWS} then
      delete from {where} where ctid = any (array(select ctid from {where} order by txid, lsn
        limit greatest({TRIMMED_AT_ONCE}, v_rows) for update skip locked));
      insert into {where} (op) values ('L');
    end if;
  end if;
  if v_rows > 0 and current_setting('max_prepared_transactions') = '0'
     and pg_notification_queue_usage() < 0.5 then
    v_told := pg_notify('{CHANNEL}',
      '{target.id} ' || coalesce(current_setting('syncadmin.origin', true), ''));
  end if;
  return null;
end
"""


def _array(parts: Iterable[str]) -> str:
    return f"array[{', '.join(parts)}]::text[]"


def _value(target: Target, column: Column, row: str) -> str:
    """A value as text, by which it is also told from another one; dates however the session writes them."""
    found = f"{row}.{target.quote(column.name)}"
    if column.family in (Family.DATE, Family.NAIVE, Family.AWARE):
        found = f"(to_jsonb({found}) #>> '{{}}')"
    return f'{found}::text collate "C"'


_NAMES = (*STATEMENT_TRIGGERS, TABLE_TRIGGER, REPLICA_TRIGGER, ROW_TRIGGER)
_OURS = ", ".join(literal(name) for name in _NAMES)
_SEAL = f"""select md5(string_agg(part, ',' order by part)) from (
  select format('trigger %s %s %s', oid, xmin, tgenabled) from pg_trigger
   where tgrelid = to_regclass(:table) and tgname in ({_OURS})
  union all select distinct format('function %s %s', p.oid, p.xmin) from pg_trigger g
   join pg_proc p on p.oid = g.tgfoid
   where tgrelid = to_regclass(:table) and tgname in ({_OURS})
  union all select format('column %s %s', attnum, xmin) from pg_attribute
   where attrelid = to_regclass(:table)
   and attname in (select json_array_elements_text(t.columns::json) union all select :key)
  union all select format('timeline %s', left(pg_walfile_name(pg_current_wal_lsn()), 8))
) sealed(part)"""
"""Changes when a trigger is dropped, made, disabled or enabled, when a column changes, on failover."""

STANDING = f"""select t.columns, t.digest, t.epoch, t.trimmed, array(
   select tgname::text || ' ' || tgenabled::text from pg_trigger
    where tgrelid = to_regclass(:table) and tgname in ({_OURS})),
 ({_SEAL}), pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
 exists(select 1 from pg_inherits where inhrelid = to_regclass(:table)) from {TRACKED} t where t.id = :id"""
"""All that is asked before each read of the log, at once. With the triggers, whether each is enabled."""

_FIRING = {"O": "", "A": "", "D": "disabled", "R": "enabled for replication only"}


def amiss(triggers: Sequence[str], *, part: bool) -> tuple[set[str], list[str]]:
    """Which triggers are gone, and what is wrong with those that are there; `triggers` as STANDING tells."""
    found = dict(one.split(" ") for one in triggers)
    statements = not (part or ROW_TRIGGER in found)  # rows: of a partition, or of an older version
    expected = {TABLE_TRIGGER, *(STATEMENT_TRIGGERS if statements else (ROW_TRIGGER,))}
    if found.get(REPLICA_TRIGGER) == "R":
        del found[REPLICA_TRIGGER]
    off = [f"{name} is {_FIRING.get(how, how)}" for name, how in found.items() if _FIRING.get(how, how)]
    return expected - found.keys(), off


PARTED = """select c.relkind <> 'r' or exists(select 1 from pg_inherits where inhparent = c.oid)
 from pg_class c where c.oid = to_regclass(:table)"""
"""Whether rows may come and go without a trigger of the table: partitions, inheritance, views."""

EPOCH = "gen_random_uuid()::text"
NOW = "clock_timestamp()"
