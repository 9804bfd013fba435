"""Putting change tracking into a database, taking it away, and telling how it stands there.

What is installed is known by a digest of its SQL, so that an old or other one is told from the current one.
A seal changes whenever the triggers or the tracked columns were touched, even if all looks as before:
whoever read the log before must then compare everything, because changes may have gone unlogged in between.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from connectors.sql.errors import DATABASE_ERRORS, Errors
from connectors.sql.table import Bound
from connectors.tracked import Tracking

from . import mysql, postgres, sqlite
from .target import Target, literal, target

MODULES: dict[str, ModuleType] = {"postgresql": postgres, "mysql": mysql, "sqlite": sqlite}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is installed for a table. `wrong` says what is amiss, in words for a person.

    `latest` is where no honest position is beyond, if it was found on the way.
    """

    there: bool = False
    columns: tuple[str, ...] = ()
    digest: str = ""
    epoch: str = ""
    trimmed: int = 0
    seal: str = ""
    wrong: str = ""
    latest: int | None = None


def scripts(target: Target, dialect: str) -> tuple[list[str], str]:
    """The statements that install, and their digest."""
    module = MODULES[dialect]
    statements = module.install(target)
    digest = hashlib.sha256("\n".join(statements).encode()).hexdigest()
    columns = json.dumps([c.name for c in target.columns])
    text = mysql.text if dialect == "mysql" else literal
    names = "id, table_schema, table_name, columns, digest, epoch"
    values = [text(one) for one in (target.id, target.schema, target.table, columns, digest)] + [module.EPOCH]
    if dialect != "postgresql":
        names += ", installed_at"
        values.append(module.NOW)
    register = f"insert into {module.tracked(target)} ({names}) values ({', '.join(values)})"
    return [*statements, register], digest


def tracking(
    engine: Engine, bound: Bound, names: Iterable[str], errors: Errors, registers: Iterable[str] = ()
) -> Tracking:
    """What would be run for these columns, and how it stands. Raises Misconfigured if it can't be.

    Of `registers` stamps are kept.
    """
    dialect = bound.dialect
    with engine.connect() as connection:
        aim = target(connection, bound, names, errors, registers)
        _possible(connection, aim, bound, errors)
        found = standing(connection, bound)
        install, digest = scripts(aim, dialect)
        last = not _others(connection, aim, dialect)
        logged = dialect == "mysql" and connection.scalar(sa.text(mysql.UNTRUSTED))
    module = MODULES[dialect]
    remove = [*module.remove(aim), *(module.without_trace(aim) if last else ())] if found.there else []
    return Tracking(
        installed=found.there,
        current=found.there and found.digest == digest and not found.wrong,
        wrong=found.wrong,
        columns=found.columns,
        install=tuple(install),
        optional=tuple(postgres.always(aim)) if dialect == "postgresql" else (),
        remove=tuple(remove),
        rights=(*module.rights(aim), *((mysql.TRUST,) if logged else ())),
        grants=tuple(module.grants(aim)),
        at_once=dialect != "mysql",
        compound=dialect == "mysql",
    )


def install(
    engine: Engine, bound: Bound, names: Iterable[str], errors: Errors, registers: Iterable[str] = ()
) -> None:
    """Begin to track the table, anew if it was tracked. Raises Misconfigured with the rights it takes."""
    plan = tracking(engine, bound, names, errors, registers)
    _run(engine, bound, plan.install, errors, plan.rights)
    for statement in plan.optional:  # the owner's alone
        try:
            _run(engine, bound, [statement], errors, ())
        except Exception as error:
            if not _refused(error):
                raise
            return


def remove(engine: Engine, bound: Bound, errors: Errors) -> None:
    """Leave nothing of ours behind for this table; nothing at all if it was the last one."""
    _run(engine, bound, tracking(engine, bound, (), errors).remove, errors, ())


def _refused(error: BaseException) -> bool:
    from connectors.base import Misconfigured

    return isinstance(error, Misconfigured)


def _run(
    engine: Engine, bound: Bound, statements: Sequence[str], errors: Errors, rights: Sequence[str]
) -> None:
    options: dict[str, Any] = {"writing": True}
    try:
        with engine.connect().execution_options(**options) as connection, connection.begin():
            for statement in statements:
                run(connection, statement)
    except DATABASE_ERRORS as error:
        raised = errors.raised(error, "installing the tracking", resource=bound.name)
        if rights:
            raised.message += f"; it takes these rights: {'; '.join(rights)}"
        raise raised from error


def run(connection: Connection, statement: str) -> Any:
    """Run a statement as it is written."""
    if connection.dialect.name != "sqlite":
        statement = statement.replace("%", "%%")
    return connection.exec_driver_sql(statement)


def _possible(connection: Connection, aim: Target, bound: Bound, errors: Errors) -> None:
    """Raises Misconfigured where rows could come and go without a trigger."""
    why = ""
    if bound.dialect == "postgresql":
        if connection.scalar(sa.text(postgres.PARTED), {"table": aim.qualified}):
            why = "it is a view, or has partitions or heirs, so that rows change without its triggers"
    elif bound.dialect == "mysql":
        keys = list(connection.scalars(sa.text(mysql.CASCADES), {"schema": aim.schema, "table": aim.table}))
        step = connection.scalar(sa.text("select @@auto_increment_increment"))
        if keys:
            why = (
                "this database runs no triggers for rows that a foreign key changes by itself "
                f"({', '.join(keys)}); use RESTRICT in it"
            )
        elif step != 1:
            why = "several servers of a cluster write to it, so that there is no one order of changes"
    elif (
        connection.scalar(sa.text("select type from sqlite_master where name = :n"), {"n": aim.table})
        != "table"
    ):
        why = "it is no table"
    if why:
        raise errors.misconfigured(
            f"table {bound.config.table} can't be tracked: {why}; "
            "or use `changes: cursor` or `changes: scan`",
            resource=bound.name,
        )


def standing(connection: Connection, bound: Bound, aim: Target | None = None) -> Standing:
    """What is installed for the table, and whether it is whole."""
    module = MODULES[bound.dialect]
    aim = aim or target(connection, bound, (), _NO_ERRORS)
    if not _exists(connection, aim, bound.dialect):
        return Standing(wrong=NOT_TRACKED)
    if bound.dialect == "postgresql":
        return standing_at_once(connection, bound, aim)
    row = connection.execute(
        sa.text(f"select columns, digest, epoch, trimmed from {module.tracked(aim)} where id = :id"),
        {"id": aim.id},
    ).first()
    if row is None:
        return Standing(wrong=NOT_TRACKED)
    columns = tuple(json.loads(row[0]))
    wrong, seal = _without_columns(bound, columns), ""
    if not wrong:
        wrong, seal = _whole(connection, aim, columns, bound.dialect)
    return Standing(True, columns, row[1], row[2], int(row[3]), seal, wrong)


def standing_at_once(connection: Connection, bound: Bound, aim: Target) -> Standing:
    """The same on PostgreSQL, by one statement. It fails where nothing was ever tracked."""
    given = {"id": aim.id, "table": aim.qualified, "key": aim.key.name}
    row = connection.execute(sa.text(postgres.STANDING), given).first()
    if row is None:
        return Standing(wrong=NOT_TRACKED)
    columns = tuple(json.loads(row[0]))
    wrong, seal = _without_columns(bound, columns), ""
    if not wrong:
        wrong, seal = _amiss(*postgres.amiss(row[4], part=row[7])), str(row[5])
    return Standing(True, columns, row[1], row[2], int(row[3]), seal, wrong, int(row[6]))


def _without_columns(bound: Bound, columns: Sequence[str]) -> str:
    missing = [name for name in columns if name not in bound.columns]
    return f"its column {', '.join(missing)} is tracked, and is not there any more" if missing else ""


def _amiss(gone: Iterable[str], off: Sequence[str]) -> str:
    return "; ".join([*(f"its trigger {name} is gone" for name in sorted(gone)), *off])


NOT_TRACKED = "it is not tracked"
_NO_ERRORS = Errors("", "", "")


def _exists(connection: Connection, aim: Target, dialect: str) -> bool:
    if dialect == "mysql":  # to describe a table takes a right to it, also if it is not there
        return connection.scalar(sa.text(mysql.THERE), {"schema": aim.schema}) is not None
    if dialect == "postgresql":
        there = sa.text("select to_regclass(:name) is not null")
        return bool(connection.scalar(there, {"name": postgres.TRACKED}))
    return sa.inspect(connection).has_table("syncadmin_tracked")


def _others(connection: Connection, aim: Target, dialect: str) -> bool:
    if not _exists(connection, aim, dialect):
        return False
    tracked = MODULES[dialect].tracked(aim)
    return bool(connection.scalar(sa.text(f"select count(*) from {tracked} where id <> :id"), {"id": aim.id}))


def _whole(connection: Connection, aim: Target, columns: tuple[str, ...], dialect: str) -> tuple[str, str]:
    """What is wrong with the triggers of a tracked table, and its seal; not on PostgreSQL."""
    if dialect == "mysql":
        place = {"schema": aim.schema, "table": aim.table}
        rows = connection.execute(
            sa.text(mysql.TRIGGERS), {**place, "like": f"syncadmin\\_{aim.id}\\_%"}
        ).all()
        found = {row[0] for row in rows}
        expected = {f"syncadmin_{aim.id}_{event}" for event in mysql.EVENTS}
        kept = {*columns, aim.key.name}
        shape = [tuple(r) for r in connection.execute(sa.text(mysql.SHAPE), place) if r[0] in kept]
        made = connection.scalar(sa.text(mysql.MADE), place)
        seal, off = _hashed([tuple(row) for row in rows], shape, made), []
        if keys := list(connection.scalars(sa.text(mysql.CASCADES), place)):
            off = [
                f"the foreign key {', '.join(keys)} changes rows, for which this database runs no triggers"
            ]
    else:
        rows = connection.execute(sa.text(sqlite.TRIGGERS), {"like": f"syncadmin\\_{aim.id}\\_%"}).all()
        found = {row[0] for row in rows}
        expected = {sqlite.trigger(aim, event) for event in sqlite.EVENTS}
        made = connection.scalar(sa.text(sqlite.SHAPE), {"table": aim.table})
        seal, off = _hashed([tuple(row) for row in rows], made), []
    return _amiss(expected - found, off), str(seal)


def _hashed(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()
