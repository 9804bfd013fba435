"""A configuration file in few words, and a database for it to name."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from syncadmin.config.apply import ObjectChange, apply, read
from syncadmin.config.problems import BadConfig

TWO_SYSTEMS = """\
version: 1
systems:
  crm:
    connector: sql
    url: ${CRM_URL}
    resources:
      contacts: {table: contacts, key: id}
      companies: {table: companies, key: id}
  shop:
    connector: rest
    base_url: https://shop.example.com/v1/
    auth: {type: basic, username: sync, password: ${SHOP_PASSWORD}}
    resources:
      customers: {path: customers}
      organisations: {path: organisations}
mappings:
  companies:
    left: {system: crm, resource: companies}
    right: {system: shop, resource: organisations}
    match: [name]
    fields:
      name: {left: name, right: title}
  customers:
    left: {system: crm, resource: contacts}
    right: {system: shop, resource: customers}
    match: [email]
    fields:
      email: {left: email, right: mail}
"""
ENVIRONMENT = {"CRM_URL": "sqlite:////nowhere/crm.db", "SHOP_PASSWORD": "open-sesame-7"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Values for the secrets of TWO_SYSTEMS; the CRM's database is really there."""
    file = tmp_path / "crm.sqlite3"
    connection = sqlite3.connect(file)
    connection.executescript(
        """
        CREATE TABLE contacts (id INTEGER PRIMARY KEY, email TEXT, phone TEXT, born DATE, tags TEXT);
        CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE keyless (name TEXT);
        """
    )
    connection.close()
    return {**ENVIRONMENT, "CRM_URL": f"sqlite:///{file}"}


@pytest.fixture
def applied(db: None, environment: dict[str, str]) -> Callable[[str], list[ObjectChange]]:
    """Reads and applies a file's text."""

    def run(text: str = TWO_SYSTEMS) -> list[ObjectChange]:
        return apply(read(text, "sync.yaml", environment))

    return run


@pytest.fixture
def refused(db: None) -> Callable[..., list[str]]:
    """The lines that a file is refused with, none if it is taken."""

    def run(text: str, environment: dict[str, str] | None = None) -> list[str]:
        try:
            read(dedent(text), "sync.yaml", ENVIRONMENT if environment is None else environment)
        except BadConfig as error:
            return error.lines()
        return []

    return run


def with_fields(*fields: str, mapping: str = "") -> str:
    """TWO_SYSTEMS with more field mappings (from line 29) and keys of the mapping (after them)."""
    lines = [f"      {field}\n" for field in fields]
    return TWO_SYSTEMS + "".join(lines) + (f"    {mapping}\n" if mapping else "")
