"""A stand-in notices what is not as its description says, in requests and in answers."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.connectors.odd_server import Asked, Say
from tests.presets.published import Proxy

SHOP = json.loads(
    json.dumps(yaml.safe_load((Path(__file__).parents[1] / "connectors" / "shop.yaml").read_text()))
)
HEADERS = {"X-Region": "eu", "Content-Type": "application/json"}
CUSTOMER = {"id": 1, "updatedAt": "2026-01-02T03:04:05Z"}


def asked(method: str, path: str, body: Any = None, headers: Any = None, **params: str) -> Asked:
    content = b"" if body is None else json.dumps(body).encode()
    return Asked(method, path, params, {**HEADERS, **(headers or {})}, content)


@pytest.mark.parametrize(
    ("request_", "answer", "words"),
    [
        (asked("GET", "/customers", page="1"), {"data": [CUSTOMER]}, ""),
        (asked("POST", "/customers", {"customer": {"name": "x"}}), {"customer": CUSTOMER}, ""),
        (asked("GET", "/nowhere"), {}, "GET /nowhere is not described"),
        (asked("PATCH", "/customers/1", {}), {}, "PATCH /customers/1 is not described"),
        (asked("GET", "/customers", pg="1"), {}, "takes no parameter pg"),
        (asked("GET", "/customers", page="one"), {}, "'one' is not of type 'integer'"),
        (asked("PUT", "/customers/1", {"customer": {}}), {}, "wants the header parameter If-Match"),
        (asked("POST", "/customers", {"client": {}}), {}, "knows no client in its body"),
        (asked("POST", "/customers", {"customer": {"name": 5}}), {}, "5 is not of type 'string'"),
        (asked("GET", "/customers/1"), {"customer": {"id": 1}}, "'updatedAt' is a required property"),
    ],
)
def test_what_is_not_described_is_a_violation(request_: Asked, answer: Any, words: str) -> None:
    status = 201 if request_.method == "POST" else 200
    proxy = Proxy(SHOP, lambda _asked, _path: Say(answer, status), lambda _: True)
    said = proxy(request_)
    assert said.status == (400 if words else status)
    assert words in "".join(proxy.violations)
    assert bool(proxy.violations) is bool(words)


def test_a_value_out_of_bounds_is_refused_as_a_system_would() -> None:
    proxy = Proxy(SHOP, lambda _asked, _path: Say({}), lambda _: True)
    assert proxy(asked("POST", "/customers", {"customer": {"email": "x" * 121}})).status == 400
    assert proxy.violations == []


def test_nothing_is_a_value_where_any_of_several_kinds_or_nothing_may_be() -> None:
    shape = {"type": "object", "properties": {"line": {"type": "string"}}}
    address = {"anyOf": [shape], "nullable": True}
    answer = {"content": {"application/json": {"schema": {"properties": {"address": address}}}}}
    proxy = Proxy({"paths": {"/me": {"get": {"responses": {"200": answer}}}}}, nothing, lambda _: True)
    assert proxy(asked("GET", "/me")).status == 200
    assert proxy.violations == []


def nothing(_asked: Asked, _path: str) -> Say:
    return Say({"address": None})
