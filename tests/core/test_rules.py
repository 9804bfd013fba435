"""Rules in CEL: what they may say, what they see, and that they cannot run away."""

from __future__ import annotations

import time

import pytest

from syncadmin.core import rules
from syncadmin.core.policy import Policy
from syncadmin.core.rows import in_scope
from syncadmin.core.rules import RuleError, RuleFailed, compile_rule, predicate
from syncadmin.core.side import Side
from syncadmin.core.values import FieldType, Kind

from .builders import a_field


def test_an_expression_gives_its_answer():
    assert compile_rule("left > right ? left : right").evaluate({"left": 1, "right": 2}) == 2


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("left +", "mismatched"),
        ("", "mismatched"),
        ("left == nowhere", "unknown name nowhere"),
        ("open('/etc/passwd') == left", "unknown function open"),
        ("left + '" + "x" * 1000 + "'", "longer than"),
        ("left.map(a, left.map(b, left.map(c, c)))", "macros"),
        ("left. // hidden\n map(a, left.map(b, left.map(c, c)))", "macros"),
        ("(" * 400 + "1" + ")" * 400, "recursion|nest|deep|exceed|limit"),
    ],
)
def test_what_is_no_expression_is_a_mistake_in_the_configuration(source, said):
    with pytest.raises(RuleError, match=said):
        compile_rule(source)


def test_a_mistake_says_where_it_is():
    with pytest.raises(RuleError) as caught:
        compile_rule("left >\n * 2")
    assert (caught.value.line, caught.value.column) == (2, 2)


def test_a_row_rule_knows_only_records():
    with pytest.raises(RuleError, match="known are left_record, right_record"):
        compile_rule("left == 1", rules.ROW_NAMES)


@pytest.mark.parametrize("source", ["left / 0", "left_record.nowhere", "left + 'x'", "left.matches('[')"])
def test_an_expression_that_fails_says_why(source):
    with pytest.raises(RuleFailed, match="failed"):
        compile_rule(source).evaluate({"left": 1, "left_record": {}})


def test_text_in_an_expression_is_not_counted_as_a_macro():
    source = "left == '.map(a, .map(b, .map(c, ' ? 1 : 2"
    assert compile_rule(source).evaluate({"left": "x"}) == 2


@pytest.mark.parametrize(
    "source",
    [
        "left.map(a, left.map(b, 1))",
        "left.filter(a, left.exists(b, a == b))",
        "(left + left + left).map(a, (left + left).map(b, b))",
        "left.map(a, a + a + a).map(b, b + b + b)",
    ],
)
def test_an_expression_that_would_cost_too_much_is_not_run(source):
    start = time.process_time()
    with pytest.raises(RuleFailed, match="too large"):
        compile_rule(source).evaluate({"left": ["x" * 1000 for _ in range(2000)]})
    assert time.process_time() - start < 1


@pytest.mark.parametrize("source", ["left.map(a, left.map(b, 1))", "left.filter(a, a in left).map(b, b + b)"])
def test_the_most_that_is_run_ends_in_reasonable_time(source):
    values = {"left": [f"tag {i}" for i in range(100)]}
    start = time.process_time()
    compile_rule(source).evaluate(values)
    assert time.process_time() - start < 3


def test_a_predicate_answers_true_or_false():
    holds = predicate("record.country == 'DE'", rules.FILTER_NAMES)
    assert holds({"record": {"country": "DE"}}) is True
    with pytest.raises(RuleFailed, match="true or false"):
        predicate("record.country", rules.FILTER_NAMES)({"record": {"country": "DE"}})


def test_a_row_filter_says_which_records_are_synced():
    policy = Policy((a_field("credit", Kind.DECIMAL),), filters={Side.LEFT: "record.credit > 10.0"})
    assert in_scope(policy, Side.LEFT, {"credit": "10.50"})
    assert not in_scope(policy, Side.LEFT, {"credit": "9.00"})
    assert in_scope(policy, Side.RIGHT, {"credit": "9.00"})


def test_decimals_and_times_are_native():
    assert rules.native("12.50", FieldType(Kind.DECIMAL)) == 12.5
    assert rules.native("2024-01-01T00:00:00.000000Z", FieldType(Kind.DATETIME)).year == 2024
    with pytest.raises(RuleFailed, match="digits"):
        rules.native("12345678901234567.89", FieldType(Kind.DECIMAL))
