"""The conformance kit, passed on characteristic dialects of HTTP by configuration alone."""

from collections.abc import Iterator

import pytest

from connectors.base import Guarantee, Op, Result, Write
from connectors.testing import ConnectorConformance
from tests.connectors.dialects import (
    CursorAndWeakTags,
    Dialect,
    FeedAndBulk,
    FormsAndKeys,
    OffsetAndPut,
    Predicates,
)
from tests.connectors.odd_server import OddServer, Say

DIALECTS = (OffsetAndPut, CursorAndWeakTags, Predicates, FeedAndBulk, FormsAndKeys)


@pytest.fixture(scope="module")
def server() -> Iterator[OddServer]:
    """One server, switched from one dialect to the next."""
    with OddServer(lambda _: Say(None, 404)) as server:
        yield server


@pytest.fixture(params=DIALECTS, ids=lambda dialect: dialect.__name__)
def harness(request: pytest.FixtureRequest, server: OddServer) -> Dialect:
    return request.param(server)


class TestDialects(ConnectorConformance):
    """All promises, in each dialect."""


@pytest.mark.parametrize(
    ("dialect", "update", "delete", "idempotent"),
    [
        (OffsetAndPut, Guarantee.ATOMIC, Guarantee.ATOMIC, False),
        (CursorAndWeakTags, Guarantee.ATOMIC, Guarantee.ATOMIC, False),
        (Predicates, Guarantee.ATOMIC, Guarantee.ATOMIC, False),
        (FeedAndBulk, Guarantee.ATOMIC, Guarantee.ATOMIC, False),
        (FormsAndKeys, Guarantee.CHECKED, Guarantee.CHECKED, True),
    ],
)
def test_what_a_dialect_can_promise_is_told(
    server: OddServer, dialect: type[Dialect], update: Guarantee, delete: Guarantee, idempotent: bool
) -> None:
    connector = dialect(server).connector()
    told = connector.capabilities("things")
    connector.close()
    assert (told.update, told.delete, told.idempotent) == (update, delete, idempotent)


def test_f16_an_edit_between_our_read_and_our_write_is_refused_by_the_system_itself(harness: Dialect) -> None:
    connector = harness.connector()
    if connector.capabilities("things").update is not Guarantee.ATOMIC:
        connector.close()
        return
    key = harness.insert({"name": "old"})
    answer = type(harness).answer

    def meanwhile(self: Dialect, asked: object, path: str) -> Say:
        if asked.method != "GET" and self.rows[key]["name"] == "old":  # type: ignore[attr-defined]
            self.put(key, {**self.rows[key], "name": "a stranger's"})
        return answer(self, asked, path)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(harness), "answer", meanwhile)
        (outcome,) = connector.write(
            "things", [Write(Op.UPDATE, key, {"name": "ours"}, {"name": "old"})], fields=["name"]
        )
    connector.close()
    assert outcome.result is Result.STALE
    assert harness.rows[key]["name"] == "a stranger's"


def test_f25_a_create_repeated_with_its_key_makes_no_twin(server: OddServer) -> None:
    dialect = FormsAndKeys(server)
    connector = dialect.connector()
    create = Write(Op.CREATE, None, {"name": "new"}, idempotency="abc")
    first, again = (connector.write("things", [create], fields=["name"])[0] for _ in range(2))
    connector.close()
    assert first.key == again.key
    assert len(dialect.rows) == 1
