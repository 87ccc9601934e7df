"""An entry that AWS refuses fails alone, in as few requests as that takes."""

from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ParamValidationError,
    ReadTimeoutError,
)
from event_bus.batches import blames_content, blames_entry, by_halves

INVALID = ClientError({"Error": {"Code": "InvalidMessageContents", "Message": "no"}}, "Send")
TOO_LONG = ClientError(
    {"Error": {"Code": "AWS.SimpleQueueService.BatchRequestTooLong", "Message": "no"}}, "Send"
)
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Send")


class Service:
    """Refuses a request that holds any of some entries."""

    def __init__(self, refused: str, error: Exception = INVALID) -> None:
        self.refused, self.error = set(refused), error
        self.taken: list[str] = []
        self.calls = 0

    def send(self, batch: Sequence[str]) -> list[str]:
        self.calls += 1
        if self.refused & set(batch):
            raise self.error
        self.taken += batch
        return [f"{each} taken" for each in batch]


@pytest.mark.parametrize(
    ("refused", "calls"), [("", 1), ("a", 7), ("j", 9), ("e", 9), ("aj", 13), ("abcdefghij", 19)]
)
@pytest.mark.parametrize("error", [INVALID, TOO_LONG], ids=["invalid", "too long"])
def test_an_entry_is_refused_alone(refused: str, calls: int, error: Exception) -> None:
    service = Service(refused, error)
    results = by_halves("abcdefghij", service.send, lambda _: "refused")
    assert results == ["refused" if each in refused else f"{each} taken" for each in "abcdefghij"]
    assert service.taken == [each for each in "abcdefghij" if each not in refused]
    assert service.calls == calls


def test_a_request_that_fails_for_another_reason_is_not_divided() -> None:
    service = Service("a", DENIED)
    assert by_halves("abc", service.send, lambda error: str(error is DENIED)) == ["True"] * 3
    assert service.calls == 1


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Send")


@pytest.mark.parametrize(
    ("error", "blamed"),
    [
        *(
            (client_error(code), True)
            for code in (
                "InvalidMessageContents",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                "InvalidParameterValue",
                "InvalidParameter",
                "ValidationException",
                "ValidationError",
                "SerializationException",
                "MalformedDetail",
                "413",
            )
        ),
        *(
            (client_error(code), False)
            for code in (
                "AccessDenied",
                "AWS.SimpleQueueService.NonExistentQueue",
                "KMSAccessDeniedException",
                "RequestThrottled",
                "ThrottlingException",
                "InternalError",
                "ServiceUnavailable",
                "ExpiredToken",
            )
        ),
        (ParamValidationError(report="no"), True),
        (ConnectionClosedError(endpoint_url="https://aws.example"), False),
        (ReadTimeoutError(endpoint_url="https://aws.example"), False),
    ],
    ids=lambda each: each.response["Error"]["Code"] if isinstance(each, ClientError) else None,
)
def test_an_error_blames_the_content_or_the_service(
    error: ClientError | BotoCoreError, blamed: bool
) -> None:
    assert blames_content(error) is blamed


@pytest.mark.parametrize(
    ("failure", "blamed"),
    [
        ({"Code": "InvalidMessageContents", "SenderFault": True}, True),
        ({"Code": "SomethingNew", "SenderFault": True}, True),
        ({"Code": "InternalError", "SenderFault": False}, False),
        ({"Code": "ThrottlingException"}, False),
        ({"Code": "KmsThrottled", "SenderFault": True}, False),
        ({"Code": "AWS.SimpleQueueService.AccessDenied", "SenderFault": True}, False),
    ],
)
def test_a_failed_entry_blames_its_content_or_the_service(
    failure: dict[str, Any], blamed: bool
) -> None:
    assert blames_entry(failure) is blamed
