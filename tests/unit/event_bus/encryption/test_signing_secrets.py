"""Signing secrets are kept sealed, each for its subscription, and replaced with an overlap."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus import times
from event_bus.encryption.signing_secrets import (
    MAX_SECRETS,
    SecretNotOpened,
    SigningSecrets,
    rotated,
)
from event_bus.model.subscription import SealedSecret

from tests.aws import Aws
from tests.builders import SECRET, subscription
from tests.faults import not_sent

NEW = SealedSecret("new")


def test_a_secret_is_sealed_and_opened(aws: Aws) -> None:
    made = aws.signed(subscription())
    [kept] = made.signing_secrets
    assert SECRET not in kept.sealed
    assert aws.signing_secrets.of(made) == [SECRET]


def test_a_signing_secret_is_opened_once_in_a_process(aws: Aws) -> None:
    made, secrets = aws.signed(subscription()), aws.signing_secrets
    with not_sent(aws.kms, "Decrypt"):
        with pytest.raises(SecretNotOpened, match="KMS did not answer") as failure:
            secrets.of(made)
        assert not failure.value.damaged
        secrets.of(made)
    with pytest.raises(AssertionError, match="not called"), not_sent(aws.kms, "Decrypt"):
        secrets.of(made)


def test_each_delivery_is_signed_with_the_secrets_of_its_own_subscription() -> None:
    asked: list[dict[str, Any]] = []

    def decrypt(**request: Any) -> dict[str, bytes]:
        asked.append(request)
        return {"Plaintext": request["CiphertextBlob"] + b" opened"}

    client: Any = SimpleNamespace(decrypt=decrypt)
    secrets = SigningSecrets(client, "key")
    sealed = {"one": "b25l", "two": "dHdv", "three": "dGhyZWU="}
    first = subscription("sub_1", signing_secrets=(SealedSecret(sealed["one"]),))
    second = subscription(
        "sub_2", signing_secrets=(SealedSecret(sealed["two"]), SealedSecret(sealed["three"]))
    )
    for _ in range(2):
        assert secrets.of(first) == ["one opened"]
        assert secrets.of(second) == ["two opened", "three opened"]
    assert asked == [
        {
            "KeyId": "key",
            "CiphertextBlob": text.encode(),
            "EncryptionContext": {"purpose": "signing-secret", "subscription": subscription_id},
        }
        for subscription_id, text in (("sub_1", "one"), ("sub_2", "two"), ("sub_2", "three"))
    ]


def test_a_signing_secret_opens_only_for_its_own_subscription(aws: Aws) -> None:
    made, secrets = aws.signed(subscription("sub_1")), aws.signing_secrets
    with pytest.raises(SecretNotOpened, match="damaged") as failure:
        secrets.of(replace(made, id="sub_2"))
    assert failure.value.damaged


@pytest.mark.parametrize("sealed", ["no base64", "c2VhbGVk"])
def test_a_secret_that_is_not_what_kms_made_is_damaged(aws: Aws, sealed: str) -> None:
    made = subscription(signing_secrets=(SealedSecret(sealed),))
    with pytest.raises(SecretNotOpened) as failure:
        aws.signing_secrets.of(made)
    assert failure.value.damaged


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_a_secret_that_kms_refuses_to_open_is_not_damaged(code: str) -> None:
    def decrypt(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Decrypt")

    client: Any = SimpleNamespace(decrypt=decrypt)
    made = subscription(signing_secrets=(SealedSecret("b25l"),))
    with pytest.raises(SecretNotOpened, match=code) as failure:
        SigningSecrets(client, "key").of(made)
    assert not failure.value.damaged


def test_a_rotation_repairs_a_subscription_whose_secret_is_damaged(aws: Aws) -> None:
    made = aws.signed(subscription())
    [good] = made.signing_secrets
    damaged = SealedSecret("b25l", int(times.unix()) + 60)
    assert aws.signing_secrets.of(replace(made, signing_secrets=(good, damaged))) == [SECRET]
    with pytest.raises(SecretNotOpened):
        aws.signing_secrets.of(replace(made, signing_secrets=(damaged, good)))


def test_the_encryption_context_names_the_use_of_a_secret() -> None:
    # The roles' policies ask for the purpose, and what is sealed already opens by this alone.
    asked: list[dict[str, Any]] = []

    def encrypt(**request: Any) -> dict[str, bytes]:
        asked.append(request)
        return {"CiphertextBlob": b"sealed"}

    client: Any = SimpleNamespace(encrypt=encrypt)
    assert SigningSecrets(client, "key").seal(SECRET, "sub_1") == SealedSecret("c2VhbGVk")
    assert asked == [
        {
            "KeyId": "key",
            "Plaintext": SECRET.encode(),
            "EncryptionContext": {"purpose": "signing-secret", "subscription": "sub_1"},
        }
    ]


def test_the_one_before_signs_until_its_time() -> None:
    now = times.unix()
    latest, before = rotated([SealedSecret("old")], NEW, overlap=60)
    assert latest == NEW
    assert before.until
    assert now + 58 < before.until <= now + 61
    assert rotated([SealedSecret("old")], NEW, overlap=0) == (NEW,)


def test_a_rotation_does_not_prolong_a_secret_that_ends_sooner() -> None:
    soon = int(times.unix()) + 5
    ended = SealedSecret("ended", int(times.unix()) - 1)
    secrets = rotated([SealedSecret("old"), SealedSecret("older", soon), ended], NEW, overlap=60)
    assert [each.sealed for each in secrets] == ["new", "old", "older"]
    assert secrets[2].until == soon


def test_the_oldest_go_where_there_are_too_many() -> None:
    secrets: tuple[SealedSecret, ...] = ()
    for number in range(6):
        secrets = rotated(secrets, SealedSecret(str(number)), overlap=60)
    assert [each.sealed for each in secrets] == ["5", "4", "3"]
    assert len(secrets) == MAX_SECRETS


def test_an_ended_secret_does_not_sign(aws: Aws) -> None:
    made = aws.signed(subscription())
    [kept] = made.signing_secrets
    over = replace(made, signing_secrets=(kept, kept.ending(int(times.unix()) - 1)))
    assert aws.signing_secrets.of(over) == [SECRET]
