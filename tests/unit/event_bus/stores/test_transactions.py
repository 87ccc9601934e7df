"""A transaction that DynamoDB cancels says why: for good, or for a moment."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from event_bus.stores.refusals import Contended, Outdated
from event_bus.stores.transactions import Part, transact


class Cancelling:
    """A client whose transactions are cancelled.

    Args:
        codes: The reason of each part; `None` for a part that could have been carried out.
        error: The code of the answer.
    """

    def __init__(self, *codes: str, error: str = "TransactionCanceledException") -> None:
        self._answer: Any = {
            "Error": {"Code": error, "Message": "cancelled"},
            "CancellationReasons": [{"Code": each} for each in codes],
        }

    def transact_write_items(self, **_: Any) -> None:
        raise ClientError(self._answer, "TransactWriteItems")


def refused(client: Any, *refusals: Outdated | None) -> None:
    transact([Part(client, {}, each) for each in refusals])


@pytest.mark.parametrize(
    "code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_what_passes_in_a_moment_may_be_tried_again(code: str) -> None:
    for codes in ((code, "None"), ("None", code)):
        with pytest.raises(Contended):
            refused(Cancelling(*codes), Outdated("a"), Outdated("b"))


def test_the_first_condition_that_does_not_hold_counts() -> None:
    failed = "ConditionalCheckFailed"
    with pytest.raises(Outdated, match="b"):
        refused(Cancelling("ThrottlingError", failed, failed), *map(Outdated, "abc"))
    with pytest.raises(Outdated, match="c"):
        refused(Cancelling("None", failed, failed), Outdated("a"), None, Outdated("c"))


@pytest.mark.parametrize(
    "client",
    [
        Cancelling("ValidationError", "None"),
        Cancelling("ItemCollectionSizeLimitExceeded"),
        Cancelling("ConditionalCheckFailed"),
        Cancelling(),
        Cancelling("ThrottlingError", error="ProvisionedThroughputExceededException"),
    ],
)
def test_any_other_error_is_left_to_the_caller(client: Cancelling) -> None:
    with pytest.raises(ClientError):
        refused(client, None)
