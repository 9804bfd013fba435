"""What the conformance kit works with: a real system seen past the connector, and sample values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Protocol

from connectors.base import (
    Capabilities,
    Connector,
    Op,
    Outcome,
    Record,
    Write,
)

TEXTS = (
    "plain",
    "Grüße, Ἑλλάς, 東京, עברית",
    "🏴‍☠️ emoji beyond the basic plane 👩‍👩‍👧",
    "quotes ' \" ` and \\ and % and ? and :name and {braces}",
    "two\nlines\tand a tab",
    "e\u0301 is not \u00e9",
)
SAMPLES: Mapping[str, Sequence[Any]] = {
    "integer": (0, -1, 2_147_483_647),
    "decimal": (Decimal("0.10"), Decimal("-12345.67"), Decimal("99999.99")),
    "boolean": (True, False),
    "date": (date(1970, 1, 1), date(2024, 2, 29)),
    "datetime": (
        datetime(2024, 3, 31, 1, 30, 0, 123000, tzinfo=UTC),
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
    ),
    "json": ({"a": [1, {"ü": None}], "b": True}, []),
    "set": (["a", "b c", 'd"e,f'], []),
}


class Harness(Protocol):
    """One real system with one resource, seen past the connector.

    `fields` names a field of the resource by canonical kind; 'text' is always there, and a record
    can be made of it alone. `secret` must not show up anywhere.
    """

    resource: str
    fields: Mapping[str, str]
    secret: str
    gives_keys: bool
    """The system makes the keys: a create need not bring one."""
    refused: Mapping[str, Any] | None
    """Values of a record that the system refuses for what they are, if it refuses any."""

    def connector(self) -> Connector:
        """A connector for the system, as a user would configure it."""
        ...

    def unreachable(self) -> Connector:
        """The same, where nobody answers."""
        ...

    def unauthorised(self) -> Connector | None:
        """The same with wrong credentials; None if the system knows none."""
        ...

    def new_key(self) -> str:
        """A key that no record has."""
        ...

    def insert(self, values: Mapping[str, Any]) -> str:
        """Make a record behind the connector's back and tell its key."""
        ...

    def update(self, key: str, values: Mapping[str, Any]) -> None:
        """Change a record behind the connector's back, so that a reader of changes can see it."""
        ...

    def delete(self, key: str) -> None:
        """Delete a record behind the connector's back."""
        ...

    def read(self, key: str) -> Mapping[str, Any] | None:
        """What the system holds, None if it has no such record."""
        ...

    def stamp(self, keys: Sequence[str], at: datetime) -> bool:
        """Give records this time of change; False if the system does not let anyone."""
        ...


def same(kind: str, left: Any, right: Any) -> bool:
    """Equal as values of a canonical kind, however the system writes them."""
    if left is None or right is None:
        return left is right
    if kind == "decimal":
        return Decimal(str(left)) == Decimal(str(right))
    if kind == "datetime":
        return _moment(left) == _moment(right)
    if kind == "date":
        return str(left)[:10] == str(right)[:10]
    if kind in ("json", "set"):
        return bool(_parsed(left) == _parsed(right))
    if kind == "boolean":
        return bool(left) is bool(right)
    return bool(left == right)


def _moment(value: Any) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    assert isinstance(found, datetime)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class Bench:
    """A connector at work on the harness's resource, with the calls of a test made short."""

    def __init__(self, harness: Harness, connector: Connector) -> None:
        self.harness, self.connector, self.resource = harness, connector, harness.resource
        self.text = harness.fields["text"]
        self.wanted = list(harness.fields.values())

    @property
    def capabilities(self) -> Capabilities:
        """What the connector promises for the resource."""
        return self.connector.capabilities(self.resource)

    def insert(self, count: int, prefix: str = "record") -> list[str]:
        """Make records behind the connector's back."""
        return [self.harness.insert({self.text: f"{prefix} {i}"}) for i in range(count)]

    def scan(self, limit: int = 100) -> list[Record]:
        """Everything, as one list."""
        pages = self.connector.scan(self.resource, fields=self.wanted, limit=limit)
        return [record for page in pages for record in page.records]

    def changes(self, cursor: Any, limit: int = 100) -> tuple[dict[str, Record], Any]:
        """What changed since the cursor, by key, and the next cursor, both gone through JSON."""
        found: dict[str, Record] = {}
        for page in self.connector.changes(
            self.resource, json.loads(json.dumps(cursor)), fields=self.wanted, limit=limit
        ):
            assert len(page.records) <= limit
            found |= {record.key: record for record in page.records}
            cursor = page.cursor
        return found, json.loads(json.dumps(cursor))

    def now(self) -> Any:
        """A cursor at this moment."""
        return self.changes(None)[1]

    def fetch(self, key: str) -> Record:
        """One record, fresh."""
        return self.connector.fetch(self.resource, [key], fields=self.wanted).found[key]

    def write(self, *writes: Write) -> list[Outcome]:
        """A batch; there must be one outcome a write."""
        outcomes = self.connector.write(self.resource, writes, fields=self.wanted)
        assert len(outcomes) == len(writes)
        return outcomes

    def creation(self, text: str) -> Write:
        """A create, with a key where the system wants one."""
        key = None if self.harness.gives_keys else self.harness.new_key()
        return Write(Op.CREATE, key, {self.text: text})

    def held(self, key: str) -> Any:
        """The text that the system holds for a record."""
        record = self.harness.read(key)
        assert record is not None
        return record[self.text]
