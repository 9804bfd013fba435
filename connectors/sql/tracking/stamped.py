"""Registers of MariaDB, MySQL and SQLite: a table with the key of a row and a column for each stamp.

The same hybrid logical clock as on PostgreSQL (see `registers`). SQLite tells milliseconds: what is changed
within one is told apart by the count. What the triggers do is said here for both, in each one's words.
"""

from __future__ import annotations

from collections.abc import Callable

from connectors.sql.columns import Column

from .target import Target, literal

KEY = "syncadmin_key"
OURS = "syncadmin"
AT, NODE = "syncadmin_at_", "syncadmin_node_"  # variables of the triggers of MariaDB and MySQL
Differs = Callable[[Target, Column], str]


def register_name(target: Target) -> str:
    """The table of a tracked table's stamps."""
    return f"syncadmin_registers_{target.id}"


def _any(target: Target, differs: Differs) -> str:
    return " or ".join(differs(target, column) for column in target.registers)


# ---------------------------------------------------------------- MariaDB and MySQL


def mysql_table(target: Target, place: str) -> list[str]:
    """Statements that make it. Of a deleted row the digest of its key stays, without stamps: to look for a
    row that may not be there would lock those beside it."""
    if not target.registers:
        return []
    columns = ", ".join(f"{target.quote(c.name)} char(32)" for c in target.registers)
    return [
        f"create table {place} ({KEY} char(64) primary key, {columns})"
        " engine = innodb character set utf8mb4 collate utf8mb4_bin"
    ]


def mysql_declared(target: Target) -> str:
    """What the body of the trigger declares for it."""
    return f"\n  declare {AT} char(16); declare {NODE} char(8);" if target.registers else ""


def mysql_updated(target: Target, place: str, tracked: str, differs: Differs) -> str:
    """Part of the trigger: a row was updated, and keeps its key."""
    if not target.registers:
        return ""
    names = [target.quote(c.name) for c in target.registers]
    changed = [differs(target, c) for c in target.registers]
    fresh = f"concat({AT}, '.000000.', {NODE})"
    new = ", ".join(f"if({did}, {fresh}, null)" for did in changed)
    again = ", ".join(
        f"{name} = if({did}, {_mysql_tick(name)}, {name})" for name, did in zip(names, changed, strict=True)
    )
    return f"""
    if not (@syncadmin_origin <=> '{OURS}') and ({_any(target, differs)}) then
      set {AT} = lpad(timestampdiff(microsecond, '1970-01-01', now_), 16, '0');
      set {NODE} = (select left(md5(epoch), 8) from {tracked} where id = '{target.id}');
      insert into {place} ({KEY}, {", ".join(names)}) values ({_mysql_key(target, "new")}, {new})
      on duplicate key update {again};
    end if;"""


def mysql_gone(target: Target, place: str) -> str:
    """Part of the trigger: a row is deleted, or gets another key; who has its key next is a new one."""
    if not target.registers:
        return ""
    empty = ", ".join(f"{target.quote(c.name)} = null" for c in target.registers)
    key = _mysql_key(target, "old")
    return f"\n    insert into {place} ({KEY}) values ({key}) on duplicate key update {empty};"


def _mysql_key(target: Target, row: str) -> str:
    return f"sha2(cast({row}.{target.quote(target.key.name)} as char character set utf8mb4), 256)"


def _mysql_tick(cell: str) -> str:
    wall, count = f"left({cell}, 16)", f"substr({cell}, 18, 6)"
    return f"""case when {cell} is null or {wall} < {AT} then concat({AT}, '.000000.', {NODE})
        when {count} = '999999' then concat(lpad(cast({wall} as unsigned) + 1, 16, '0'), '.000000.', {NODE})
        else concat({wall}, '.', lpad(cast({count} as unsigned) + 1, 6, '0'), '.', {NODE}) end"""


# ---------------------------------------------------------------- SQLite


def sqlite_table(target: Target) -> list[str]:
    """Statements that make it."""
    if not target.registers:
        return []
    columns = ", ".join(f"{target.quote(c.name)} text" for c in target.registers)
    return [f"create table {register_name(target)} ({KEY} text primary key, {columns}) without rowid"]


def sqlite_updated(target: Target, tracked: str, origin: str, differs: Differs) -> str:
    """Part of the trigger: a row was updated, and keeps its key."""
    if not target.registers:
        return ""
    table, key = register_name(target), _sqlite_key(target, "new")
    node = f"(select lower(substr(epoch, 1, 8)) from {tracked} where id = {literal(target.id)})"
    theirs = f"({_any(target, differs)}) and not exists (select 1 from {origin} where origin = '{OURS}')"
    again = ", ".join(
        f"{name} = case when {differs(target, c)} then {_sqlite_tick(name, node)} else {name} end"
        for c in target.registers
        for name in [target.quote(c.name)]
    )
    return f"""
  insert into {table} ({KEY}) select {key}
    where {theirs} and not exists (select 1 from {table} where {KEY} = {key});
  update {table} set {again} where {KEY} = {key} and {theirs};"""


def sqlite_gone(target: Target) -> str:
    """Part of the trigger: a row is deleted, or gets another key; who has its key next is a new one."""
    if not target.registers:
        return ""
    return f"\n  delete from {register_name(target)} where {KEY} = {_sqlite_key(target, 'old')};"


def _sqlite_key(target: Target, row: str) -> str:
    return f"cast({row}.{target.quote(target.key.name)} as text)"


_SQLITE_NOW = "(strftime('%s', 'now') || substr(strftime('%f', 'now'), 4, 3) || '000')"


def _sqlite_tick(cell: str, node: str) -> str:
    wall, count = f"substr({cell}, 1, 16)", f"substr({cell}, 18, 6)"
    return f"""case when {cell} is null or {wall} < {_SQLITE_NOW} then {_SQLITE_NOW} || '.000000.'
      when {count} = '999999' then printf('%016d', cast({wall} as integer) + 1) || '.000000.'
      else {wall} || '.' || printf('%06d', cast({count} as integer) + 1) || '.' end || {node}"""
