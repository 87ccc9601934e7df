"""Somebody else who acts between two calls to AWS."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.aws import Aws


def before_next(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, operation: str, act: Callable[[], object]
) -> None:
    """Has somebody act just before the next call of an operation of DynamoDB takes effect.

    Args:
        aws: Where the call is made.
        monkeypatch: Replaces the operation until that call.
        operation: The method of the client.
        act: What is done meanwhile.
    """
    original = getattr(aws.dynamodb, operation)

    def overtaken(**request: Any) -> Any:
        monkeypatch.setattr(aws.dynamodb, operation, original)
        act()
        return original(**request)

    monkeypatch.setattr(aws.dynamodb, operation, overtaken)
