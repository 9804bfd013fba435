"""Turns what a database driver raises into what a caller can act on.

The drivers' own words are kept, because a person will need them; the password is removed from
them. Nothing here decides what to do about an error.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

import psycopg
import pymysql
from sqlalchemy import exc

from connectors.base import ConnectorError, Misconfigured, Retry, Unreadable


class Fault(StrEnum):
    """What an error means for the work at hand."""

    REFUSED = "refused"  # the database refuses the value or the row; the rest can go on
    BUSY = "busy"  # deadlock, lock, overload: the transaction is gone, the same again may work
    LOST = "lost"  # no connection, or no longer
    SETUP = "setup"  # credentials, missing table or column, missing privilege: a person must act


DATABASE_ERRORS = (exc.DBAPIError, exc.TimeoutError, psycopg.Error, pymysql.MySQLError, sqlite3.Error)

_MYSQL_SETUP = {
    1044, 1045, 1046, 1049, 1054, 1095, 1109, 1141, 1142, 1143, 1146, 1227, 1290, 1370, 1698, 1836, 1792,
    2054, 2059,
}  # fmt: skip
_MYSQL_BUSY = {1020, 1040, 1041, 1203, 1205, 1206, 1213, 1226, 1614, 1637, 1969, 3024, 3572, 4024}
_MYSQL_LOST = {
    1053, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2000, 2001, 2002, 2003, 2005, 2006, 2012, 2013, 2014,
    2026, 2027, 2055, 3159,
}  # fmt: skip
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_PROTOCOL")
_SQLITE_SETUP = (
    "SQLITE_CANTOPEN",
    "SQLITE_NOTADB",
    "SQLITE_READONLY",
    "SQLITE_PERM",
    "SQLITE_AUTH",
    "SQLITE_CORRUPT",
)
_POSTGRES_LOGIN = (
    "password authentication failed", "authentication failed", "no pg_hba.conf entry", "no password supplied",
    "does not exist", "is not permitted to log in", "permission denied", "unsupported startup parameter",
)  # fmt: skip

_POSTGRES_SETTINGS = (
    (("password authentication failed", "no password supplied"), ("password", "username")),
    (('role "', "is not permitted to log in", "no pg_hba.conf entry"), ("username",)),
    (('database "',), ("database",)),
)
_MYSQL_SETTINGS = {
    1044: ("database",),
    1045: ("password", "username"),
    1046: ("database",),
    1049: ("database",),
    1698: ("username",),
}

LOGIN = "check user, password and database name"
GRANT = "grant the database user the right to do this"
SHAPE = "the table is not as configured: run the check of this system"
PATH = "check the path of the file, and that this user may read and write the file"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What an error means, the database's own words for it, and what a person can do.

    `settings` are those that it most likely comes from, where it can be told.
    """

    fault: Fault
    said: str
    remedy: str = ""
    settings: tuple[str, ...] = ()


def diagnose(error: BaseException) -> Diagnosis:
    """What a driver's error means. `error` is one of DATABASE_ERRORS."""
    if isinstance(error, exc.TimeoutError):
        return Diagnosis(Fault.BUSY, "all connections of this connector are in use")
    cause = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    if isinstance(cause, psycopg.Error):
        remedy = _postgres_remedy(cause.sqlstate or "")
        return Diagnosis(_postgres(cause), _postgres_words(cause), remedy, _postgres_settings(cause))
    if isinstance(cause, pymysql.MySQLError):
        code = cause.args[0] if cause.args else 0
        settings = _MYSQL_SETTINGS.get(code, ("host",) if _mysql(cause) is Fault.LOST else ())
        return Diagnosis(_mysql(cause), _mysql_words(cause), _mysql_remedy(code), settings)
    if isinstance(cause, sqlite3.Error):
        if str(cause).startswith(("no such", "table ")):
            return Diagnosis(_sqlite(cause), str(cause), SHAPE)
        return Diagnosis(_sqlite(cause), str(cause), PATH, ("database",))
    return Diagnosis(Fault.REFUSED, str(cause))


def _postgres(error: psycopg.Error) -> Fault:
    state = error.sqlstate or ""
    if not state:
        words = str(error)
        if isinstance(error, psycopg.OperationalError):
            return Fault.SETUP if any(part in words for part in _POSTGRES_LOGIN) else Fault.LOST
        if isinstance(error, psycopg.InterfaceError):
            return Fault.LOST
        return Fault.REFUSED
    if state == "42501" and "row-level security" in str(error):
        return Fault.REFUSED
    if state.startswith(("40", "53")) or state in ("55P03", "57014", "55006"):
        return Fault.BUSY
    if state.startswith(("08", "57P")):
        return Fault.LOST
    if state.startswith(("28", "3D", "3F", "42", "25006")):
        return Fault.SETUP
    return Fault.REFUSED


def _postgres_settings(error: psycopg.Error) -> tuple[str, ...]:
    """What a refused or impossible connection comes from; the server tells it in words only."""
    words = str(error)
    for parts, settings in _POSTGRES_SETTINGS:
        if any(part in words for part in parts):
            return settings
    return ("host",) if _postgres(error) is Fault.LOST else ()


def _postgres_remedy(state: str) -> str:
    if not state or state.startswith(("28", "3D")):
        return LOGIN
    return GRANT if state in ("42501", "25006") else SHAPE


def _mysql_remedy(code: int) -> str:
    if code in (1044, 1045, 1046, 1049, 1698, 2054, 2059):
        return LOGIN
    return GRANT if code in (1141, 1142, 1143, 1227, 1290, 1370, 1792, 1836) else SHAPE


def _postgres_words(error: psycopg.Error) -> str:
    primary, detail = error.diag.message_primary, error.diag.message_detail
    if primary:
        return f"{primary}: {detail}" if detail else primary
    return " ".join(str(error).split())


def _mysql(error: pymysql.MySQLError) -> Fault:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if code in _MYSQL_SETUP:
        return Fault.SETUP
    if code in _MYSQL_BUSY:
        return Fault.BUSY
    if code in _MYSQL_LOST or isinstance(error, pymysql.InterfaceError):
        return Fault.LOST
    return Fault.REFUSED


def _mysql_words(error: pymysql.MySQLError) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def _sqlite(error: sqlite3.Error) -> Fault:
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(_SQLITE_BUSY):
        return Fault.BUSY
    if name.startswith(_SQLITE_SETUP):
        return Fault.SETUP
    if isinstance(error, sqlite3.OperationalError) and str(error).startswith(("no such", "table ")):
        return Fault.SETUP
    return Fault.REFUSED


@dataclass(frozen=True, slots=True)
class Errors:
    """Makes the errors of one connector: adds where it happened, takes the password out."""

    system: str
    address: str
    secret: str

    def raised(self, error: BaseException, doing: str, *, resource: str = "") -> ConnectorError:
        """The error to raise for a driver's error while nothing was written."""
        found = diagnose(error)
        said = self.clean(found.said)
        if found.fault is Fault.LOST:
            return Retry(
                f"cannot reach {self.address} while {doing}", system=self.system, resource=resource, said=said
            )
        if found.fault is Fault.BUSY:
            return Retry(
                f"the database is busy while {doing}", system=self.system, resource=resource, said=said
            )
        if found.fault is Fault.REFUSED:
            return Unreadable(f"failed {doing}", system=self.system, resource=resource, said=said)
        return Misconfigured(
            f"failed {doing}; {found.remedy}", system=self.system, resource=resource, said=said
        )

    def misconfigured(self, message: str, *, resource: str = "", said: str = "") -> Misconfigured:
        """An error that a person must act on."""
        return Misconfigured(message, system=self.system, resource=resource, said=self.clean(said))

    def clean(self, words: str) -> str:
        """The words without the password."""
        return words.replace(self.secret, "***") if self.secret else words
