"""The address that systems send webhooks to."""

import json
from io import BytesIO

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rq import Queue

from syncadmin import hooks, jobs
from syncadmin.config import secrets
from syncadmin.models import Delivery, HookDay, System
from syncadmin.views.hooks import receive

SIGNED = {"type": "header", "header": "X-Token", "secret": "${HOOK}"}
TOKEN = {"X-Token": "geheim-genug"}


@pytest.fixture
def queue(settings, valkey_url: str) -> Queue:
    from django_rq import get_queue

    settings.RQ_QUEUES = {"default": {**settings.RQ_QUEUES["default"], "URL": valkey_url}}
    return get_queue()


def a_system(name: str = "shop", **webhook) -> System:
    config = {"base_url": "https://shop.example.com", "webhook": {"signed": SIGNED, **webhook}}
    system = System(name=name, connector="rest", config=config)
    secrets.put(system, "HOOK", TOKEN["X-Token"])
    system.save()
    return system


def post(payload=b'{"id": 1}', headers=TOKEN, path: str = "/hooks/shop/", **extra):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    client = Client(enforce_csrf_checks=True)
    return client.post(path, body, content_type="application/json", headers=headers, **extra)


def figures(system: System) -> dict[str, int]:
    found = hooks.figures(system, timezone.now().date())
    return {name: number for name, number in found.items() if number}


@pytest.mark.django_db
def test_a_delivery_is_kept_and_a_job_waits_with_one_insert_and_no_session(queue: Queue) -> None:
    a_system()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        answer = post()
    assert answer.status_code == 202
    assert not answer.cookies
    assert [query["sql"].split()[0] for query in asked.captured_queries] == ["SELECT", "INSERT"]
    assert bytes(Delivery.objects.get().body) == b'{"id": 1}'
    post()
    assert [job.func for job in queue.jobs] == [jobs.handle_hooks]  # one job for both
    assert Delivery.objects.count() == 2  # without an id nobody knows whether it is the same


@pytest.mark.django_db
def test_what_proves_nothing_is_counted_and_not_kept(queue: Queue) -> None:
    system = a_system(max_bytes=1024)
    assert post(headers={}).status_code == 401
    assert post(headers={"X-Token": "geheim-genuG"}).status_code == 401
    assert post(b"x" * 1025).status_code == 413
    assert not Delivery.objects.exists()
    assert len(queue) == 0
    assert figures(system) == {"unsigned": 1, "forged": 1, "large": 1}
    hooks.keep_counts()
    hooks.keep_counts()
    assert figures(system) == {"unsigned": 1, "forged": 1, "large": 1}
    assert HookDay.objects.get().forged == 1


@pytest.mark.django_db
def test_the_body_of_what_is_too_large_is_not_even_read() -> None:
    a_system()

    class Body:
        def read(self, *_):
            raise AssertionError("read")

    given = {"99999999999999999999": 413, "300000": 413, "": 411, "-1": 411, "x": 411}
    for length, status in given.items():
        request = RequestFactory().post("/hooks/shop/", b"{}", content_type="application/json")
        request.META["CONTENT_LENGTH"], request._stream = length, Body()
        assert receive(request, "shop").status_code == status


@pytest.mark.django_db
def test_a_body_in_chunks_is_taken_as_far_as_it_may_be_long(queue: Queue) -> None:
    system = a_system(max_bytes=1024)

    class Chunks(BytesIO):
        taken = 0

        def read(self, size=-1):
            piece = super().read(min(size, 100))  # a server gives what has come
            self.taken += len(piece)
            return piece

    def chunked(body: bytes, **of_server) -> tuple[int, int]:
        request = RequestFactory().post("/hooks/shop/", headers={**TOKEN, "Transfer-Encoding": "chunked"})
        stream = Chunks(body)
        request.META |= {"wsgi.input": stream, "CONTENT_LENGTH": "", **of_server}
        return receive(request, "shop").status_code, stream.taken

    whole = json.dumps({"id": "x" * 1000}).encode()
    assert chunked(whole) == (411, 0)  # a server that leaves the end to the connection would wait for ever
    terminated = {"wsgi.input_terminated": True}
    assert chunked(whole, **terminated) == (202, len(whole))
    assert bytes(Delivery.objects.get().body) == whole
    assert chunked(b"x" * 10_000, **terminated) == (413, 1025)
    assert chunked(b"", **terminated, HTTP_X_TOKEN="another") == (401, 0)
    assert figures(system) == {"large": 1, "forged": 1}


@pytest.mark.django_db
def test_a_delivery_with_an_id_is_handled_once_and_one_with_another_body_is_another(queue: Queue) -> None:
    system = a_system(id="event")
    for payload in ({"event": "e1", "id": 1}, {"event": "e1", "id": 1}, {"event": "e1", "id": 2}, {"id": 1}):
        assert post(payload).status_code == 202
    assert list(Delivery.objects.order_by("id").values_list("event_id", "repeats")) == [
        ("e1", 1),
        ("e1", 0),
        ("", 0),
    ]
    assert figures(system) == {"repeated": 1}
    hooks.handle()
    assert figures(system) == {"repeated": 1, "taken": 3}


@pytest.mark.django_db
def test_who_sends_elsewhere_or_otherwise_is_told_no_more_than_that() -> None:
    a_system()
    System.objects.create(name="crm", connector="sql", config={"url": "sqlite:///x"})
    unset = a_system("unset")
    unset.secrets = {}
    unset.save()
    assert post(path="/hooks/nobody/").status_code == 404
    assert post(path="/hooks/crm/").status_code == 404
    assert post(path="/hooks/unset/").status_code == 503
    refused = Client().get("/hooks/shop/")
    assert (refused.status_code, refused["Allow"]) == (405, "POST")
    assert refused["Content-Type"].startswith("text/plain")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "query", "status", "text"),
    [
        ("get", "hub.challenge=<b>1&hub.verify=agreed", 200, "<b>1"),
        ("get", "hub.challenge=1&hub.verify=guessed", 401, "refused"),
        ("get", "hub.challenge=1", 401, "refused"),
        ("get", "x=1", 405, "POST only"),
        ("post", "hub.challenge=1&hub.verify=agreed", 401, "refused"),
        ("get", "hub.verify=agreed&hub.challenge=" + "y" * 2000, 200, "y" * 1000),
    ],
)
def test_a_system_that_asks_first_whether_the_address_is_right_is_answered(
    method, query, status, text
) -> None:

    challenge = {"type": "query", "param": "hub.challenge", "token_param": "hub.verify", "token": "${HOOK}"}
    system = a_system(challenge=challenge)
    secrets.put(system, "HOOK", "agreed")
    system.config["webhook"]["signed"] = {**SIGNED, "secret": "${HOOK}-and-more"}
    system.save()
    answer = getattr(Client(), method)(f"/hooks/shop/?{query}")
    assert (answer.status_code, answer.content.decode()) == (status, text)
    assert answer["Content-Type"].startswith("text/plain")
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.django_db
def test_a_signed_question_in_the_body_is_answered_and_kept_from_the_list() -> None:
    a_system(challenge={"type": "body", "challenge": "challenge"})
    assert post({"challenge": "abc"}, headers={}).status_code == 401
    assert post({"challenge": "abc"}).content == b"abc"
    assert not Delivery.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("body", [b" ", b"\x00", b"\xff\xfe", b"[" * 90_000, b'{"id": "\\ud800"}', b"null"])
def test_a_signed_body_that_is_nonsense_is_kept_and_told(body: bytes) -> None:
    a_system(id="event")
    assert post(body).status_code == 202
    hooks.handle()
    delivery = Delivery.objects.get()
    assert delivery.state in ("failed", "done")
    assert delivery.told


@pytest.mark.django_db
def test_no_more_deliveries_are_kept_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    system = a_system()
    monkeypatch.setattr(hooks, "KEPT", 5)
    monkeypatch.setattr(hooks, "KEPT_BYTES", 30)
    monkeypatch.setattr(hooks, "MOST_WAITING", 7)
    for number in range(9):
        post({"id": number})
    hooks.trim_waiting(system.pk)
    assert Delivery.objects.count() == 7
    hooks.handle()
    kept = list(Delivery.objects.order_by("-id").values_list("size", "body"))
    assert len(kept) == 5
    assert [bytes(body) != b"" for _size, body in kept] == [True, True, True, False, False]
