"""Clients that few calls need are made when they are first used, and once."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest
from event_bus import clients


@pytest.mark.parametrize("service", ["s3", "kms"])
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
