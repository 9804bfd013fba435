"""The SQL of change tracking on MariaDB and MySQL.

Our tables are beside the tracked one, in the same database, with names that begin with `syncadmin_`. A
trigger whose column is gone notes an X instead of making the application's write fail. Texts are compared
byte by byte: to most collations a change of case is none.
"""

from __future__ import annotations

from connectors.sql.columns import Column, Family

from . import stamped
from .target import KEPT_ROWS, Target

LOOKED_AT = 4096  # one write in so many looks whether the log has grown too long
EVENTS = {"i": ("insert", "new"), "u": ("update", "new"), "d": ("delete", "old")}
# the clock at this moment: `now` stands still for as long as a statement runs
_CLOCK = "timestampadd(microsecond, timestampdiff(microsecond, now(6), sysdate(6)), utc_timestamp(6))"


def place(target: Target, name: str) -> str:
    """A table of ours, in a statement."""
    return f"{target.quote(target.schema)}.`syncadmin_{name}`"


def log(target: Target) -> str:
    """The log of a table."""
    return place(target, f"log_{target.id}")


def receipts(target: Target) -> str:
    """The receipts of a table."""
    return place(target, f"receipts_{target.id}")


def registers(target: Target) -> str:
    """The stamps of a table."""
    return place(target, stamped.register_name(target).removeprefix("syncadmin_"))


def tracked(target: Target) -> str:
    """The table of tracked tables."""
    return place(target, "tracked")


def readers(target: Target) -> str:
    """The table of those who read logs."""
    return place(target, "readers")


def common(target: Target) -> list[str]:
    """What all tracked tables of a database share."""
    return [
        f"""create table if not exists {tracked(target)} (
    id char(12) primary key,
    table_schema varchar(64) not null,
    table_name varchar(64) not null,
    columns longtext not null comment 'JSON: the columns whose values are logged',
    digest char(64) not null comment 'of the SQL that installed it',
    epoch char(36) not null,
    trimmed bigint not null default 0 comment 'below this the log may have been emptied',
    installed_at datetime(6) not null) engine = innodb character set utf8mb4 collate utf8mb4_bin""",
        f"""create table if not exists {readers(target)} (
    id char(12) not null,
    reader char(32) not null,
    position bigint not null comment 'everything below this has been read',
    seen_at datetime(6) not null,
    primary key (id, reader)) engine = innodb character set utf8mb4 collate utf8mb4_bin""",
    ]


def install(target: Target) -> list[str]:
    """Statements that begin to track the table anew."""
    return [
        *common(target),
        *remove(target),
        _log_table(target),
        _receipts_table(target),
        *stamped.mysql_table(target, registers(target)),
        *(_trigger(target, e) for e in EVENTS),
    ]


def remove(target: Target) -> list[str]:
    """Statements that stop tracking the table."""
    return [
        *(f"drop trigger if exists {trigger(target, event)}" for event in EVENTS),
        f"drop table if exists {log(target)}",
        f"drop table if exists {receipts(target)}",
        f"drop table if exists {registers(target)}",
        f"delete from {readers(target)} where id = '{target.id}'",
        f"delete from {tracked(target)} where id = '{target.id}'",
    ]


def without_trace(target: Target) -> list[str]:
    """Statements for when no table is tracked any more."""
    return [f"drop table if exists {place(target, name)}" for name in ("readers", "tracked")]


def rights(target: Target) -> list[str]:
    """What the hub's account needs to install it by itself."""
    user = account(target)
    ours = (*_ours(target), registers(target))
    return [
        f"grant select, insert, update, delete, trigger on {target.qualified} to {user}",
        *(f"grant create, drop, select, insert, update, delete on {one} to {user}" for one in ours),
    ]


def grants(target: Target) -> list[str]:
    """What it needs to read, if somebody else has installed it; TRIGGER lets it see the triggers."""
    user = account(target)
    ours = (*_ours(target), *([registers(target)] if target.registers else []))
    return [
        f"grant trigger on {target.qualified} to {user}",
        *(f"grant select, insert, update, delete on {one} to {user}" for one in ours),
    ]


def _ours(target: Target) -> tuple[str, ...]:
    return (log(target), receipts(target), tracked(target), readers(target))


def account(target: Target) -> str:
    """The hub's account in a GRANT."""
    name, _, host = target.user.rpartition("@")
    return f"{text(name)}@{text(host)}"


def trigger(target: Target, event: str) -> str:
    """The name of a trigger, in a statement."""
    return f"{target.quote(target.schema)}.`syncadmin_{target.id}_{event}`"


def text(value: str) -> str:
    """A text in a statement, whatever the SQL mode makes of a backslash."""
    if "\\" in value:
        return f"convert(0x{value.encode().hex()} using utf8mb4)"
    return "'" + value.replace("'", "''") + "'"


def _log_table(target: Target) -> str:
    return f"""create table {log(target)} (
    seq bigint not null auto_increment primary key,
    op char(1) not null comment 'I, U, D; L: rows of this log were let go, X: not understood',
    record_key longtext,
    stamps longtext comment 'the changed columns, and when each was changed',
    old_values longtext,
    new_values longtext,
    changed_at datetime(6) not null,
    db_user varchar(400),
    app_user varchar(200),
    application varchar(200),
    origin varchar(200),
    session bigint) engine = innodb character set utf8mb4 collate utf8mb4_bin"""


def _receipts_table(target: Target) -> str:
    return f"""create table {receipts(target)} (
    record char(64) not null comment 'digest of the key',
    writer varchar(40) not null comment 'who wrote, and the number that the write has there',
    write_id varchar(80) not null,
    part varchar(64) not null comment 'digest; empty for all of it',
    done tinyint not null comment '0: asked for before it came, and not to be carried out any more',
    noted_at datetime(6) not null,
    primary key (record, writer, write_id, part)) engine = innodb character set ascii collate ascii_bin"""


def _trigger(target: Target, event: str) -> str:
    word, row = EVENTS[event]
    old, new = f"old.{target.quote(target.key.name)}", f"new.{target.quote(target.key.name)}"
    stamps = stamped.mysql_updated(target, registers(target), tracked(target), differs)
    gone = stamped.mysql_gone(target, registers(target))
    if event != "u":
        work = _insert(target, event.upper(), f"{row}.{target.quote(target.key.name)}", row, every=True)
        work += gone if event == "d" else ""
    else:
        work = f"""if not (binary {old} <=> binary {new}) then
    {_insert(target, "D", old, "old", every=True)}
    {_insert(target, "I", new, "new", every=True)}{gone}
  elseif {" or ".join(differs(target, c) for c in target.columns) or "false"} then
    {_insert(target, "U", new, "", every=False)}{stamps}
  end if;"""
    return f"""create trigger {trigger(target, event)} after {word} on {target.qualified} for each row
begin
  declare now_ datetime(6) default {_CLOCK};{stamped.mysql_declared(target) if event == "u" else ""}
  declare continue handler for 1054
    insert into {log(target)} (op, changed_at) values ('X', now_);
  {work}
  if last_insert_id() % {LOOKED_AT} = 0 and last_insert_id() > {KEPT_ROWS} then
    delete from {log(target)} where seq <= last_insert_id() - {KEPT_ROWS}
      and seq > last_insert_id() - {KEPT_ROWS + LOOKED_AT};
    if row_count() > 0 then
      insert into {log(target)} (op, changed_at) values ('L', now_);
    end if;
  end if;
end"""


def _insert(target: Target, op: str, key: str, row: str, *, every: bool) -> str:
    old = _object(target, "old", every=every) if row in ("old", "") else "null"
    new = _object(target, "new", every=every) if row in ("new", "") else "null"
    stamps = _object(target, None, every=every)
    return f"""insert into {log(target)} (op, record_key, stamps, old_values, new_values, changed_at, db_user,
      app_user, application, origin, session)
    values ('{op}', cast({key} as char character set utf8mb4), {stamps}, {old}, {new}, now_,
      user(), {variable("user")}, {variable("application")}, {variable("origin")}, connection_id());"""


def variable(name: str) -> str:
    """What an application, or the hub, has said of itself in a variable of its session."""
    return f"left(convert(@syncadmin_{name} using utf8mb4), 200)"


def _object(target: Target, row: str | None, *, every: bool) -> str:
    """JSON of the values of a row, or of the stamps; of the changed columns only, or of all."""
    pairs = [
        (c, f"{text(c.name)}, {'now_' if row is None else _shown(c, f'{row}.{target.quote(c.name)}')}")
        for c in target.columns
    ]
    if every:
        return f"json_object({', '.join(pair for _, pair in pairs)})"
    parts = [f"if({differs(target, c)}, json_object({pair}), '{{}}')" for c, pair in pairs]
    return f"json_merge_preserve('{{}}', '{{}}', {', '.join(parts)})" if parts else "'{}'"


def _shown(column: Column, value: str) -> str:
    return f"hex({value})" if column.family in (Family.BINARY, Family.OTHER) else value


def differs(target: Target, column: Column) -> str:
    """Condition: an update changes the column, also if it has got another type since.

    As bytes, for collations that know no case; and as values, because a FLOAT shows some of its digits only.
    """
    old, new = f"old.{target.quote(column.name)}", f"new.{target.quote(column.name)}"
    return f"not ({old} <=> {new} and cast({old} as binary) <=> cast({new} as binary))"


TRIGGERS = """select trigger_name, cast(created as char), sha2(action_statement, 256)
 from information_schema.triggers
 where event_object_schema = :schema and event_object_table = :table and trigger_name like :like
 order by trigger_name"""
SHAPE = """select column_name, column_type from information_schema.columns
 where table_schema = :schema and table_name = :table order by ordinal_position"""
MADE = """select cast(create_time as char) from information_schema.tables
 where table_schema = :schema and table_name = :table"""
THERE = """select 1 from information_schema.tables
 where table_schema = :schema and table_name = 'syncadmin_tracked'"""
CASCADES = """select constraint_name from information_schema.referential_constraints
 where constraint_schema = :schema and table_name = :table
 and (delete_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT')
  or update_rule in ('CASCADE', 'SET NULL', 'SET DEFAULT'))
 order by constraint_name"""
"""Foreign keys by which rows of the table go or change without any trigger."""

UNTRUSTED = "select @@log_bin and not @@log_bin_trust_function_creators"
TRUST = "set global log_bin_trust_function_creators = 1"
"""With a binary log, triggers are for accounts with SUPER, unless the server trusts whoever has TRIGGER."""

EPOCH = "uuid()"
NOW = "utc_timestamp(6)"
