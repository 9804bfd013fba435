"""What the SQL connector offers to people, and how a table that it found would be configured."""

from __future__ import annotations

import re
from typing import Any

from connectors.base import ResourceInfo
from connectors.offers import Offer
from connectors.offers import gettext_noop as _

SERVER = ("host", "port", "database", "username", "password")
NAMED = {"database": _("Name of the database")}

OFFERS = (
    Offer(
        "postgresql",
        "PostgreSQL",
        _("Tables of a PostgreSQL database. It refuses a write over an edit that was not seen."),
        (*SERVER, "schema"),
        may=("port", "schema"),
        settings={"product": "postgresql"},
        labels=NAMED,
        examples={"host": "db.example.com", "port": "5432", "schema": "public"},
    ),
    Offer(
        "mariadb",
        "MariaDB / MySQL",
        _("Tables of a MariaDB or MySQL database. It refuses a write over an edit that was not seen."),
        SERVER,
        may=("port",),
        settings={"product": "mariadb"},
        labels=NAMED,
        examples={"host": "db.example.com", "port": "3306"},
    ),
    Offer(
        "sqlite",
        _("SQLite file"),
        _("Tables of a database file on the machine that this hub runs on."),
        ("database",),
        settings={"product": "sqlite"},
        labels={"database": _("Path of the file")},
        examples={"database": "/srv/data/shop.db"},
    ),
)

# what applications call the column that says when a row was last changed, most telling first
_MODIFIED = (
    r"(last_?)?(updated|modified|changed)(_?(at|on|date|time|ts|datetime))?",
    r"(last_?)?(update|modify|modification|change)_?(at|on|date|time|ts)?",
    r"write_date|mtime|date_(updated|modified|changed)",
    r"(zuletzt_?)?(geaendert|geändert|aktualisiert)(_?(am|um))?",
    r"(letzte_?)?(aenderung|änderung)(s?datum)?",
)


def suggested(info: ResourceInfo) -> dict[str, Any]:
    """The table, its key, and the column that most likely moves with every edit, if one looks like it."""
    config: dict[str, Any] = {"table": info.name}
    if info.key:
        config["key"] = info.key
    if modified := modified_field(info):
        config["modified"] = modified
    return config


def modified_field(info: ResourceInfo) -> str:
    """The time column whose name says that it tells the last change, '' if none does."""
    times = [one.name for one in info.fields if one.type == "datetime"]
    for pattern in _MODIFIED:
        for name in times:
            if re.fullmatch(pattern, name, re.IGNORECASE):
                return name
    return ""
