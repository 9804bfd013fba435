"""Texts about answers: what an error's body tells a person, and every way a secret may stand in a text."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

_WORDS = ("message", "error", "error_description", "detail", "title", "description", "reason")


def sentences(data: Any, place: str) -> list[str]:
    """What an error's body tells a person: its messages, with the field that each is about."""
    if isinstance(data, str):
        return [f"{place}: {data}" if place else data]
    if isinstance(data, list):
        return [sentence for part in data for sentence in sentences(part, place)]
    if not isinstance(data, dict):
        return []
    found = []
    for name in _WORDS:
        if data.get(name):
            found += sentences(data[name], place)
    for name, part in data.items():
        if name not in _WORDS and isinstance(part, dict | list):
            inner = place if name in ("data", "errors", "details", "response", "requests") else name
            found += (
                []
                if isinstance(part, list) and not any(isinstance(p, dict) for p in part)
                else sentences(part, inner)
            )
    return found


def forms(secret: str) -> set[str]:
    """A secret as it may stand in a text, in JSON, in an address."""
    return {
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        quote(secret),
        quote_plus(secret),
    }
