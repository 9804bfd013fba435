"""What can be configured for a database and its tables.

The address is kept as a secret, because it holds the password. It never appears in an error, a
repr or a log line.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from connectors.base import ChangeMode

DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "sqlite": "sqlite",
    "sqlite+pysqlite": "sqlite",
}
SHAPES = (
    "postgresql://user:password@host/database, mariadb://user:password@host/database, "
    "mysql://user:password@host/database or sqlite:////path/to/file.db "
    "(percent-encode special characters of the password)"
)


def parse_url(text: str) -> URL:
    """The address with the driver that is used for it. Raises ValueError without repeating the address."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(f"is not a database address; expected {SHAPES}") from None
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise ValueError(f"has the unknown scheme {url.drivername!r}; expected {SHAPES}")
    if not url.database:
        raise ValueError(f"names no database; expected {SHAPES}")
    return url.set(drivername=driver)


class SqlConfig(BaseModel):
    """How to reach one database. Times are in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretStr = Field(description=f"Address of the database: {SHAPES}")
    db_schema: str | None = Field(
        None, alias="schema", description="Schema the tables are in (PostgreSQL); default: the search path"
    )
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection")
    lock_timeout: float = Field(
        10, gt=0, description="Seconds to wait for a row that someone else has locked"
    )
    statement_timeout: float = Field(300, gt=0, description="Seconds one statement may take")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr) -> SecretStr:
        parse_url(url.get_secret_value())
        return url

    @property
    def address(self) -> URL:
        """The parsed address, password included: only for opening a connection."""
        return parse_url(self.url.get_secret_value())


class VersionField(BaseModel):
    """The column whose value changes whenever the row changes.

    The database or its applications must change it at every update; with `bump` the connector
    adds 1 to it in each of its own updates (integer columns only).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["field"] = "field"
    field: str
    bump: bool = False


class SqlResource(BaseModel):
    """One table, and how its rows are told apart and its changes are found.

    `modified` is a timestamp, a date, ISO text (SQLite) or a number that only grows (seconds,
    milliseconds or microseconds since 1970, or a counter). Times without a zone are taken as UTC.
    Rows where it is NULL are found by scans only. `overlap` (seconds; steps of a counter) is read
    again each time, for transactions that commit late and clocks that lag.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    key: str | None = Field(None, description="Column that identifies a row; default: the primary key")
    modified: str | None = Field(None, description="Column that says when the row was last changed")
    changes: ChangeMode | None = Field(None, description="cursor (default with `modified`) or scan")
    version: VersionField | None = None
    overlap: Annotated[float, Field(ge=0)] = 5

    @model_validator(mode="after")
    def _consistent(self) -> SqlResource:
        if self.changes is ChangeMode.CURSOR and self.modified is None:
            raise ValueError(
                "`changes: cursor` needs `modified`, the column that says when a row was last changed; "
                "name it, or use `changes: scan`"
            )
        return self

    @property
    def mode(self) -> ChangeMode:
        """How changes are found, with the default filled in."""
        if self.changes is not None:
            return self.changes
        return ChangeMode.CURSOR if self.modified else ChangeMode.SCAN
