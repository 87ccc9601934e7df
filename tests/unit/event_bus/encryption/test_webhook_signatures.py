"""Deliveries are signed as Standard Webhooks says; a library that is not ours agrees."""

import base64
import time

import pytest
from event_bus.encryption.webhook_signatures import new_secret, signed_headers
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tests.builders import SECRET


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.text().map(lambda text: f'{{"text":"{text.encode().hex()}"}}'.encode()))
def test_the_reference_library_accepts_every_signature(body: bytes) -> None:
    secret = new_secret()
    Webhook(secret).verify(body, signed_headers("evt_1", int(time.time()), body, [secret]))


def test_a_body_that_is_not_ascii_is_signed_byte_for_byte() -> None:
    body = '{"text":"Größe 😀"}'.encode()
    headers = signed_headers("evt_1", int(time.time()), body, [SECRET])
    assert Webhook(SECRET).verify(body, headers) == {"text": "Größe 😀"}


def test_the_headers_are_the_three_of_the_standard() -> None:
    headers = signed_headers("evt_1", 1_700_000_000, b"{}", [SECRET])
    assert set(headers) == {"webhook-id", "webhook-timestamp", "webhook-signature"}
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["webhook-signature"].startswith("v1,")


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({}, b'{"a":2}'),
        ({"webhook-id": "evt_2"}, b'{"a":1}'),
        ({"webhook-timestamp": str(int(time.time()) - 1)}, b'{"a":1}'),
    ],
)
def test_any_change_breaks_the_signature(changed: dict[str, str], body: bytes) -> None:
    headers = signed_headers("evt_1", int(time.time()), b'{"a":1}', [SECRET])
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body, {**headers, **changed})


def test_each_secret_of_several_fits() -> None:
    secrets = [new_secret(), new_secret()]
    headers = signed_headers("evt_1", int(time.time()), b"{}", secrets)
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in secrets:
        Webhook(secret).verify(b"{}", headers)


def test_another_secret_does_not_fit() -> None:
    headers = signed_headers("evt_1", int(time.time()), b"{}", [new_secret()])
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b"{}", headers)


def test_a_secret_has_32_random_bytes() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
