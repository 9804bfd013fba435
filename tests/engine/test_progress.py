"""How far a pass is: it shows while a system takes its time, not only between batches."""

from dataclasses import replace
from datetime import timedelta
from threading import Event

from connectors.sql.connector import SqlConnector
from syncadmin.engine import run, write
from syncadmin.models import Pass

from .test_pass import ANNA
from .world import World


def test_progress_moves_while_a_system_still_writes(world: World, monkeypatch) -> None:
    records, calls, moved = 4, [], Event()
    for number in range(records):
        world.left.add(**ANNA | {"email": f"a{number}@example.com"})
    promised, answer = SqlConnector.capabilities, SqlConnector.write

    def hear(row: Pass) -> None:
        if row.phase == "writing" and 0 < row.progress < row.total:
            moved.set()

    def slowly(self: SqlConnector, resource: str, writes: list, **more: object) -> list:
        calls.append(len(writes))
        assert len(calls) == 1 or moved.wait(60), "a write is answered, and nobody is told"
        return answer(self, resource, writes, **more)

    monkeypatch.setattr(run, "REPORT_EVERY", timedelta(0))
    monkeypatch.setattr(write, "TELL_SECONDS", 0.01)
    monkeypatch.setattr(
        SqlConnector, "capabilities", lambda self, name: replace(promised(self, name), batch=1)
    )
    monkeypatch.setattr(SqlConnector, "write", slowly)
    done = run.run_pass(world.mapping.pk, progress=hear)

    assert calls == [1] * records
    assert done is not None
    assert (done.state, done.progress, done.total) == ("done", records, records)
