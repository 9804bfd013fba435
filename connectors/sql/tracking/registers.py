"""Registers: when each column of a tracked row was last changed, kept by the triggers (here: of PostgreSQL).

A stamp is by a hybrid logical clock and sorts as text: microseconds, a count within one of them, and where it
was made. Each value has a clock of its own (see `tick`), so that no writer waits for another one's row. A row
that was never updated has no stamps. The hub's own writes do not tick: they carry the stamp of the value that
they bring, so that both systems know it by the same one.
"""

from __future__ import annotations

import json

from .target import Target, literal

SCHEMA = "syncadmin_tracking"
NOW = "lpad(floor(extract(epoch from v_at) * 1000000)::bigint::text, 16, '0')"


def tick(cell: str) -> str:
    """The stamp of a change of what is stamped `cell` (SQL, perhaps null): never an earlier one."""
    wall, count = f"left({cell}, 16)", f"substr({cell}, 18, 6)"
    return f"""case when {cell} is null or {wall} < v_now then v_now || '.000000.'
             when {count} = '999999' then lpad(({wall}::bigint + 1)::text, 16, '0') || '.000000.'
             else {wall} || '.' || lpad(({count}::int + 1)::text, 6, '0') || '.' end || v_node"""


def register(target: Target) -> str:
    """The table of a tracked table's stamps."""
    return f"{SCHEMA}.registers_{target.id}"


def install(target: Target) -> list[str]:
    """Statements that make it; it says itself of which columns it holds stamps."""
    if not target.registers:
        return []
    names = literal(json.dumps([column.name for column in target.registers]))
    return [
        f"""create table {register(target)} (
    record_key text primary key,
    stamps jsonb not null) with (fillfactor = 80)""",
        f"comment on table {register(target)} is {names}",
    ]


def declared(target: Target) -> str:
    """What the body of the trigger declares for it."""
    return "  v_now text; v_node text;\n" if target.registers else ""


def ticking(target: Target) -> str:
    """Part of the trigger, before updates are logged: what to stamp them with, nothing for our own writes."""
    if not target.registers:
        return ""
    return f"""
      if current_setting('syncadmin.origin', true) is distinct from 'syncadmin' then
        v_now := {NOW};
        select left(md5(epoch), 8) into v_node from {SCHEMA}.tracked where id = {literal(target.id)};
      end if;"""


def logging(target: Target, log: str, found: str) -> str:
    """Part of the trigger: log what is `found`, stamp what an update changed, forget the stamps of the gone.

    Whoever gets the key of a row that is gone is a new one. A row may be found twice, where two foreign keys
    changed it in one statement.
    """
    insert = f"""insert into {log} (op, record_key, was, became, changed_at)
      {found}"""
    if not target.registers:
        return f"{insert};\n      get diagnostics v_rows = row_count"
    stamped = {column.name for column in target.registers}
    places = ", ".join(
        f"({literal(column.name)}, {place})"
        for place, column in enumerate(target.columns, start=1)
        if column.name in stamped
    )
    return f"""with logged as (
      {insert}
      returning op, record_key, was, became),
      ticked as (insert into {register(target)} as r (record_key, stamps)
       select l.record_key, jsonb_object_agg(c.name, v_now || '.000000.' || v_node)
       from logged l cross join (values {places}) c(name, place)
       where v_now is not null and l.op = 'U' and l.was[c.place] is distinct from l.became[c.place]
       group by l.record_key
       on conflict (record_key) do update set stamps = r.stamps || (
        select jsonb_object_agg(c.key, {tick("(r.stamps ->> c.key)")})
        from jsonb_object_keys(excluded.stamps) c(key))),
      gone as (delete from {register(target)} r using logged l
       where l.op = 'D' and r.record_key = l.record_key)
      select count(*) into v_rows from logged"""


def emptied(target: Target) -> str:
    """Part of the trigger: the table was emptied."""
    return f"\n      delete from {register(target)};" if target.registers else ""


# ---------------------------------------------------------------- what the connector asks

KEPT = """select obj_description(c.oid, 'pg_class')
 from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = :schema and c.relname = :name and has_schema_privilege(n.oid, 'usage')
   and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')
   and has_table_privilege(c.oid, 'update')
   and has_table_privilege(
     to_regclass(n.nspname || '.' || replace(c.relname, 'registers_', 'log_')), 'insert')"""


def kept_in(target: Target | None) -> dict[str, str]:
    """What KEPT is to be asked with."""
    return {"schema": SCHEMA, "name": register(target).partition(".")[2] if target is not None else ""}
