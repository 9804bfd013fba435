"""Writing a batch: one transaction, one outcome a write, nothing unconditional that had a condition.

A row that the database refuses is refused alone, with the database's words, and the rest goes on.
If the answer to the commit is lost, the effect of the whole batch is unknown, and said to be so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine

from connectors.base import ChangeMode, Outcome, Result, Write

from . import write_postgres, write_rows
from .columns import Column
from .errors import DATABASE_ERRORS, Diagnosis, Errors, Fault, diagnose
from .prepare import Prepared, TransactionEnded, prepare, segments
from .table import Bound
from .tracking import origin, receipts


def write(
    engine: Engine, bound: Bound, writes: Sequence[Write], columns: Sequence[Column], errors: Errors
) -> list[Outcome]:
    """Carry out the writes. Raises Misconfigured or Retry only if nothing was written."""
    outcomes: dict[int, Outcome] = {}
    prepared = [p for i, w in enumerate(writes) if (p := prepare(i, w, bound, errors, outcomes)) is not None]
    if not prepared:
        return _in_order(writes, outcomes)
    options: dict[str, Any] = {"writing": True}
    if bound.dialect != "sqlite":
        options["isolation_level"] = "READ COMMITTED"
    try:
        with engine.connect().execution_options(**options) as connection:
            transaction = connection.begin()
            if bound.dialect == "postgresql":
                write_postgres.begin(connection, bound)
            elif bound.config.mode is ChangeMode.TRACKING:
                origin.say(connection, bound)
            outcomes |= _with_receipts(connection, bound, prepared, columns, errors)
            if bound.config.mode is ChangeMode.TRACKING:
                origin.unsay(connection, bound)
            try:
                transaction.commit()
            except DATABASE_ERRORS as error:
                return _uncommitted(engine, bound, writes, columns, errors, outcomes, diagnose(error), error)
    except TransactionEnded:
        return _one_by_one(engine, bound, writes, columns, errors)
    except DATABASE_ERRORS as error:
        found = diagnose(error)
        if not bound.transactional and found.fault in (Fault.BUSY, Fault.LOST):  # nothing was taken back
            unknown = Outcome(Result.UNKNOWN, said=errors.clean(found.said))
            return [outcomes.get(i, replace(unknown, key=w.key)) for i, w in enumerate(writes)]
        if found.fault is Fault.BUSY:
            said = errors.clean(found.said)
            return [Outcome(Result.RETRY, write.key, said=said) for write in writes]
        raise errors.raised(error, "writing", resource=bound.name) from error
    return _in_order(writes, outcomes)


def _with_receipts(
    connection: Connection,
    bound: Bound,
    prepared: Sequence[Prepared],
    columns: Sequence[Column],
    errors: Errors,
) -> dict[int, Outcome]:
    """Carry out the writes, each with its receipt, if it has one."""
    alone = len(prepared) == 1 and prepared[0].receipt is None
    taken = receipts.leave(connection, bound, prepared)
    said = "it was carried out before, or given up"
    outcomes = {w.index: Outcome(Result.STALE, w.key, said=said) for w in prepared if w.index in taken}
    made = [write for write in prepared if write.index not in taken]
    for segment in segments(made):
        outcomes |= _apply(connection, bound, segment, columns, errors, alone)
    receipts.take_back(
        connection, bound, (write for write in made if outcomes[write.index].result is not Result.APPLIED)
    )
    return outcomes


def _apply(
    connection: Connection,
    bound: Bound,
    segment: Sequence[Prepared],
    columns: Sequence[Column],
    errors: Errors,
    alone: bool,
) -> dict[int, Outcome]:
    if bound.dialect == "postgresql":
        return write_postgres.apply(connection, bound, segment, columns, errors, alone)
    return write_rows.apply(connection, bound, segment, columns, errors)


def _uncommitted(
    engine: Engine,
    bound: Bound,
    writes: Sequence[Write],
    columns: Sequence[Column],
    errors: Errors,
    outcomes: dict[int, Outcome],
    found: Diagnosis,
    error: BaseException,
) -> list[Outcome]:
    """What a failed commit means for the batch."""
    said = errors.clean(found.said)
    if found.fault is Fault.REFUSED:  # a constraint that is checked only now
        if len(writes) > 1:
            return _one_by_one(engine, bound, writes, columns, errors)
        return [Outcome(Result.REJECTED, writes[0].key, said=said)]
    if found.fault is Fault.SETUP:
        raise errors.raised(error, "writing", resource=bound.name) from error
    result = Result.UNKNOWN if found.fault is Fault.LOST else Result.RETRY
    for index, outcome in outcomes.items():
        if outcome.result is Result.APPLIED:
            outcomes[index] = Outcome(result, outcome.key, said=said)
    return _in_order(writes, outcomes)


def _one_by_one(
    engine: Engine, bound: Bound, writes: Sequence[Write], columns: Sequence[Column], errors: Errors
) -> list[Outcome]:
    """Each write in a transaction of its own: where one can take the others with it."""
    if len(writes) == 1:
        return [Outcome(Result.REJECTED, writes[0].key, said="the database rolled the transaction back")]
    return [outcome for one in writes for outcome in write(engine, bound, [one], columns, errors)]


def _in_order(writes: Sequence[Write], outcomes: Mapping[int, Outcome]) -> list[Outcome]:
    return [outcomes[index] for index in range(len(writes))]
