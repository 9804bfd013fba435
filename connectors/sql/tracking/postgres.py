"""The SQL of change tracking on PostgreSQL.

All is in one schema. A log has no sequence: drawing from one would change what `lastval()` tells the
application. Its order is the number of the transaction and, within it, the position of the write-ahead log,
which only grows. The function runs with the rights of its owner, so that the application needs none on the
log. It never makes a write of the application fail for a column that is gone: it notes an X, and whoever
reads that compares everything.

With the commit it tells whoever listens on CHANNEL that there is something to read. It keeps silent where
that could make a write fail: a transaction that has notified can't be prepared for a two-phase commit, and
none can commit when the server's queue of notifications is full.
"""

from __future__ import annotations

from . import registers
from .target import KEPT_ROWS, TRIMMED_AT_ONCE, Target, literal, portions

SCHEMA = registers.SCHEMA
TRACKED, READERS = f"{SCHEMA}.tracked", f"{SCHEMA}.readers"
ROW_TRIGGER, TABLE_TRIGGER = "zz_syncadmin_row", "zz_syncadmin_truncate"
CHANNEL = "syncadmin"  # told: the table's short name, and whether the hub itself wrote
BUILT_AT_ONCE = 40  # pairs that jsonb_build_object takes, and then some
LOOKED_AT = 4096  # one write in so many looks whether the log has grown too long

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


def install(target: Target) -> list[str]:
    """Statements that begin to track the table anew, in one transaction."""
    return [
        *COMMON,
        *remove(target),
        _log_table(target),
        _receipts_table(target),
        *registers.install(target),
        _function(target),
        f"create trigger {ROW_TRIGGER} after insert or update or delete on {target.qualified}"
        f" for each row execute function {SCHEMA}.capture_{target.id}()",
        f"create trigger {TABLE_TRIGGER} after truncate on {target.qualified}"
        f" for each statement execute function {SCHEMA}.capture_{target.id}()",
    ]


def always(target: Target) -> list[str]:
    """Statements that only the table's owner may run: log also what replication and restores write."""
    return [
        f"alter table {target.qualified} enable always trigger {name}"
        for name in (ROW_TRIGGER, TABLE_TRIGGER)
    ]


def remove(target: Target) -> list[str]:
    """Statements that stop tracking the table. The triggers go with their function, whoever owns it."""
    return [
        f"drop function if exists {SCHEMA}.capture_{target.id}() cascade",
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
    stamps jsonb,                     -- the changed columns, and when each was changed
    old_values jsonb,
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


def _function(target: Target) -> str:
    body = _body(target)
    tag = "syncadmin"
    while f"${tag}$" in body:
        tag += "_"
    return f"""create function {SCHEMA}.capture_{target.id}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${tag}${body}${tag}$"""


def _body(target: Target) -> str:
    key, where, stamped = target.quote(target.key.name), log(target), registers.updated(target)
    return f"""
declare
  v_op text := left(tg_op, 1);
  v_at timestamptz := clock_timestamp();
  v_was text; v_is text; v_old jsonb; v_new jsonb;
  v_logged boolean := true;
{registers.declared(target)}begin
  if v_op <> 'T' then
    begin
      if v_op <> 'I' then
        v_was := to_jsonb(old.{key}) #>> '{{}}';
        v_old := {_object(target, "old")};
      end if;
      if v_op <> 'D' then
        v_is := to_jsonb(new.{key}) #>> '{{}}';
        v_new := {_object(target, "new")};
      end if;
    exception when others then
      v_op := 'X'; v_was := null; v_is := null; v_old := null; v_new := null;
    end;
  end if;
  if v_op = 'U' and v_was is not distinct from v_is then
    insert into {where} (op, record_key, stamps, old_values, new_values, changed_at)
    select 'U', v_is, jsonb_object_agg(n.key, v_at), jsonb_object_agg(n.key, v_old -> n.key),
           jsonb_object_agg(n.key, n.value), v_at
    from jsonb_each(v_new) n where n.value is distinct from v_old -> n.key having count(*) > 0;
    v_logged := found;{stamped}
  elsif v_op in ('T', 'X') then
    insert into {where} (op) values (v_op);{registers.emptied(target)}
  else
    if v_op in ('D', 'U') then{registers.gone(target)}
      insert into {where} (op, record_key, stamps, old_values, changed_at)
      select 'D', v_was, jsonb_object_agg(n.key, v_at), v_old, v_at from jsonb_each(v_old) n;
    end if;
    if v_op in ('I', 'U') then
      insert into {where} (op, record_key, stamps, new_values, changed_at)
      select 'I', v_is, jsonb_object_agg(n.key, v_at), v_new, v_at from jsonb_each(v_new) n;
    end if;
  end if;
  if extract(microseconds from v_at)::bigint % {LOOKED_AT} = 0
     and (select reltuples from pg_class where oid = '{where}'::regclass) > {KEPT_ROWS} then
    delete from {where} where ctid = any (array(
      select ctid from {where} order by txid, lsn limit {TRIMMED_AT_ONCE} for update skip locked));
    insert into {where} (op) values ('L');
  end if;
  if v_logged and current_setting('max_prepared_transactions') = '0'
     and pg_notification_queue_usage() < 0.5 then
    perform pg_notify('{CHANNEL}', '{target.id} ' || coalesce(current_setting('syncadmin.origin', true), ''));
  end if;
  return null;
end
"""


def _object(target: Target, row: str) -> str:
    parts = [
        "jsonb_build_object("
        + ", ".join(f"{literal(c.name)}, {row}.{target.quote(c.name)}" for c in portion)
        + ")"
        for portion in portions(target.columns, BUILT_AT_ONCE)
    ]
    return " || ".join(parts) or "'{}'::jsonb"


_SEAL = f"""select md5(string_agg(part, ',' order by part)) from (
  select format('trigger %s %s %s', oid, xmin, tgenabled) from pg_trigger
   where tgrelid = to_regclass(:table) and tgname in ('{ROW_TRIGGER}', '{TABLE_TRIGGER}')
  union all select format('function %s %s', p.oid, p.xmin) from pg_trigger g
   join pg_proc p on p.oid = g.tgfoid
   where tgrelid = to_regclass(:table) and tgname = '{ROW_TRIGGER}'
  union all select format('column %s %s', attnum, xmin) from pg_attribute
   where attrelid = to_regclass(:table)
   and attname in (select json_array_elements_text(t.columns::json) union all select :key)
  union all select format('timeline %s', left(pg_walfile_name(pg_current_wal_lsn()), 8))
) sealed(part)"""
"""Changes when a trigger is dropped, made, disabled or enabled, when a column changes, on failover."""

STANDING = f"""select t.columns, t.digest, t.epoch, t.trimmed, array(
   select tgname::text || ' ' || tgenabled::text from pg_trigger
    where tgrelid = to_regclass(:table) and tgname in ('{ROW_TRIGGER}', '{TABLE_TRIGGER}')),
 ({_SEAL}), pg_snapshot_xmax(pg_current_snapshot())::text::bigint from {TRACKED} t where t.id = :id"""
"""All that is asked before each read of the log, at once. With the triggers, whether each is enabled."""

FIRING = {"O": "", "A": "", "D": "disabled", "R": "enabled for replication only"}

PARTED = """select c.relkind <> 'r' or exists(select 1 from pg_inherits where inhparent = c.oid)
 from pg_class c where c.oid = to_regclass(:table)"""
"""Whether rows may come and go without a trigger of the table: partitions, inheritance, views."""

EPOCH = "gen_random_uuid()::text"
NOW = "clock_timestamp()"
