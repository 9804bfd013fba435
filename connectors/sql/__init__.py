"""The connector for tables in PostgreSQL, MariaDB or MySQL, and SQLite."""

from .config import SqlConfig, SqlResource
from .connector import SqlConnector

__all__ = ["SqlConfig", "SqlConnector", "SqlResource"]
