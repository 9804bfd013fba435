"""Who may tell us that records changed: every scheme, and everything that is not quite right."""

import base64
import hashlib
import hmac
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from connectors.rest.signatures import Refused, Verified, Why, verify
from connectors.rest.webhooks import HmacSigned, Signed, Webhook

NOW = datetime(2021, 2, 25, 15, 2, 30, tzinfo=UTC)
SECRET = "geheim-ключ-🔑"
BODY = '{"id": "7", "name": "Grüße 🚀"}'.encode()
STANDARD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def signed(**settings):
    return TypeAdapter(Signed).validate_python({"secret": SECRET, **settings})


def mac(content: bytes, secret: str = SECRET, algorithm: str = "sha256") -> bytes:
    return hmac.new(secret.encode(), content, getattr(hashlib, algorithm)).digest()


def stamp(at: datetime = NOW) -> str:
    return str(int(at.timestamp()))


def b64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


# what products send: the configuration, and a delivery's headers
KINDS = {
    "github": (
        signed(type="hmac", header="X-Hub-Signature-256", prefix="sha256="),
        {"X-Hub-Signature-256": f"sha256={mac(BODY).hex()}"},
    ),
    "shopify": (
        signed(type="hmac", header="X-Shopify-Hmac-Sha256", encoding="base64"),
        {"X-Shopify-Hmac-Sha256": b64(mac(BODY))},
    ),
    "stripe": (
        signed(
            type="hmac",
            header="Stripe-Signature",
            parts={"timestamp": "t", "signature": "v1"},
            content="{timestamp}.{body}",
        ),
        {
            "Stripe-Signature": f"t={stamp()},v1={'0' * 64}, v1="
            f"{mac(stamp().encode() + b'.' + BODY).hex()},v0=1"
        },
    ),
    "slack": (
        signed(
            type="hmac",
            header="X-Slack-Signature",
            prefix="v0=",
            timestamp="X-Slack-Request-Timestamp",
            content="v0:{timestamp}:{body}",
        ),
        {
            "X-Slack-Request-Timestamp": stamp(),
            "X-Slack-Signature": f"v0={mac(b'v0:' + stamp().encode() + b':' + BODY).hex()}",
        },
    ),
    "sha512": (
        signed(type="hmac", header="X-Sum", algorithm="sha512", encoding="base64"),
        {"X-Sum": b64(mac(BODY, algorithm="sha512"))},
    ),
    "milliseconds": (
        signed(
            type="hmac",
            header="X-Sum",
            timestamp="X-Time",
            id="X-Id",
            time="milliseconds",
            content="{id}|{timestamp}|{body}",
        ),
        {
            "X-Time": stamp() + "000",
            "X-Id": "{body}",  # what fills a blank is not looked into again
            "X-Sum": mac(b"{body}|" + stamp().encode() + b"000|" + BODY).hex(),
        },
    ),
    # made with the library of Standard Webhooks, 1.1.0
    "standard": (
        signed(type="standard", secret=STANDARD),
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1a,AAAA v1,32548LaG9S5Ub4gwOlK1WK7WF6Ig3yFf1WmcK2ydIIw=",
        },
    ),
    "secret header": (
        signed(type="header", header="Authorization", prefix="Bearer "),
        {"Authorization": "Bearer " + SECRET.encode().decode("latin-1")},
    ),
}
BODIES = {"standard": '{"name": "Grüße 🚀"}'.encode()}
TIMED = ("stripe", "slack", "milliseconds", "standard")


def why(kind: str, headers: dict[str, str], body: bytes | None = None, now: datetime = NOW) -> Why:
    with pytest.raises(Refused) as refused:
        verify(KINDS[kind][0], headers, BODIES.get(kind, BODY) if body is None else body, now)
    return refused.value.why


@pytest.mark.parametrize("kind", KINDS)
def test_a_delivery_of_each_kind_is_taken_whatever_the_case_of_its_headers(kind: str) -> None:
    scheme, headers = KINDS[kind]
    body = BODIES.get(kind, BODY)
    found = verify(scheme, headers, body, NOW)
    assert found == verify(scheme, {name.upper(): v for name, v in headers.items()}, body, NOW)
    assert (found.sent_at is not None) == (kind in TIMED)


def test_the_id_counts_only_where_it_is_signed() -> None:
    assert verify(*KINDS["standard"], BODIES["standard"], NOW).id == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    unsigned = signed(type="hmac", header="X-Sum", id="X-Id")
    assert verify(unsigned, {"X-Sum": mac(BODY).hex(), "X-Id": "1"}, BODY, NOW) == Verified()


@pytest.mark.parametrize("kind", KINDS)
def test_another_secret_is_refused_and_the_one_before_is_taken_while_it_is_named(kind: str) -> None:
    scheme, headers = KINDS[kind]
    new = STANDARD[:-1] + "x" if kind == "standard" else "another-secret"
    body = BODIES.get(kind, BODY)
    other = scheme.model_dump() | {"secret": new}
    with pytest.raises(Refused) as refused:
        verify(TypeAdapter(Signed).validate_python(other), headers, body, NOW)
    assert refused.value.why is Why.FORGED
    both = TypeAdapter(Signed).validate_python(other | {"previous": scheme.secret})
    assert verify(both, headers, body, NOW) == verify(scheme, headers, body, NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value", [None, "", "x", "ä", "=", "v1,", "t=1,v1=", "v0=", "sha256=", "\x00", "é" * 300]
)
def test_a_header_that_is_missing_or_no_signature_is_no_error_but_refused(
    kind: str, value: str | None
) -> None:
    headers = dict(KINDS[kind][1])
    name = list(headers)[-1]
    if value is None:
        del headers[name]
    else:
        headers[name] = value
    assert why(kind, headers) in (Why.UNSIGNED, Why.FORGED)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "secret header"])
def test_a_changed_or_cut_body_is_refused(kind: str) -> None:
    body = BODIES.get(kind, BODY)
    for other in (body[:-1], body + b" ", b"", body.replace(b"n", b"m")):
        assert why(kind, KINDS[kind][1], other) is Why.FORGED


@pytest.mark.parametrize("kind", TIMED)
def test_a_replay_is_refused_as_such_and_a_time_that_was_changed_as_forged(kind: str) -> None:
    headers = KINDS[kind][1]
    for late in (timedelta(minutes=5, seconds=31), -timedelta(minutes=6)):
        assert why(kind, headers, now=NOW + late) is Why.OLD
    changed = {n: v.replace("1614265", "1614266") for n, v in headers.items()}
    assert changed != headers
    assert why(kind, changed) is Why.FORGED


def test_of_many_signatures_only_some_are_looked_at() -> None:
    headers = KINDS["standard"][1]
    right = headers["webhook-signature"].split()[1]
    many = {**headers, "webhook-signature": " ".join(["v1,AAAA"] * 1000 + [right])}
    assert why("standard", many) is Why.FORGED


@pytest.mark.parametrize("time", ["", "soon", "nan", "inf", "-1e400", "9" * 400, "1e30", "²"])
def test_a_time_that_is_none_is_refused_though_it_is_signed(time: str) -> None:
    scheme = signed(type="hmac", header="S", timestamp="T", content="{timestamp}{body}")
    headers = {"T": time, "S": mac(time.encode("latin-1", "replace") + BODY).hex()}
    with pytest.raises(Refused) as refused:
        verify(scheme, headers, BODY, NOW)
    assert refused.value.why is Why.UNSIGNED


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["S", "T", "X"]), st.text(max_size=80)), st.binary(max_size=80))
def test_nothing_that_anybody_sends_is_taken_or_an_error(headers: dict[str, str], body: bytes) -> None:
    for encoding in ("hex", "base64"):
        scheme = signed(
            type="hmac", header="S", timestamp="T", content="{timestamp}{body}", encoding=encoding
        )
        with pytest.raises(Refused):
            verify(scheme, headers, body, NOW)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    secret=st.text(min_size=1, max_size=40),
    body=st.binary(max_size=200),
    content=st.sampled_from(["{body}", "{body}.x", "v:{body}"]),
    prefix=st.text(string.ascii_letters + "=:", max_size=8),
    algorithm=st.sampled_from(["sha256", "sha512"]),
)
def test_what_is_signed_as_configured_is_taken(
    secret: str, body: bytes, content: str, prefix: str, algorithm: str
) -> None:
    scheme = HmacSigned(
        type="hmac", secret=secret, header="S", content=content, prefix=prefix, algorithm=algorithm
    )
    whole = content.encode().replace(b"{body}", body)
    headers = {"S": prefix + mac(whole, secret, algorithm).hex()}
    assert verify(scheme, headers, body, NOW) == Verified()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"type": "hmac", "content": "body"}, "content holds {body} once"),
        ({"type": "hmac", "timestamp": "T"}, "a time counts only if it is signed"),
        ({"type": "hmac", "content": "{timestamp}{body}"}, "a time counts only if it is signed"),
        ({"type": "hmac", "content": "{id}{body}"}, "name the header that holds it"),
        ({"type": "hmac", "secret": "", "header": "S"}, "is empty"),
        ({"type": "hmac", "secret": "zz", "secret_encoding": "hex"}, "is not hex"),
        ({"type": "standard", "secret": "geheim!"}, "no secret of Standard Webhooks"),
        ({"type": "header", "secret": "short"}, "at least 8"),
        ({"type": "hmac", "algorithm": "md5"}, "'sha256' or 'sha512'"),
    ],
)
def test_a_configuration_that_would_prove_nothing_is_refused(settings: dict[str, str], words: str) -> None:
    header = {} if settings["type"] == "standard" else {"header": "S"}
    with pytest.raises(ValidationError) as error:
        Webhook.model_validate({"signed": {"secret": SECRET, **header, **settings}})
    assert words in str(error.value)
    assert "geheim!" not in str(error.value)
