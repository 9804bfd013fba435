"""Probing: what an answer to a probe value means, and what to set in the mapping."""

import pytest

from syncadmin.core.fieldtype import FieldType, Kind, Normalize
from syncadmin.core.probing import KINDS, MARK, Effect, Finding, Probe, judge, ours, probes, propose
from syncadmin.core.side import Side

WHEN = "2024-07-15T12:34:56.789123Z"


@pytest.mark.parametrize(
    ("kind", "sent", "found", "effects", "amount"),
    [
        ("text", " Ab ", " Ab ", "same", None),
        ("text", " Ab ", "Ab", "trimmed", None),
        ("text", " Ab ", " Ab", "trimmed", None),
        ("text", " Ab ", "ab", "trimmed lowered", None),
        ("text", "Ab", "AB", "uppered", None),
        ("text", "Ab", "Ab   ", "padded", 5),
        ("text", "Abcdef", "Abc", "cut", 3),
        ("text", "ae\u0301", "a\u00e9", "composed", None),
        ("text", "a\nb", "a\r\nb", "lines", None),
        ("text", "a\U0001f642", "a?", "lost", None),
        ("text", "a\U0001f642", "a", "lost", None),
        ("text", "\U0001f642a", "a", "lost", None),
        ("text", "", None, "nulled", None),
        ("text", None, "", "emptied", None),
        ("text", "a", "b", "other", None),
        ("text", "a", None, "other", None),
        ("decimal", "7.123456786", "7.120000000", "rounded", 2),
        ("decimal", "7.123456786", "7.000000000", "rounded", 0),
        ("decimal", "7.000000000", "8.000000000", "other", None),
        ("decimal", None, "0.000000000", "emptied", None),
        ("boolean", None, False, "emptied", None),
        ("integer", 7, 7, "same", None),
        ("integer", 7, 8, "other", None),
        ("date", "2024-07-15", "2024-07-14", "shifted", -1440),
        ("date", "2024-07-15", "2024-01-14", "other", None),
        ("datetime", WHEN, "2024-07-15T12:34:56.789000Z", "rounded", 3),
        ("datetime", WHEN, "2024-07-15T12:34:57.000000Z", "rounded", 0),
        ("datetime", WHEN, "2024-07-15T14:34:56.789123Z", "shifted", 120),
        ("datetime", WHEN, "2024-07-15T10:34:56.000000Z", "shifted", -120),
        ("datetime", WHEN, "2024-07-15T00:00:00.000000Z", "rounded", -1),
        ("datetime", WHEN, "2025-07-15T12:34:56.789123Z", "other", None),
        ("choice", "a", "b", "other", None),
    ],
)
def test_what_came_back_tells_what_the_system_does(kind, sent, found, effects, amount):
    assert judge(Kind(kind), Probe("x", sent), found) == Finding(
        "x", tuple(Effect(effect) for effect in effects.split()), amount
    )


def test_a_probe_is_known_again_and_what_somebody_else_entered_is_not():
    probe = Probe("plain", MARK)
    assert ours(Kind.TEXT, probe, f"<p>{MARK.upper()}</p>")
    assert not ours(Kind.TEXT, probe, "Hamburg")
    assert not ours(Kind.INTEGER, Probe("plain", 7), 8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_type_has_probes_and_a_plain_one_comes_first(kind):
    made = probes(FieldType(kind, choices={"a": "b"}), {})
    assert made[0].name in ("plain", "choice a")
    assert made[-1] == Probe("null", None)
    assert len({probe.name for probe in made}) == len(made)
    assert None not in [probe.value for probe in probes(FieldType(kind), {"required": True})]


def test_texts_are_as_long_as_their_probe_says_and_marked():
    for probe in probes(FieldType(Kind.TEXT), {"max_length": 20}):
        if probe.name.startswith("length "):
            assert len(probe.value) == int(probe.name.split()[1])
            assert MARK in probe.value


@pytest.mark.parametrize(
    ("of", "findings", "normalize", "scale", "kind", "limits"),
    [
        (FieldType(Kind.TEXT), [Finding("a", (Effect.SAME,))], (), None, None, {}),
        (
            FieldType(Kind.TEXT),
            [Finding("a", (Effect.TRIMMED, Effect.LOWERED))],
            ("trim", "lower"), None, None, {},
        ),
        (
            FieldType(Kind.TEXT, normalize=(Normalize.TRIM,)),
            [Finding("a", (Effect.PADDED,))],
            (), None, None, {},
        ),
        (FieldType(Kind.TEXT), [Finding("length 64", (Effect.CUT,), 20)], (), None, None, {Side.LEFT: 20}),
        (
            FieldType(Kind.TEXT),
            [Finding("length 64", (Effect.SAME,)), Finding("length 256", (Effect.REFUSED,))],
            (), None, None, {Side.LEFT: 64},
        ),
        (
            FieldType(Kind.TEXT),
            [Finding("empty", (Effect.REFUSED,)), Finding("null", (Effect.SAME,))],
            ("empty_as_null",), None, None, {},
        ),
        (FieldType(Kind.DECIMAL, 3), [Finding("digits", (Effect.ROUNDED,), 2)], (), 2, None, {}),
        (FieldType(Kind.DECIMAL, 2), [Finding("digits", (Effect.ROUNDED,), 2)], (), None, None, {}),
        (FieldType(Kind.DATETIME), [Finding("plain", (Effect.ROUNDED,), -1)], (), None, Kind.DATE, {}),
    ],
)  # fmt: skip
def test_a_proposal_is_what_the_mapping_lacks(of, findings, normalize, scale, kind, limits):
    made = propose(of, {Side.LEFT: findings})
    assert (made.normalize, made.scale, made.type, made.limits) == (normalize, scale, kind, limits)
