"""Clients that few calls need are made when they are first used, and once."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import boto3
import orjson
import pytest
from botocore.awsrequest import AWSResponse, HTTPHeaders
from botocore.exceptions import ClientError, ReadTimeoutError
from event_bus import clients
from event_bus.clients import MAX_AGE_SECONDS, MAX_IDLE_SECONDS
from event_bus.targets.aws_clients import TargetClients

from tests.hostile import HostileConnection, answering, subscriber

ACCEPTED = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n"


@pytest.mark.parametrize("service", ["s3", "kms", "cloudwatch"])
def test_a_client_is_made_once_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    made: list[str] = []

    def client(name: str, **_: Any) -> Any:
        made.append(name)
        events = SimpleNamespace(register=lambda *_: None)
        return SimpleNamespace(upper=name.upper, meta=SimpleNamespace(events=events))

    monkeypatch.setattr(boto3, "client", client)
    later: Any = getattr(clients, service).__wrapped__()
    assert made == []
    with ThreadPoolExecutor(8) as side_by_side:
        uses = list(side_by_side.map(lambda _: later.upper(), range(20)))
    assert (made, uses) == ([service], [service.upper()] * 20)


class _Conflicts:
    """Answers the first calls as DynamoDB does while a transaction writes the item."""

    def __init__(self, times: int, code: str) -> None:
        self.calls = 0
        self._times = times
        self._code = f"com.amazonaws.dynamodb.v20120810#{code}"

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        self.calls += 1
        failed = self.calls <= self._times
        body = orjson.dumps({"__type": self._code} if failed else {})
        raw = SimpleNamespace(stream=lambda: iter([body]))
        return AWSResponse(request.url, 400 if failed else 200, HTTPHeaders(), raw)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(clients, "_CONFLICT_PAUSE_SECONDS", 0)
    return clients.dynamodb.__wrapped__()


@pytest.mark.parametrize(
    ("operation", "member"),
    [("put_item", "Item"), ("update_item", "Key"), ("delete_item", "Key")],
)
def test_a_write_that_meets_a_transaction_is_repeated(
    tables: Any, operation: str, member: str
) -> None:
    conflicts = _Conflicts(3, "TransactionConflictException")
    tables.meta.events.register("before-send.dynamodb", conflicts.answer)
    getattr(tables, operation)(TableName="keys", **{member: {"id": {"S": "key_1"}}})
    assert conflicts.calls == 4


@pytest.mark.parametrize(
    ("code", "calls"), [("TransactionConflictException", 5), ("ConditionalCheckFailedException", 1)]
)
def test_a_write_is_repeated_only_so_often_and_only_after_a_conflict(
    tables: Any, code: str, calls: int
) -> None:
    conflicts = _Conflicts(100, code)
    tables.meta.events.register("before-send.dynamodb", conflicts.answer)
    with pytest.raises(ClientError, match=code):
        tables.delete_item(TableName="keys", Key={"id": {"S": "key_1"}})
    assert conflicts.calls == calls


def test_calls_of_cloudwatch_have_a_short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for name, value in (
            ("AWS_ENDPOINT_URL_CLOUDWATCH", address),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
        ):
            monkeypatch.setenv(name, value)
        client, begun = clients.cloudwatch.__wrapped__(), time.monotonic()
        with pytest.raises(ReadTimeoutError):
            client.list_metrics()
        assert time.monotonic() - begun < 20


def _invoked(client: Any) -> None:
    answer = client.invoke(FunctionName="orders", InvocationType="Event", Payload=b"{}")
    answer["Payload"].read()


def _measured(client: Any) -> None:
    # The answer is none of CloudWatch's; only its connection matters.
    with suppress(ClientError):
        client.list_metrics()


@pytest.fixture(
    params=[
        (lambda: TargetClients("lambda").by_role(None, "", 2.0), _invoked),
        (lambda: clients.functions.__wrapped__(2.0), _invoked),
        (clients.cloudwatch.__wrapped__, _measured),
    ],
    ids=["target", "functions", "cloudwatch"],
)
def calls(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Callable[[], None]]:
    """Makes a client that never retries, and returns a call of it to a URL."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    make, call = request.param

    def to(url: str) -> Callable[[], None]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url.removesuffix("/events"))
        client = make()
        return lambda: call(client)

    return to


def _forgets(conversation: HostileConnection) -> None:
    """Answers one call, and resets the connection when the next one comes."""
    conversation.read()
    conversation.say(ACCEPTED)
    conversation.read()
    conversation.reset()


@pytest.mark.parametrize(
    ("monotonic", "wall"),
    [
        (MAX_IDLE_SECONDS + 0.1, MAX_IDLE_SECONDS + 0.1),
        # A function that is frozen: its monotonic clock stands still.
        (0, MAX_IDLE_SECONDS + 0.1),
        (0, 7_200),
    ],
)
def test_a_call_that_is_never_repeated_begins_on_no_stale_connection(
    calls: Callable[[str], Callable[[], None]],
    shift: Callable[[float, float], None],
    monotonic: float,
    wall: float,
) -> None:
    with subscriber(_forgets, answering(ACCEPTED)) as aws:
        call = calls(aws.url)
        call()
        shift(monotonic, wall)
        call()
        assert (aws.connections, len(aws.requests)) == (2, 2)


def test_a_connection_is_kept_for_a_short_time_and_to_a_certain_age(
    calls: Callable[[str], Callable[[], None]], shift: Callable[[float, float], None]
) -> None:
    step = MAX_IDLE_SECONDS - 1
    with subscriber(answering(ACCEPTED)) as aws:
        call = calls(aws.url)
        for _ in range(int(MAX_AGE_SECONDS / step)):
            call()
            shift(step, step)
        assert aws.connections == 1
        # Older than permitted, but idle for less.
        shift(0.5, 0.5)
        call()
        assert aws.connections == 2


def test_the_time_of_a_call_does_not_count_as_idle(
    calls: Callable[[str], Callable[[], None]], shift: Callable[[float, float], None]
) -> None:
    def slow(conversation: HostileConnection) -> None:
        while conversation.read():
            shift(MAX_IDLE_SECONDS + 1, MAX_IDLE_SECONDS + 1)
            conversation.say(ACCEPTED)

    with subscriber(slow) as aws:
        call = calls(aws.url)
        for _ in range(3):
            call()
        assert (aws.connections, len(aws.requests)) == (1, 3)
