"""Promises about what goes wrong: who must act, and that no secret is told."""

from __future__ import annotations

import pytest

from connectors.base import (
    Misconfigured,
    Op,
    Retry,
    Write,
)

from .harness import Bench, Harness


class Faults:
    """A system that cannot be reached or refuses us."""

    def test_a_system_that_does_not_answer_is_tried_again_later(self, harness: Harness) -> None:
        connector = harness.unreachable()
        field = harness.fields["text"]
        with pytest.raises(Retry) as reading:
            list(connector.scan(harness.resource, fields=[field], limit=10))
        with pytest.raises(Retry):
            connector.fetch(harness.resource, [harness.new_key()], fields=[field])
        assert harness.secret not in str(reading.value) + repr(connector) or not harness.secret
        assert [item for item in connector.check() if not item.ok]
        connector.close()

    def test_wrong_credentials_are_for_a_person_to_correct(self, harness: Harness) -> None:
        connector = harness.unauthorised()
        if connector is None:
            return
        field = harness.fields["text"]
        with pytest.raises(Misconfigured) as reading:
            list(connector.scan(harness.resource, fields=[field], limit=10))
        with pytest.raises(Misconfigured):
            connector.write(
                harness.resource, [Write(Op.UPDATE, harness.new_key(), {field: "x"}, {field: "y"})], fields=[]
            )
        assert harness.secret not in str(reading.value) + repr(connector)
        failed = [item for item in connector.check() if not item.ok]
        assert failed
        assert all(item.remedy or item.detail for item in failed)
        connector.close()

    def test_no_secret_shows_in_a_repr(self, harness: Harness, bench: Bench) -> None:
        assert not harness.secret or harness.secret not in repr(bench.connector)

    def test_closing_twice_is_harmless(self, harness: Harness) -> None:
        connector = harness.connector()
        connector.describe(harness.resource)
        connector.close()
        connector.close()
