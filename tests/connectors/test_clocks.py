"""How far a system's clock is from ours, as its connector tells."""

from datetime import UTC, datetime, timedelta

from connectors.rest.clock import ClockWatch
from connectors.sql import SqlConnector
from tests.connectors.sql_harness import connect, execute

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def seconds(**how: float) -> timedelta:
    return timedelta(**how)


def test_one_dated_answer_tells_the_difference_to_about_a_second() -> None:
    watch = ClockWatch()
    watch.note(NOON, NOON + seconds(seconds=60), NOON + seconds(milliseconds=200))
    reading = watch.reading()
    assert reading is not None
    assert abs(reading.ahead - 60.4) < 0.01
    assert 0.5 < reading.error < 0.7


def test_several_answers_tell_it_better() -> None:
    """The system is 60.5 s ahead; asked at different parts of a second, its whole seconds give it away."""
    watch = ClockWatch()
    for at in range(0, 3000, 90):
        asked = NOON + seconds(milliseconds=at)
        watch.note(
            asked, (asked + seconds(seconds=60.5)).replace(microsecond=0), asked + seconds(milliseconds=10)
        )
    reading = watch.reading()
    assert reading is not None
    assert abs(reading.ahead - 60.5) < 0.1
    assert reading.error < 0.1


def test_a_clock_that_was_set_meanwhile_is_believed_anew() -> None:
    watch = ClockWatch()
    watch.note(NOON, NOON + seconds(seconds=60), NOON)
    watch.note(NOON, NOON, NOON)
    reading = watch.reading()
    assert reading is not None
    assert abs(reading.ahead) < 1


def test_an_answer_without_a_date_tells_nothing() -> None:
    watch = ClockWatch()
    watch.note(NOON, None, NOON)
    assert watch.reading() is None


def test_a_database_is_asked_for_its_time(sqlite_database: str) -> None:
    execute(sqlite_database, "create table people (id integer primary key)")
    connector = connect(sqlite_database, people={"table": "people"})
    assert isinstance(connector, SqlConnector)
    reading = connector.clock()
    assert abs(reading.ahead) <= reading.error + 0.01
    connector.close()
