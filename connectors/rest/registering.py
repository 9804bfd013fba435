"""Telling a system where to send webhooks, as its configuration says: look first, then register or remove.

A registration whose answer was lost is looked for, never repeated blindly.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connectors.base import Unknown, Unreadable
from connectors.hooks import Registration

from .client import Answer, Client
from .selectors import kind
from .webhooks import Register


class Registrar:
    """Registrations of one system. `blanks` fill its paths."""

    def __init__(self, client: Client, how: Register, secret: str, system: str) -> None:
        self._client, self._how, self._secret, self._system = client, how, secret, system

    def found(self, address: str) -> list[Registration]:
        """What is registered for an address. Raises ConnectorError."""
        listed = self._how.list
        answer = self._client.read(listed.path)
        data = self._client.json(answer)
        items = listed.items(data)
        if not isinstance(items, list):
            raise Unreadable(
                f"{answer.path}: `list.items: {listed.items.text}` must select a list of registrations but "
                f"found {kind(items)} in {kind(data)}",
                system=self._system,
            )
        return [
            Registration(str(listed.id(item)), str(listed.topic(item)) if listed.topic is not None else "")
            for item in items
            if listed.url(item) == address and listed.id(item) is not None
        ]

    def register(self, address: str) -> list[Registration]:
        """Register what is not registered yet; all that is then. Raises ConnectorError."""
        there = self.found(address)
        topics = self._how.topics or ("",)
        missing = [topic for topic in topics if topic not in {one.topic for one in there} or not there]
        return [*there, *(self._register(address, topic) for topic in missing)]

    def _register(self, address: str, topic: str) -> Registration:
        how = self._how
        body = _filled(how.body, {"url": address, "secret": self._secret, "topic": topic})
        try:
            answer = self._done(self._client.send(how.method, how.path, body=body))
        except Unknown:
            found = next((one for one in self.found(address) if one.topic == topic), None)
            if found is None or how.secret is not None:
                raise
            return Registration(found.id, topic, new=True)
        data = self._client.json(answer)
        made = how.secret(data) if how.secret is not None else None
        found_id = how.list.id(data)
        return Registration(str(found_id or ""), topic, True, made if isinstance(made, str) else "")

    def remove(self, address: str) -> int:
        """Take all registrations of an address back. Raises ConnectorError."""
        there = self.found(address)
        for one in there:
            path = self._how.remove.path.replace("{id}", quote(one.id, safe=""))
            answer = self._client.send(self._how.remove.method, path)
            if answer.status not in (404, 410):
                self._done(answer)
        return len(there)

    def _done(self, answer: Answer) -> Answer:
        if not answer.ok:
            raise self._client.failure(answer)
        return answer


def _filled(value: Any, blanks: Mapping[str, str]) -> Any:
    """A template with its blanks filled, at any depth."""
    if isinstance(value, str):
        return re.sub(r"\{(url|secret|topic)\}", lambda blank: blanks[blank[1]], value)
    if isinstance(value, Mapping):
        return {key: _filled(item, blanks) for key, item in value.items()}
    return [_filled(item, blanks) for item in value] if isinstance(value, list) else value
