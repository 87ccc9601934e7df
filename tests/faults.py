"""What goes wrong between a store and AWS, made to go wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError


def broken() -> ConnectionClosedError:
    """The error of a connection that broke; a client that retries tries it again."""
    return ConnectionClosedError(endpoint_url="https://aws.example")


@contextmanager
def not_sent(client: Any, operation: str, times: int = 1) -> Iterator[None]:
    """Breaks the connection before a request is carried out, so many times."""
    with _before_sending(client, operation, lambda _: None, times):
        yield


@contextmanager
def answer_lost(
    client: Any,
    operation: str,
    carry_out: Callable[[AWSPreparedRequest], object],
    times: int = 1,
) -> Iterator[None]:
    """Breaks the connection after a request was carried out, so many times."""
    with _before_sending(client, operation, carry_out, times):
        yield


@contextmanager
def _before_sending(
    client: Any, operation: str, effect: Callable[[AWSPreparedRequest], object], times: int
) -> Iterator[None]:
    event = f"before-send.{client.meta.service_model.service_id.hyphenize()}.{operation}"
    left = times

    def fail(request: AWSPreparedRequest, **_: Any) -> None:
        nonlocal left
        if left:
            left -= 1
            effect(request)
            raise broken()

    client.meta.events.register(event, fail)
    try:
        yield
    finally:
        client.meta.events.unregister(event, fail)
    assert left == 0, f"{operation} was not called often enough to go wrong"


def grudging(client: Any, at_once: int) -> Any:
    """A client that does the first so many of each batch, and leaves the rest undone.

    Its `calls` tells how often it was asked to.
    """
    return _Grudging(client, at_once)


class _Grudging:
    def __init__(self, client: Any, at_once: int) -> None:
        self._client = client
        self._at_once = at_once
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def batch_get_item(self, RequestItems: dict[str, dict[str, Any]]) -> Any:  # noqa: N803
        self.calls += 1
        [(table, wanted)] = RequestItems.items()
        now, later = wanted["Keys"][: self._at_once], wanted["Keys"][self._at_once :]
        answer: dict[str, Any] = {"Responses": {}, "UnprocessedKeys": {}}
        if now:
            answer = self._client.batch_get_item(RequestItems={table: {**wanted, "Keys": now}})
        return {**answer, "UnprocessedKeys": {table: {**wanted, "Keys": later}} if later else {}}

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:  # noqa: N803
        self.calls += 1
        now, later = Entries[: self._at_once], Entries[self._at_once :]
        if now:
            self._client.send_message_batch(QueueUrl=QueueUrl, Entries=now)
        failed = [{"Id": each["Id"], "Code": "ThrottlingException"} for each in later]
        return {"Failed": failed} if failed else {}
