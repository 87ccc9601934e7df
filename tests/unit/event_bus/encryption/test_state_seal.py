"""A sealed state opens unchanged, at its own place alone."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.payload_seal import NotOpened
from event_bus.encryption.state_seal import StateSeal

from tests.aws import Aws

STATE = b'{"email":"ada@example.com"}'


def elsewhere(aws: Aws) -> StateSeal:
    """A seal in another process, which knows no data key yet."""
    return StateSeal(DataKeys(aws.kms, aws.sealing_key))


def test_a_state_is_sealed_and_opens_again(aws: Aws) -> None:
    sealed, key = elsewhere(aws).close(STATE, "planner/task/1")
    assert b"ada" not in sealed
    assert elsewhere(aws).open(sealed, key, "planner/task/1") == STATE


def test_equal_states_are_sealed_differently(aws: Aws) -> None:
    seal = elsewhere(aws)
    first, second = seal.close(STATE, "planner/task/1"), seal.close(STATE, "planner/task/1")
    assert first[1] == second[1]
    # Not even the nonces are equal.
    assert first[0][:12] != second[0][:12]


def test_a_state_opens_only_at_its_own_place(aws: Aws) -> None:
    seal = elsewhere(aws)
    sealed, key = seal.close(STATE, "planner/task/1")
    for place in ("planner/task/2", "other/task/1", ""):
        with pytest.raises(NotOpened):
            seal.open(sealed, key, place)


def test_a_changed_state_does_not_open(aws: Aws) -> None:
    seal = elsewhere(aws)
    sealed, key = seal.close(STATE, "planner/task/1")
    for place in (0, 12, len(sealed) - 1):
        changed = bytes([*sealed[:place], sealed[place] ^ 1, *sealed[place + 1 :]])
        with pytest.raises(NotOpened):
            seal.open(changed, key, "planner/task/1")
    with pytest.raises(NotOpened):
        seal.open(b"", key, "planner/task/1")


@pytest.mark.parametrize(
    ("code", "refused"),
    [
        ("InvalidCiphertextException", True),
        ("IncorrectKeyException", True),
        ("KMSInvalidStateException", False),
    ],
)
def test_a_key_that_kms_did_not_make_is_a_forgery_and_one_it_keeps_closed_is_not(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, code: str, refused: bool
) -> None:
    sealed, key = elsewhere(aws).close(STATE, "planner/task/1")

    def decrypt(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code}}, "Decrypt")

    monkeypatch.setattr(aws.kms, "decrypt", decrypt)
    with pytest.raises(NotOpened if refused else ClientError):
        elsewhere(aws).open(sealed, key, "planner/task/1")
