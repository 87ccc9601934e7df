"""An HTTP target is validated, formats a signed request and delivers it."""

from collections.abc import Callable
from ipaddress import ip_network

import orjson
import pytest
from event_bus.callbacks.client import CallbackClient
from event_bus.encryption.signing_secrets import SecretNotOpened
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.targets.http import HttpTarget, HttpTransport
from event_bus.targets.transport import DeliveryRequest
from standardwebhooks import Webhook

from tests.builders import SECRET, event, subscription
from tests.hostile import HostileConnection, answering, subscriber
from tests.unit.event_bus.targets.http_requests import KEY, NO_CONTENT, Deliver, deliver, transport
from tests.unit.event_bus.targets.requests import faults, validated

__all__ = ["deliver"]


def test_validates(tell: Callable[..., None]) -> None:
    tell(STAGE="prod", API_HOST="bus.example", CALLBACK_NETWORKS="")
    url = "https://worker.example/events"
    assert validated(type="http", url=url) == HttpTarget(url)
    assert faults(type="http") == ["/url"]
    assert faults(type="http", url=url, queue="orders") == ["/queue"]
    for refused in ("http://worker.example/", "https://10.0.0.1/", "https://bus.example/events"):
        assert faults(type="http", url=refused) == ["/url"]
    tell(STAGE="local", CALLBACK_NETWORKS="127.0.0.0/8")
    assert validated(type="http", url="http://127.0.0.1:8099/orders").callback_url


def test_formats() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    metadata = {"trace_id": "t", "traceparent": trace, "tracestate": "a=b"}
    sent = event(payload={"text": "ü😀"}, metadata=metadata)
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        transport(clock=lambda: 1_700_000_000.9).deliver([DeliveryRequest(KEY, sent, to)])
        [(headers, body)] = listening.requests
    step = headers["traceparent"]
    assert step[:36] == trace[:36]
    assert step != trace
    expected = sent.envelope()
    expected["metadata"] = {**metadata, "traceparent": step}
    assert orjson.loads(body) == orjson.loads(orjson.dumps(expected))
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "evt_1"
    assert headers["webhook-timestamp"] == "1700000000"
    assert headers["tracestate"] == "a=b"


def test_delivers() -> None:
    sent = event(payload={"text": "ü😀"}, metadata={"trace_id": "t"})
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        [outcome] = transport().deliver([DeliveryRequest(KEY, sent, to)])
        [(headers, body)] = listening.requests
    assert outcome == Outcome(status_code=204)
    # As the library of Standard Webhooks reads it.
    assert Webhook(SECRET).verify(body, headers) == orjson.loads(orjson.dumps(sent.envelope()))


@pytest.mark.parametrize("damaged", [False, True])
def test_nothing_is_sent_that_cannot_be_signed(*, damaged: bool) -> None:
    def secrets(_: Subscription) -> list[str]:
        raise SecretNotOpened("the reason", damaged=damaged)

    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        [outcome] = HttpTransport(secrets, CallbackClient([ip_network("127.0.0.0/8")])).deliver(
            [DeliveryRequest(KEY, event(), to)]
        )
        assert listening.requests == []
    # Another attempt is useless only if the secret itself is damaged.
    expected = Outcome("secret_not_opened", "the reason", unsendable=damaged, unsent=not damaged)
    assert outcome == expected


def test_a_replay_is_marked_and_has_an_id_of_its_own() -> None:
    key = DeliveryKey("evt_1", "sub_1", "rpl_1")
    sent = event(metadata={"version": "1"})
    with subscriber(answering(NO_CONTENT)) as listening:
        transport().deliver([DeliveryRequest(key, sent, subscription(callback_url=listening.url))])
        [(headers, body)] = listening.requests
    assert headers["event-bus-replay"] == "rpl_1"
    assert headers["webhook-id"] == "evt_1:rpl_1"
    Webhook(SECRET).verify(body, headers)
    shown = orjson.loads(body)
    assert (shown["id"], shown["metadata"]) == ("evt_1", {"version": "1", "replay_id": "rpl_1"})
    assert sent.metadata == {"version": "1"}


def test_every_attempt_has_the_same_id_and_its_own_time() -> None:
    now = [1_700_000_000.9]
    target = transport(clock=lambda: now[0])
    with subscriber(answering(NO_CONTENT)) as listening:
        to = subscription(callback_url=listening.url)
        target.deliver([DeliveryRequest(KEY, event(), to)])
        now[0] += 60
        target.deliver([DeliveryRequest(KEY, event(), to)])
        attempts = [headers for headers, _ in listening.requests]
        target.client.pools.clear()
    assert [headers["webhook-id"] for headers in attempts] == ["evt_1", "evt_1"]
    assert [headers["webhook-timestamp"] for headers in attempts] == ["1700000000", "1700000060"]


def test_a_url_with_a_query_is_asked_for_as_it_is(deliver: Deliver) -> None:
    lines: list[str] = []

    def talk(conversation: HostileConnection) -> None:
        lines.append(conversation.socket.recv(65_536).decode().partition("\r\n")[0])
        conversation.say(NO_CONTENT)

    with subscriber(talk) as listening:
        assert deliver(f"{listening.url}?a=%20&b=%2F").delivered
    assert lines == ["POST /events?a=%20&b=%2F HTTP/1.1"]
