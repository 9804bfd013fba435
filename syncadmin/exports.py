"""The journal as files: CSV for spreadsheets, JSON lines for programs. Streamed, oldest first.

A spreadsheet takes a cell that starts like a formula for one. Values come from other systems, so such a cell
gets an apostrophe in front; JSON lines are exact.
"""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from syncadmin.models import Entry
from syncadmin.selectors.journal import decoded

COLUMNS = (
    "at",
    "mapping",
    "seq",
    "kind",
    "side",
    "key",
    "link",
    "field",
    "old",
    "new",
    "disposition",
    "rule",
    "of",
    "actor",
    "changed_at",
    "pass",
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?", re.ASCII)


class Line:
    """A file whose `write` hands the line on."""

    def write(self, text: str) -> str:
        return text


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Entries as CSV, with a header."""
    writer = csv.writer(Line())
    yield "\ufeff"  # spreadsheets read UTF-8 only with this mark
    yield writer.writerow(COLUMNS)
    for entry in entries:
        yield writer.writerow([cell(value) for value in row(entry).values()])


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Entries as JSON, one a line."""
    for entry in entries:
        yield json.dumps(row(entry), ensure_ascii=False) + "\n"


def row(entry: Entry) -> dict[str, Any]:
    """An entry by column name; `old` and `new` are canonical values, None where there is none."""
    return dict(
        zip(
            COLUMNS,
            (
                _time(entry.at),
                entry.mapping.name,
                entry.seq,
                entry.kind,
                entry.side,
                entry.key,
                entry.link_id,
                entry.field,
                decoded(entry.old),
                decoded(entry.new),
                entry.disposition,
                entry.rule,
                entry.of,
                entry.actor,
                _time(entry.changed_at),
                entry.pass_id,
            ),
            strict=True,
        )
    )


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def cell(value: Any) -> str:
    """A value as a CSV cell that no spreadsheet evaluates."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    start = unicodedata.normalize("NFKC", text.lstrip(" ")[:1])  # full-width signs start formulas too
    harmless = start not in ("=", "+", "-", "@", "\t", "\r", "\n")
    return text if harmless or _NUMBER.fullmatch(text) else f"'{text}"


FORMS: dict[str, tuple[str, Callable[[Iterable[Entry]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/x-ndjson", json_lines),
}
