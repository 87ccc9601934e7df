"""Signatures, held against the library of the Standard Webhooks project."""

import base64
import json
from datetime import UTC, datetime

import pytest
from event_bus_client import SignatureError, Webhook
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Reference

from tests.unit.clients.received import SECRET, received

NOW = 1_777_636_800
OTHER = "whsec_" + base64.b64encode(bytes(32)).decode()
BODY = json.dumps(received(correlation_id="cart-7", chosen="by the publisher")).encode()


def headers(body: bytes = BODY, secret: str = SECRET, at: int = NOW) -> dict[str, str]:
    signature = Reference(secret).sign("dlv_1", datetime.fromtimestamp(at, UTC), body.decode())
    return {
        "Webhook-Id": "dlv_1",
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": signature,
    }


def webhook(*secrets: str) -> Webhook:
    return Webhook(secrets or (SECRET,), clock=lambda: NOW)


def test_a_signed_event_is_read() -> None:
    event = webhook().verify(headers(), BODY)
    assert event.id == "order-1"
    assert event.payload == {"total": 250}
    assert event.metadata.correlation_id == "cart-7"
    assert event.metadata.model_extra == {"chosen": "by the publisher"}


@given(st.text(st.characters(codec="utf-8")))
def test_any_body_that_the_reference_signs_is_accepted(body: str) -> None:
    assert webhook().check(headers(body.encode()), body.encode()) == "dlv_1"


@given(st.binary(max_size=40), st.integers(0, 255))
def test_no_other_body_is_accepted(body: bytes, place: int) -> None:
    changed = bytearray(BODY)
    changed[place % len(BODY)] ^= 1 + place % 7
    for each in (bytes(changed), body):
        with pytest.raises(SignatureError):
            webhook().check(headers(), each)


def test_either_secret_fits_while_one_is_replaced() -> None:
    both = headers()
    both["Webhook-Signature"] = "v1a,xyz v1,!! " + headers(secret=OTHER)["Webhook-Signature"]
    assert webhook(SECRET, OTHER).check(both, BODY)
    with pytest.raises(SignatureError, match="No signature"):
        webhook(SECRET).check(both, BODY)


@pytest.mark.parametrize("version", ["v2", "v1a", "V1", "v", ""])
def test_signatures_of_other_versions_do_not_count(version: str) -> None:
    sent = headers()
    other = sent["Webhook-Signature"].replace("v1,", f"{version},")
    with pytest.raises(SignatureError, match="No signature"):
        webhook().check({**sent, "Webhook-Signature": other}, BODY)


@pytest.mark.parametrize(("at", "fits"), [(-300, True), (-301, False), (300, True), (301, False)])
def test_webhooks_have_an_age(at: int, fits: bool) -> None:
    sent = headers(at=NOW + at)
    if fits:
        assert webhook().check(sent, BODY)
    else:
        with pytest.raises(SignatureError, match="too old"):
            webhook().check(sent, BODY)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_missing_header_is_named(name: str) -> None:
    sent = headers()
    del sent[name]
    with pytest.raises(SignatureError, match=name.lower()):
        webhook().check(sent, BODY)


@pytest.mark.parametrize("timestamp", ["", "now", "-5", "1.5", "\u0661\u0662", "1e9"])
def test_a_timestamp_is_a_number_of_seconds(timestamp: str) -> None:
    with pytest.raises(SignatureError):
        webhook().check(headers() | {"Webhook-Timestamp": timestamp}, BODY)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
@pytest.mark.parametrize("text", ["\udcff", "v1,\ud800", "\x00", "é", "9" * 5_000])
def test_a_wrong_header_raises_only_a_signature_error(name: str, text: str) -> None:
    # aiohttp passes bytes that are not UTF-8 as surrogates.
    with pytest.raises(SignatureError):
        webhook().check(headers() | {name: text}, BODY)


def test_a_wrong_body_raises_only_a_signature_error() -> None:
    for body in (BODY.decode() + "\udcff", "\ud800"):
        with pytest.raises(SignatureError, match="No signature"):
            webhook().check(headers(), body)


def test_a_secret_may_end_with_a_line_break() -> None:
    assert Webhook(f" {SECRET}\r\n", clock=lambda: NOW).check(headers(), BODY) == "dlv_1"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "abc"])
def test_a_secret_is_base64(secret: str) -> None:
    with pytest.raises(SignatureError):
        Webhook(secret)


def test_a_signed_body_that_is_no_event_is_refused() -> None:
    body = b'{"id": 1}'
    with pytest.raises(SignatureError, match=r"not an event.*transform, use `check`"):
        webhook().verify(headers(body), body)
