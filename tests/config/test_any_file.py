"""Whatever is written at whatever place: a file is taken, or refused with problems that have lines."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncadmin.config.export import as_yaml
from syncadmin.config.lines import Lines
from syncadmin.config.load import Known, load
from syncadmin.config.problems import BadConfig, Problem
from tests.config.conftest import ENVIRONMENT
from tests.config.test_apply_and_export import EVERYTHING

DOCUMENT = Lines(EVERYTHING).content
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
NAMES = st.sampled_from(["left", "right", "type", "fields", "system", "${CRM_URL}", "${", "rule", "x", "-"])
ANYTHING = st.recursive(
    SCALARS | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in items for found in places(item, (*path, key)))]


def replaced(path: tuple[Any, ...], new: Any) -> Any:
    """The document with something else at a place."""
    document = deepcopy(DOCUMENT)
    if not path:
        return new
    parent = document
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = new
    return document


@given(st.sampled_from(places(DOCUMENT)), ANYTHING)
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_a_file_is_taken_or_refused_but_never_a_crash(path: tuple[Any, ...], new: Any) -> None:
    for problem in problems(as_yaml(replaced(path, new))):
        assert problem.message
        assert ENVIRONMENT["SHOP_PASSWORD"] not in str(problem)


def problems(text: str) -> list[Problem]:
    """What a file is refused with, nothing if it is taken."""
    try:
        load(text, Known(environment=ENVIRONMENT), "sync.yaml")
    except BadConfig as error:
        return error.problems
    return []
