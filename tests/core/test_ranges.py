"""Ranges of keys: whatever changed is read again, little else is, and afterwards all is as it was."""

from dataclasses import replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncadmin.core import ranges
from syncadmin.core.ranges import Ranges, Row, Sum, made_of, place, renewed, spans, suspect, total, with_known

Held = dict[str, int]
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1).filter(lambda n: n > -(10**18)).map(str)
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=4)


def in_order(held: Held, numbers: bool) -> list[Row]:
    keys = sorted(held, key=int) if numbers else sorted(held, key=str.encode)
    return [Row(key, hash((key, held[key], 1)), hash((key, held[key], 2))) for key in keys]


def asked(kept: Ranges, held: Held) -> list[Sum]:
    """What a database answers for the ranges."""
    parts: list[list[Sum]] = [[] for _ in kept.ranges]
    for row in in_order(held, kept.numbers):
        number = place(kept.edges, kept.numbers, row.key)
        assert number is not None
        parts[number].append((1, row.high, row.low))
    return [total(part) for part in parts]


def within(kept: Ranges, read: list[int], held: Held) -> list[Row]:
    """What a database delivers for the spans."""
    found = []
    for first, end in spans(kept, read):
        for row in in_order(held, kept.numbers):
            turn = int if kept.numbers else str.encode
            if (first is None or turn(row.key) >= turn(first)) and (end is None or turn(row.key) < turn(end)):
                found.append(row)
    return found


@settings(max_examples=120)
@given(st.data(), st.booleans())
def test_every_difference_is_read_and_then_all_is_as_it_was(data: st.DataObject, numbers: bool) -> None:
    keys = NUMBERS if numbers else WORDS
    before = data.draw(st.dictionaries(keys, st.integers(0, 3), max_size=40))
    changes = data.draw(st.dictionaries(keys, st.none() | st.integers(0, 3), max_size=8))
    changes |= {
        key: data.draw(st.none() | st.integers(0, 3))
        for key in data.draw(st.lists(st.sampled_from(sorted(before) or ["1"]), max_size=4))
    }
    now = {key: value for key, value in (before | changes).items() if value is not None}
    with patch.object(ranges, "SIZE", 3):
        kept = Ranges(numbers, tuple(made_of(in_order(before, numbers))))
        assert [r.system for r in kept.ranges] == asked(kept, before)
        assert suspect(kept, asked(kept, before), None) == []
        read = suspect(kept, asked(kept, now), None)
        different = {key for key in before.keys() | now.keys() if before.get(key) != now.get(key)}
        assert {place(kept.edges, numbers, key) for key in different} == set(read)
        assert len(read) <= len(different)
        made = renewed(kept, read, within(kept, read, now))
    assert [r.system for r in made.ranges] == asked(made, now)
    assert all(count <= 6 for count, _, _ in asked(made, now))
    assert suspect(made, asked(made, now), None) == []


def test_what_the_hub_knows_counts_as_what_the_system_holds() -> None:
    kept = Ranges(True, tuple(made_of(in_order({str(n): n for n in range(2500)}, True))))
    assert kept.bounds == ["1000", "2000"]
    system = [r.system for r in kept.ranges]
    kept = with_known(kept, [(1, 2, 3)] * 3, (0, 0, 0), unclean={2})
    assert suspect(kept, system, None) == [2]
    assert suspect(kept, system, [(1, 2, 3)] * 3) == [2]
    assert suspect(kept, system, [(1, 2, 3), (1, 2, 4), (1, 2, 3)]) == [1, 2]
    assert spans(kept, [1, 2]) == [("1000", None)]
    assert spans(kept, [0, 2]) == [(None, "1000"), ("2000", None)]
    again = renewed(kept, [2], [])
    assert [r.clean for r in again.ranges] == [True] * 3
    assert replace(again, ranges=again.ranges[:2]).bounds == ["1000"]


@pytest.mark.parametrize("key", ["", "07", "1.5", "gone:7:1", "-0", str(2**63), "٣"])
def test_what_is_no_number_has_no_place_among_numbers(key: str) -> None:
    assert place([1, 5], True, key) is None
    assert place(["1", "5"], False, key) is not None
