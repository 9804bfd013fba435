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
from connectors.offers import gettext_noop as _

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
    """How to reach one database: by `url`, or by `product` and the parts of the address. Times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    url: SecretStr | None = Field(
        None, description=f"Address of the database, in place of the parts below: {SHAPES}"
    )
    product: Literal["postgresql", "mariadb", "mysql", "sqlite"] | None = Field(
        None, description="Which database it is, if there is no `url`"
    )
    host: str = Field("", title=_("Host"), description=_("Name or address of the database server"))
    port: int | None = Field(
        None, gt=0, lt=65536, title=_("Port"), description=_("If it is not the usual one")
    )
    database: str = Field(
        "", title=_("Database"), description=_("Name of the database; for SQLite, the path of its file")
    )
    username: str = Field(
        "", title=_("User"), description=_("Database user; one that may only read is enough to begin with")
    )
    password: SecretStr = Field(SecretStr(""), title=_("Password"))
    db_schema: str | None = Field(
        None,
        alias="schema",
        title=_("Schema"),
        description=_("Schema the tables are in (PostgreSQL); default: the search path"),
    )
    connect_timeout: float = Field(10, gt=0, description="Seconds to wait for a connection")
    lock_timeout: float = Field(
        10, gt=0, description="Seconds to wait for a row that someone else has locked"
    )
    statement_timeout: float = Field(300, gt=0, description="Seconds one statement may take")

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parse_url(url.get_secret_value())
        return url

    @model_validator(mode="after")
    def _either(self) -> SqlConfig:
        parts = {"product", "host", "port", "database", "username", "password"} & self.model_fields_set
        if self.url is not None and parts:
            raise ValueError(
                f"give `url`, or the parts of the address, not both ({', '.join(sorted(parts))})"
            )
        if self.url is None and not (self.product and self.database):
            raise ValueError(f"`url` is missing, or `product` and `database`; `url` is {SHAPES}")
        return self

    @property
    def address(self) -> URL:
        """The address, password included: only for opening a connection."""
        if self.url is not None:
            return parse_url(self.url.get_secret_value())
        driver = DRIVERS[self.product or ""]
        if driver == "sqlite":
            return URL.create(driver, database=self.database)
        return URL.create(
            driver,
            self.username or None,
            self.password.get_secret_value() or None,
            self.host or "localhost",
            self.port,
            self.database,
        )


class VersionField(BaseModel):
    """The column whose value changes whenever the row changes.

    The database or its applications must change it at every update; with `bump` the connector
    adds 1 to it in each of its own updates (integer columns only).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["field"] = "field"
    field: str = Field(description="Name of the column")
    bump: bool = Field(False, description="Add 1 to it in each of the hub's own updates")


class SqlResource(BaseModel):
    """One table, and how its rows are told apart and its changes are found.

    `modified` is a timestamp, a date, ISO text (SQLite) or a number that only grows (seconds,
    milliseconds or microseconds since 1970, or a counter). Times without a zone are taken as UTC.
    Rows where it is NULL are found by scans only. `overlap` (seconds; steps of a counter) is read
    again each time, for transactions that commit late and clocks that lag.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str = Field(description="Name of the table")
    key: str | None = Field(None, description="Column that identifies a row; default: the primary key")
    modified: str | None = Field(None, description="Column that says when the row was last changed")
    changes: ChangeMode | None = Field(
        None,
        description="cursor (default with `modified`), tracking (by triggers, see `manage.py track`) or scan",
    )
    version: VersionField | None = Field(
        None, description="Column that changes whenever the row does, if any"
    )
    overlap: Annotated[float, Field(ge=0)] = Field(
        5, description="What is read again each time: seconds, or steps of a counter"
    )

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
