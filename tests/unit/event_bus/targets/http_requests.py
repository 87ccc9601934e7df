"""HTTP deliveries to subscribers on this machine."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.targets.http import HttpTransport
from event_bus.targets.transport import DeliveryRequest

from tests.builders import SECRET, event, subscription
from tests.hostile import Talk, subscriber

DEADLINE = 0.3


BUSY = 30.0
"""A deadline that holds on a busy machine, too."""


NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"


OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


KEY = DeliveryKey("evt_1", "sub_1")


def known(_: Subscription) -> list[str]:
    """The secrets of every subscription."""
    return [SECRET]


def transport(**members: Any) -> HttpTransport:
    """A transport that may deliver to this machine."""
    return HttpTransport(known, CallbackClient([ip_network("127.0.0.0/8")]), **members)


class Deliver:
    """Delivers an event to a URL, always by the same connections."""

    def __init__(self) -> None:
        self.transport = transport()

    def __call__(self, url: str, seconds: float = BUSY) -> Outcome:
        """What came of an attempt that may take so many seconds."""
        patient = subscription(callback_url=url, retry_policy=RetryPolicy(timeout=seconds))
        return self.transport.deliver([DeliveryRequest(KEY, event(), patient)])[0]


@pytest.fixture
def deliver() -> Iterator[Deliver]:
    made = Deliver()
    yield made
    made.transport.client.pools.clear()


def outcome_of(deliver: Deliver, talk: Talk) -> Outcome:
    with subscriber(talk) as listening:
        return deliver(listening.url)
