"""Clients that few calls need are made when they are first used, and once."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from event_bus import clients


@pytest.mark.parametrize("service", ["s3", "kms", "cloudwatch"])
def test_a_client_is_made_once_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    made: list[str] = []

    def client(name: str, **_: Any) -> str:
        made.append(name)
        return name

    monkeypatch.setattr(boto3, "client", client)
    later: Any = getattr(clients, service).__wrapped__()
    assert made == []
    with ThreadPoolExecutor(8) as side_by_side:
        uses = list(side_by_side.map(lambda _: later.upper(), range(20)))
    assert (made, uses) == ([service], [service.upper()] * 20)


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
