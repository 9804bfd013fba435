"""A plan as a file: all records that are not equal, as CSV for spreadsheets or JSON lines. Streamed."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from typing import Any

from syncadmin.core.values import decode
from syncadmin.exports import Line, cell
from syncadmin.models import Rehearsal

COLUMNS = (
    "record", "standing", "done", "left_key", "right_key", "field", "left", "right", "left_becomes",
    "right_becomes", "held", "why",
)  # fmt: skip


def plain_lines(rehearsal: Rehearsal) -> Iterator[dict[str, Any]]:
    """The records of a plan as plain data, as they were stored."""
    for line in rehearsal.lines.order_by("pk").iterator(chunk_size=2000):
        yield {
            "record": line.label,
            "standing": line.standing,
            "done": line.fate,
            "left_key": line.left_key,
            "right_key": line.right_key,
            "held": line.held,
            "differs": line.columns.split(),
            **decode(bytes(line.body)),
        }


def json_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Records as JSON, one a line."""
    for line in plain_lines(rehearsal):
        yield json.dumps(line, ensure_ascii=False) + "\n"


def csv_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """Records as CSV with a header: a row a field that differs or is written, or one for the record."""
    writer = csv.writer(Line())
    yield "\ufeff"  # spreadsheets read UTF-8 only with this mark
    yield writer.writerow(COLUMNS)
    for line in plain_lines(rehearsal):
        for row in _rows(line):
            yield writer.writerow([cell(value) for value in row])


def _rows(line: dict[str, Any]) -> Iterator[list[Any]]:
    becomes: dict[str, dict[str, Any]] = {"left": {}, "right": {}}
    for side, _op, values in line["writes"]:
        becomes[side] |= values
    names = list(dict.fromkeys([*line["left"], *line["right"], *becomes["left"], *becomes["right"]]))
    head = [line["record"], line["standing"], line["done"], line["left_key"], line["right_key"]]
    asks = line["asks"]
    for name in names or [""]:
        held = "yes" if line["held"] and (not asks["fields"] or name in asks["fields"]) else ""
        values = [line[side].get(name) for side in ("left", "right")]
        after = [becomes[side].get(name) for side in ("left", "right")]
        yield [*head, name, *values, *after, held, asks.get("reason", "")]


FORMS: dict[str, tuple[str, Callable[[Rehearsal], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", csv_lines),
    "jsonl": ("application/x-ndjson", json_lines),
}
