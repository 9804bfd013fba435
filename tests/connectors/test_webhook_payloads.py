"""Which records a delivery is about: ids only, partial and whole records, one and many; hostile ones too."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.rest.payloads import MOST_KEYS, Named, NotReadable, id_of, loads, read
from connectors.rest.webhooks import Webhook

SIGNED = {"type": "header", "header": "X", "secret": "long enough"}


def webhook(**settings):
    return Webhook.model_validate({"signed": SIGNED, **settings})


def told(settings, payload, header=""):
    hook = webhook(**settings)
    return read(hook, loads(hook, json.dumps(payload).encode()), header)


@pytest.mark.parametrize(
    ("settings", "payload", "header", "named"),
    [
        # ids only
        ({}, {"id": 7}, "customers", [("customers", "customers", ("7",))]),
        (
            {"records": "ids", "resource": "type"},
            {"type": "c", "ids": [1, "b", 1]},
            "",
            [("c", "c", ("1", "b"))],
        ),
        ({"records": "@", "resource": "'c'"}, "abc", "", [("c", "c", ("abc",))]),
        # a partial record, with what happened
        (
            {"resource": "object", "records": "data.id", "resources": {"customer": "customers"}},
            {"event": "customer.updated", "object": "customer", "data": {"id": "c_1", "phone": "1"}},
            "",
            [("customers", "customer", ("c_1",))],
        ),
        # the topic in a header, with a pattern
        (
            {"resources": {"customers/*": "people"}},
            {"id": 5},
            "customers/update",
            [("people", "customers/update", ("5",))],
        ),
        (
            {"resources": {"customers/*": "people"}},
            {"id": 5},
            "orders/update",
            [("", "orders/update", ("5",))],
        ),
        # several records of several resources, some twice
        (
            {"events": "events", "resource": "kind", "records": "ref.id"},
            {"events": [{"kind": k, "ref": {"id": i}} for k, i in (("a", 1), ("b", 2), ("a", 3), ("a", 1))]},
            "",
            [("a", "a", ("1", "3")), ("b", "b", ("2",))],
        ),
        # a whole list of records
        (
            {"events": "data", "resource": "'c'"},
            {"data": [{"id": 1}, {"id": 2}]},
            "",
            [("c", "c", ("1", "2"))],
        ),
        (
            {"records": "data[].id", "resource": "'c'"},
            {"data": [{"id": 1}, {"id": 2}]},
            "",
            [("c", "c", ("1", "2"))],
        ),
        # no key: only the resource is known
        ({"records": None, "resource": "type"}, {"type": "c"}, "", [("c", "c", ())]),
        ({}, {"what": 1}, "", [("", "", ())]),
    ],
)
def test_records_are_read_out_of_what_systems_send(settings, payload, header, named) -> None:
    found = told(settings, payload, header)
    assert found.named == tuple(Named(*one) for one in named)
    assert found.left_out == ()


@pytest.mark.parametrize("bad", [{"a": 1}, True, 1.5, [[1]], "", "a\x00b", "\ud800", "\u202e1", "x" * 301])
def test_what_no_record_has_as_a_key_is_told_and_left_out(bad) -> None:
    found = told({"records": "ids", "resource": "'c'"}, {"ids": [bad, "good"]})
    assert found.named == (Named("c", "c", ("good",)),)
    assert len(found.left_out) == 1
    assert found.left_out[0].isprintable()


def test_more_keys_than_anybody_needs_are_cut_and_told() -> None:
    found = told({"records": "ids", "resource": "'c'"}, {"ids": list(range(MOST_KEYS * 3))})
    assert len(found.named[0].keys) == MOST_KEYS
    assert found.left_out == (f"keys beyond the first {MOST_KEYS}",)


def test_no_events_where_they_should_be_is_told() -> None:
    assert "looks for them: data" in told({"events": "data"}, {"records": []}).left_out[0]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"9" * 10_000, "no JSON"),
    ],
)
def test_a_body_that_is_none_is_told(body: bytes, words: str) -> None:
    with pytest.raises(NotReadable, match=words):
        loads(webhook(), body)


def test_forms_are_read_too() -> None:
    hook = webhook(format="form", resource="type")
    assert read(hook, loads(hook, b"type=c&id=5")).named == (Named("c", "c", ("5",)),)


@pytest.mark.parametrize(
    ("settings", "payload", "headers", "found"),
    [
        ({"id": "event.id"}, {"event": {"id": 9}}, {}, "9"),
        ({"id": "event"}, {"event": {}}, {}, ""),
        ({"id_header": "X-GitHub-Delivery"}, {}, {"x-github-delivery": "abc"}, "abc"),
        ({}, {"id": 1}, {}, ""),
    ],
)
def test_a_delivery_has_an_id_of_its_own_where_the_configuration_says(
    settings, payload, headers, found
) -> None:
    assert id_of(webhook(**settings), payload, headers) == found


@pytest.mark.parametrize(
    "time", ["2026-01-02T03:04:05Z", 1767323045, 1767323045000, "1767323045", "2026-01-02T04:04:05+01:00"]
)
def test_the_time_of_an_event_is_read_in_its_usual_forms(time) -> None:
    found = told({"time": "at", "resource": "'c'"}, {"id": 1, "at": time})
    assert found.at is not None
    assert found.at.timestamp() == 1767323045


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abci"), inner, max_size=4),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(json_values, st.sampled_from(["@", "a", "a[].b", "*.i", "a[?b].c", "length(a)"]))
def test_whatever_is_sent_gives_keys_that_a_database_takes(payload, selector: str) -> None:
    hook = webhook(records=selector, resource=selector, events="a", time="i")
    for named in read(hook, payload).named:
        assert all(key and key.isprintable() and len(key) <= 300 for key in named.keys)
        assert named.said.isprintable()
