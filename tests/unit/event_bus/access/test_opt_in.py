"""Patterns in the settings name resources as policies of IAM do."""

import pytest
from event_bus.access.opt_in import named_by

QUEUE = "arn:aws:sqs:eu-west-1:111111111111:orders"
FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:bill:live"


@pytest.mark.parametrize(
    ("pattern", "arn", "named"),
    [
        (QUEUE, QUEUE, True),
        ("arn:aws:sqs:eu-west-1:111111111111:*", QUEUE, True),
        ("arn:aws:sqs:*:*:order?", QUEUE, True),
        ("arn:aws:lambda:*:*:function:bill*", FUNCTION, True),
        ("arn:aws:sqs:eu-west-1:111111111111:order", QUEUE, False),
        ("arn:aws:sqs:eu-west-1:111111111111:Orders", QUEUE, False),
        ("arn:aws:sqs:eu-west-1:222222222222:*", QUEUE, False),
        ("arn:aws:sns:*:*:*", QUEUE, False),
        ("arn:aws:sqs:*:orders", QUEUE, False),
        ("arn:aws:sqs:*:111111111111", QUEUE, False),
        ("arn:aws:sqs:eu-west-1:111111111111:[a-z]*", QUEUE, False),
        ("arn:aws:sqs:eu-west-1:111111111111:ord.rs", QUEUE, False),
    ],
)
def test_a_pattern_names_resources(pattern: str, arn: str, named: bool) -> None:
    assert named_by([pattern], arn) is named
    assert named_by(["arn:aws:sqs:x:y:z", pattern], arn) is named


def test_no_pattern_names_nothing() -> None:
    assert not named_by([], QUEUE)
