"""Any record that a real system takes comes back equal in canonical form, is found, and can be expected.

`EXAMPLES=2000 pytest tests/connectors/test_any_record.py` draws more of them, and others each time.
"""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Connector, FieldInfo, Op, Record, Result, Write
from connectors.testing import Harness
from syncadmin.core.side import Side
from syncadmin.core.values import FieldType, Kind, reader, same, writer

from .sql_harness import SqlHarness
from .test_rest_conformance import KintoHarness, PocketBaseHarness

pytestmark = pytest.mark.runs_once

DRAWN = settings(
    max_examples=int(os.environ.get("EXAMPLES", "12")),
    derandomize="EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
SIDE = Side.LEFT
ODD = (
    "\x00\x01\x7f\x85\u200b\u200f\u202e\u2028\u3000\ufeff\ufffd\uffff\U0001f468\u200d\U0010ffffe\u0301"
    "'\"\\%_\t\r\n {}$&?#"
)
Values = Mapping[str, Any]  # canonical, by kind
Wanted = tuple[Record | None, Values, Values]  # what was read, if anything; what to write; what was written
EXACT = 2**53  # whole numbers that any JSON keeps


@dataclass(frozen=True)
class Peer:
    """A real system, and what it is known to keep less exactly than it says."""

    harness: Harness
    fraction: int = 6  # digits of a second
    exact_floats: bool = True  # inside of JSON; else the last of 17 digits may be another one
    no_null: frozenset[str] = frozenset()  # kinds whose fields hold a value always


@pytest.fixture(scope="module", params=["sqlite", "postgres", "mariadb", "pocketbase", "kinto"])
def peer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Each of the systems, with an empty resource."""
    name = f"any_{secrets.token_hex(6)}"
    match request.param:
        case "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('any')}/any.sqlite3"
            found = Peer(SqlHarness(url))
        case "postgres":
            url = request.getfixturevalue("postgres_server").create_database(name)
            found = Peer(SqlHarness(url))
        case "mariadb":
            url = request.getfixturevalue("mariadb_server").create_database(name)
            found = Peer(SqlHarness(url))
        case "pocketbase":
            server = request.getfixturevalue("pocketbase_server")
            with server.client() as http:
                harness = PocketBaseHarness(server, http, name)
                yield Peer(harness, fraction=3, no_null=frozenset({"integer", "decimal", "boolean"}))
            return
        case _:
            found = Peer(KintoHarness(request.getfixturevalue("kinto_server"), name), exact_floats=False)
    yield found
    found.harness.close()


def test_any_record_that_a_system_takes_comes_back_as_it_was(peer: Peer) -> None:
    counted: Counter[Result] = Counter()
    with closing(peer.harness.connector()) as connector:

        @DRAWN
        @given(st.lists(st.tuples(a_record(peer), a_record(peer)), min_size=1, max_size=5))
        def holds(pairs: list[tuple[Values, Values]]) -> None:
            kept = written(peer, connector, [(None, first, {}) for first, _second in pairs], counted)
            again = [(record, second, first) for record, (first, second) in zip(kept, pairs, strict=True)]
            written(peer, connector, [one for one in again if one[0] is not None], counted)

        holds()
    assert counted[Result.APPLIED] > counted[Result.REJECTED]
    assert counted.keys() <= {Result.APPLIED, Result.REJECTED}


def written(
    peer: Peer, connector: Connector, wanted: list[Wanted], counted: Counter[Result]
) -> list[Record | None]:
    """Records created, or updated from what was read of them; those that were taken, as they are now read.

    What is read is what is expected by the next update, and must never be taken for another value.
    """
    harness, fields = peer.harness, list(peer.harness.fields.values())
    writes = []
    for before, values, _old in wanted:
        raw = {harness.fields[kind]: raw_of(kind, value) for kind, value in values.items()}
        if before is None:
            key = None if harness.gives_keys else harness.new_key()
            writes.append(Write(Op.CREATE, key, raw, idempotency=secrets.token_hex(8)))
        else:
            expected = {name: before.values.get(name) for name in raw}
            writes.append(Write(Op.UPDATE, before.key, raw, expected))
    outcomes = connector.write(harness.resource, writes, fields=fields)
    counted.update(outcome.result for outcome in outcomes)
    keys = [outcome.key for outcome in outcomes if outcome.result is Result.APPLIED]
    found = connector.fetch(harness.resource, keys, fields=fields).found
    ensure_found_by_text(peer, connector, found.values())
    kept = []
    for (_before, values, old), outcome in zip(wanted, outcomes, strict=True):
        assert outcome.result in (Result.APPLIED, Result.REJECTED), outcome
        if outcome.result is Result.REJECTED:
            kept.append(None)
            continue
        record = found[outcome.key]
        for kind, value in (dict(old) | dict(values)).items():
            assert_same(kind, value, record, harness.fields[kind])
            if outcome.record is not None:
                assert_same(kind, value, outcome.record, harness.fields[kind])
        kept.append(record)
    return kept


def ensure_found_by_text(peer: Peer, connector: Connector, records: Iterable[Record]) -> None:
    """Whatever their text holds, it finds them: no character of it is part of the question."""
    name = peer.harness.fields["text"]
    texts = {record.key: record.values[name] for record in records if record.values[name]}
    asked = list(dict.fromkeys(texts.values()))
    told = connector.find(peer.harness.resource, name, asked, fields=[name]) if asked else []
    assert texts.keys() <= {record.key for record in told}


def assert_same(kind: str, value: Any, record: Record, field: str) -> None:
    """The record holds this value, in canonical form."""
    found = reader(FieldType(Kind(kind)), SIDE)(record.values.get(field))
    assert same(found, value), f"{kind}: {value!r} came back as {found!r} ({record.values.get(field)!r})"


def raw_of(kind: str, value: Any) -> Any:
    return writer(FieldType(Kind(kind)), SIDE)(value)


# ---------------------------------------------------------------- drawing


def a_record(peer: Peer) -> st.SearchStrategy[Values]:
    """Canonical values by kind, some of them empty, some left out; the text is always there."""
    with closing(peer.harness.connector()) as connector:
        known = {field.name: field for field in connector.describe(peer.harness.resource).fields}
    drawn = {}
    for kind, name in peer.harness.fields.items():
        values = VALUES[kind](peer, known.get(name, FieldInfo(name, kind)))
        empty = kind == "text" or kind in peer.no_null
        drawn[kind] = values if empty else st.none() | values
    text = drawn.pop("text")
    return st.fixed_dictionaries({"text": text}, optional=drawn)


def texts(longest: int = 40) -> st.SearchStrategy[str]:
    """Any Unicode, and often what systems stumble over."""
    return st.text(st.characters(codec="utf-8") | st.sampled_from(ODD), max_size=longest)


def _integers(peer: Peer, field: FieldInfo) -> st.SearchStrategy[int]:
    low, high = (-EXACT, EXACT) if field.low is None else (field.low, field.high)
    return st.integers(low, high)


def _decimals(peer: Peer, field: FieldInfo) -> st.SearchStrategy[str]:
    most = 10 ** min(field.precision or 12, 15) - 1
    return st.integers(-most, most).map(lambda n: f"{'-' if n < 0 else ''}{abs(n) // 100}.{abs(n) % 100:02}")


def _dates(peer: Peer, field: FieldInfo) -> st.SearchStrategy[str]:
    return st.dates().map(date.isoformat)


def _datetimes(peer: Peer, field: FieldInfo) -> st.SearchStrategy[str]:
    step = 10 ** (6 - peer.fraction)

    def told(moment: datetime) -> str:
        cut = moment.replace(microsecond=moment.microsecond // step * step)
        return cut.isoformat("T", "microseconds") + "Z"

    return st.datetimes().map(told)


def _sets(peer: Peer, field: FieldInfo) -> st.SearchStrategy[list[str]]:
    of = st.sampled_from(field.choices) if field.choices else texts(10).filter(bool)
    return st.sets(of, max_size=3).map(sorted)


def _jsons(peer: Peer, field: FieldInfo) -> st.SearchStrategy[Any]:
    one = st.none() | st.booleans() | st.integers(-EXACT, EXACT) | texts(10)
    floats = st.floats(allow_nan=False, allow_infinity=False)
    one |= floats if peer.exact_floats else st.integers(-(10**12), 10**12).map(lambda n: n / 1000)
    whole = st.recursive(
        one,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(5), inner, max_size=3),
        max_leaves=6,
    )
    return whole.filter(lambda value: isinstance(value, dict | list)).map(
        lambda value: reader(FieldType(Kind.JSON), SIDE)(value)
    )


VALUES: Mapping[str, Callable[[Peer, FieldInfo], st.SearchStrategy[Any]]] = {
    "text": lambda peer, field: texts(),
    "integer": _integers,
    "decimal": _decimals,
    "boolean": lambda peer, field: st.booleans(),
    "date": _dates,
    "datetime": _datetimes,
    "json": _jsons,
    "set": _sets,
}
