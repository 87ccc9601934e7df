"""What is sealed opens for its own event alone, and KMS is asked for few keys."""

import base64
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from event_bus.encryption import data_keys
from event_bus.encryption.data_keys import KEPT_ANSWERS, LIFETIME_SECONDS, DataKey, DataKeys
from event_bus.encryption.payload_seal import NotOpened, PayloadSeal
from event_bus.model.event import INLINE_PAYLOAD_BYTES, Event

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import event
from tests.clock import Clock
from tests.faults import not_sent

SECRET = "ada@example.com"
PAYLOAD = {"email": SECRET, "total": 250}


def sealed(aws: Aws, **members: Any) -> Event:
    return aws.seal.close(event(payload=PAYLOAD, **members), ["/email"])


def test_sealed_values_are_seen_nowhere_and_open_again(aws: Aws) -> None:
    before = event(payload=PAYLOAD)
    closed = aws.seal.close(before, ["/email"])
    assert closed.payload == b'{"email":{"$encrypted":true},"total":250}'
    assert SECRET not in repr(closed)
    assert base64.b64encode(SECRET.encode()).decode() not in repr(closed)
    assert closed.digest != before.digest
    # The sealed part counts as a part of the payload.
    assert closed.payload_bytes == len(closed.payload) + len(closed.sealed or "")
    assert replace(aws.seal.open(closed), digest=before.digest) == before


def test_numbers_stay_as_they_were_sent(aws: Aws) -> None:
    payload = b'{"amount":0.10000000000000001,"total":1e-400}'
    before = replace(event(), payload=payload)
    closed = aws.seal.close(before, ["/amount"])
    assert closed.payload == b'{"amount":{"$encrypted":true},"total":1e-400}'
    assert aws.seal.open(closed).payload == payload


def test_a_payload_without_sensitive_members_needs_no_data_key(aws: Aws) -> None:
    made = event(payload=PAYLOAD)
    with pytest.raises(AssertionError, match="not called"), not_sent(aws.kms, "GenerateDataKey"):
        assert aws.seal.close(made, ["/nobody"]) is made
    assert aws.seal.open(made) is made
    empty = replace(made, payload=None)
    assert aws.seal.close(empty, ["/email"]) is empty


@pytest.mark.parametrize(
    "change", [{"id": "evt_2"}, {"type": "task.closed"}, {"source": "other"}, {"sealed": "AAAA"}]
)
def test_a_sealed_payload_opens_only_for_its_own_event(aws: Aws, change: dict[str, Any]) -> None:
    with pytest.raises(NotOpened):
        aws.seal.open(replace(sealed(aws), **change))


def test_a_changed_seal_does_not_open(aws: Aws) -> None:
    closed = sealed(aws)
    raw = bytearray(base64.b64decode(closed.sealed or ""))
    for place in (0, 12, len(raw) - 1):
        changed = bytes([*raw[:place], raw[place] ^ 1, *raw[place + 1 :]])
        with pytest.raises(NotOpened):
            aws.seal.open(replace(closed, sealed=base64.b64encode(changed).decode()))
    nested = aws.seal.close(event(payload={"customer": {"email": SECRET}}), ["/customer/email"])
    for payload in (b"[]", b"{", b"7", b'{"customer":1}', None):
        with pytest.raises(NotOpened):
            aws.seal.open(replace(nested, payload=payload))
    with pytest.raises(NotOpened):
        aws.seal.open(replace(closed, sealed=None))
    forged = base64.b64encode(b"no key of KMS").decode()
    with pytest.raises(NotOpened):
        aws.seal.open(replace(closed, sealed_key=forged))
    for longer in (
        replace(closed, sealed=f"*{closed.sealed}"),
        replace(closed, sealed_key=f"*{closed.sealed_key}"),
    ):
        with pytest.raises(NotOpened):
            aws.seal.open(longer)


def test_equal_payloads_are_sealed_differently(aws: Aws) -> None:
    first, second = sealed(aws), sealed(aws)
    assert first.sealed_key == second.sealed_key
    assert first.sealed != second.sealed


def test_a_digest_is_recognised_only_with_its_key(aws: Aws) -> None:
    plain, other = event(payload=PAYLOAD), event(payload={"email": "eve@example.com"})
    closed = sealed(aws)
    elsewhere = PayloadSeal(DataKeys(aws.kms, aws.sealing_key))
    assert elsewhere.is_digest(plain.digest, closed)
    assert not elsewhere.is_digest(other.digest, closed)
    assert elsewhere.is_digest(plain.digest, plain)
    assert not elsewhere.is_digest(plain.digest, other)


def test_the_digest_of_an_event_that_is_stored_already_is_recognised() -> None:
    client: Any = SimpleNamespace(decrypt=lambda **_: {"Plaintext": b"k" * 32})
    stored = replace(
        event(),
        sealed_key=base64.b64encode(b"key").decode(),
        # HMAC-SHA256 of "abc" under HMAC-SHA256 of "digest" under the data key.
        digest="f403cfdbad0081056a46f84e1152e7f88732afbb9d2b0da1c03bb2cdb77054ae",
    )
    assert PayloadSeal(DataKeys(client, "key")).is_digest("abc", stored)


@pytest.mark.parametrize("more", [0, INLINE_PAYLOAD_BYTES])
def test_a_sealed_event_is_stored_and_read_unchanged(aws: Aws, more: int) -> None:
    payload = {"email": SECRET + "x" * more, "total": 250}
    closed = aws.seal.close(event(payload=payload), ["/email"])
    assert closed.inline is (more == 0)
    aws.events.put(closed, RETENTION_DAYS)
    stored = aws.events.get(closed.id)
    assert stored == closed
    assert orjson.loads(aws.seal.open(stored).payload or b"") == payload


class Timed:
    """Data keys of a clock of ours, and how often KMS was asked."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.keys = DataKeys(aws.kms, aws.sealing_key, self.clock)
        self.asked = {"generate_data_key": 0, "decrypt": 0}
        for name in self.asked:
            monkeypatch.setattr(aws.kms, name, self._counting(name, getattr(aws.kms, name)))

    def _counting(self, name: str, ask: Any) -> Any:
        def counted(**request: Any) -> Any:
            self.asked[name] += 1
            return ask(**request)

        return counted


def test_kms_is_asked_for_keys_of_256_bits_for_one_purpose() -> None:
    # The roles' policies ask for the purpose, and what is sealed already opens by this alone.
    asked: list[dict[str, Any]] = []

    def generate(**request: Any) -> dict[str, bytes]:
        asked.append(request)
        return {"Plaintext": b"plain", "CiphertextBlob": b"sealed"}

    def decrypt(**request: Any) -> dict[str, bytes]:
        asked.append(request)
        return {"Plaintext": b"opened"}

    client: Any = SimpleNamespace(generate_data_key=generate, decrypt=decrypt)
    keys = DataKeys(client, "key", purpose=KEPT_ANSWERS)
    assert keys.for_sealing() == DataKey(b"plain", b"sealed")
    assert keys.opened(b"other") == b"opened"
    context = {"purpose": "kept-answer"}
    assert asked == [
        {"KeyId": "key", "KeySpec": "AES_256", "EncryptionContext": context},
        {"KeyId": "key", "CiphertextBlob": b"other", "EncryptionContext": context},
    ]
    assert DataKeys(client, "key").purpose == "event-payload"


def test_a_data_key_serves_for_a_while(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = Timed(aws, monkeypatch)
    first = timed.keys.for_sealing()
    timed.clock.now += LIFETIME_SECONDS - 1
    assert timed.keys.for_sealing() == first
    assert timed.keys.opened(first.sealed) == first.plain
    assert timed.asked == {"generate_data_key": 1, "decrypt": 0}
    timed.clock.now += 1
    assert timed.keys.for_sealing() != first
    assert timed.keys.opened(first.sealed) == first.plain
    assert timed.asked == {"generate_data_key": 2, "decrypt": 1}


def test_a_data_key_serves_so_many_events(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_keys, "MOST_USES", 3)
    timed = Timed(aws, monkeypatch)
    used = [timed.keys.for_sealing().sealed for _ in range(7)]
    assert len(set(used)) == 3
    assert timed.asked["generate_data_key"] == 3


def test_a_request_that_kms_did_not_answer_can_be_repeated(aws: Aws) -> None:
    with not_sent(aws.kms, "GenerateDataKey"), pytest.raises(ConnectionClosedError):
        sealed(aws)
    closed, elsewhere = sealed(aws), PayloadSeal(DataKeys(aws.kms, aws.sealing_key))
    with not_sent(aws.kms, "Decrypt"), pytest.raises(ConnectionClosedError):
        elsewhere.open(closed)
    assert elsewhere.open(closed).payload == orjson.dumps(PAYLOAD)


def test_a_key_that_may_not_be_used_is_no_forgery(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = sealed(aws)

    def refused(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "KMSInvalidStateException"}}, "Decrypt")

    monkeypatch.setattr(aws.kms, "decrypt", refused)
    with pytest.raises(ClientError):
        PayloadSeal(DataKeys(aws.kms, aws.sealing_key)).open(closed)
