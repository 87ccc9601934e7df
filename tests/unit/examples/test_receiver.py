"""The example's receiver takes nothing without a good signature."""

import json
import time
from typing import Any

import httpx
import pytest
from event_bus.encryption.webhook_signatures import new_secret, signed_headers

from examples.engineering_day.bus import Address, DayError
from examples.engineering_day.receiver import Inbox, listening

EVENT = {"id": "evt_1", "type": "task.created"}
BODY = json.dumps(EVENT).encode()


def test_it_takes_what_is_signed_and_refuses_what_is_not() -> None:
    secret = new_secret()
    taken: list[dict[str, Any]] = []
    good = signed_headers("evt_1", int(time.time()), BODY, [secret])
    others = signed_headers("evt_1", int(time.time()), BODY, [new_secret()])
    old = signed_headers("evt_1", int(time.time()) - 3600, BODY, [secret])
    with listening() as receiver, httpx.Client(base_url=receiver.url) as client:
        assert client.post("/inbox", content=BODY, headers=good).status_code == 503
        receiver.open("/inbox", Inbox(secret, taken.append))
        assert client.post("/inbox", content=BODY, headers=good).status_code == 204
        for headers, body in ((others, BODY), (old, BODY), ({}, BODY), (good, BODY + b" ")):
            assert client.post("/inbox", content=body, headers=headers).status_code == 401
    assert taken == [EVENT]
    assert len(receiver.refused) == 4


def address(url: str) -> Address:
    return Address(url, "key", "ws://localhost", "http://localhost", "us-east-1")


@pytest.mark.parametrize("url", ["https://bus.example.com", "http://10.0.0.1:4566", "nonsense"])
def test_the_day_is_not_played_on_a_bus_elsewhere(url: str) -> None:
    with pytest.raises(DayError, match="this machine"):
        address(url).check()


@pytest.mark.parametrize(
    "url", ["http://localhost:4566/x", "http://127.0.0.1:1", "http://a1.execute-api.localhost:4566"]
)
def test_the_day_is_played_on_this_machine(url: str) -> None:
    address(url).check()
