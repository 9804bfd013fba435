"""Servers that only the tests start: MariaDB from the system, Kinto from its wheel."""
