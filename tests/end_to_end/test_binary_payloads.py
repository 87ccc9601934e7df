"""Payloads that are not JSON, on the deployed bus."""

import base64
import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from event_bus_client import Webhook

from tests.end_to_end.problems import problem
from tests.end_to_end.receiver import Delivered, Receiver, eventually
from tests.end_to_end.world import Client, World

IMAGE = b"\x89PNG\r\n\x1a\n\x00\xff"
LARGE = IMAGE * 3_000


@pytest.fixture
def scanned(world: World) -> str:
    return f"{world.name('scan')}.made"


@pytest.fixture
def scanner(world: World, scanned: str) -> Client:
    return world.publisher(scanned)


def publish(client: Client, event_type: str, content: bytes, **more: Any) -> str:
    return client.bus.publish(event_type, content, content_type="image/png", **more).id


@pytest.fixture
def receivers(
    world: World, scanner: Client, scanned: str
) -> Iterator[dict[str, tuple[Receiver, str]]]:
    """A receiver for each format, with its signing secret; they want images alone."""
    formats = {
        "none": None,
        "payload": {"format": "payload"},
        "binary": {"format": "cloudevents", "mode": "binary"},
    }
    made, ids = {}, []
    for name, transform in formats.items():
        receiver = world.receiver()
        filters = {scanned: {"metadata": {"kind": ["image"]}}}
        to = scanner.subscribe(receiver, scanned, transform=transform, filters=filters)
        made[name] = receiver, to["signing_secret"]
        ids.append(to["id"])
    yield made
    for each in ids:
        scanner.bus.subscriptions.delete(each)


def verified(found: Delivered, secret: str) -> Delivered:
    Webhook(secret).check(found.headers, found.body)
    with contextlib.suppress(ValueError):
        # The other library signs only texts.
        found.verify(secret)
    return found


@pytest.mark.parametrize("content", [IMAGE, LARGE], ids=["small", "large"])
def test_bytes_are_delivered_in_each_format(
    scanner: Client,
    scanned: str,
    receivers: dict[str, tuple[Receiver, str]],
    content: bytes,
) -> None:
    publish(scanner, scanned, content, metadata={"kind": "text"})
    event_id = publish(scanner, scanned, content, metadata={"kind": "image"})
    came = {
        name: verified(receiver.wait_for(1)[0], secret)
        for name, (receiver, secret) in receivers.items()
    }
    event = orjson.loads(came["none"].body)
    assert (event["id"], event["content_type"]) == (event_id, "image/png")
    assert base64.b64decode(event["payload_base64"]) == content
    assert "payload" not in event
    assert came["payload"].body == content
    assert came["payload"].headers["content-type"] == "image/png"
    read = from_binary(
        HTTPMessage(came["binary"].headers, came["binary"].body), JSONFormat(), CloudEvent
    )
    assert (read.get_id(), read.get_data()) == (event_id, content)
    stored = scanner.event(event_id)
    assert base64.b64decode(stored["payload_base64"]) == content
    listed = scanner.bus.events.list(type=scanned)
    shown = [each.content for each in listed if each.id == event_id]
    assert shown == [content if content == IMAGE else None]
    # A replay brings the same bytes.
    scanner.replayed(event_id)
    receiver, secret = receivers["payload"]
    assert verified(receiver.wait_for(2)[1], secret).body == content
    assert len(receiver.requests) == 2


def test_a_sensitive_binary_payload_is_sealed_as_a_whole(
    world: World, scanner: Client, scanned: str
) -> None:
    other = world.service()
    inboxes = [client.pull(scanned) for client in (scanner, other)]
    event_id = publish(scanner, scanned, IMAGE, sensitive=True)
    seen = []
    for client, inbox in zip((scanner, other), inboxes, strict=True):
        [item] = client.waiting(inbox, wait=20)
        seen.append(item["event"])
        client.bus.subscriptions.delete(inbox)
    assert base64.b64decode(seen[0]["payload_base64"]) == IMAGE
    assert (seen[1]["id"], seen[1]["payload"]) == (event_id, {"$encrypted": True})
    assert "payload_base64" not in seen[1]


def test_a_state_passes_it_over(scanner: Client, scanned: str) -> None:
    stream = {"stream_id": scanned}
    scanner.publish(scanned, {"pages": 1}, metadata=stream)
    publish(scanner, scanned, IMAGE, metadata=stream)
    state = scanner.bus.streams.state(scanned)
    assert (state.version, state.state) == (2, {"pages": 1})


def test_a_filter_test_shows_the_bytes_that_would_be_sent(scanner: Client, scanned: str) -> None:
    event_id = publish(scanner, scanned, IMAGE)
    asked = {"event_id": event_id, "transform": {"format": "payload"}}
    tested = scanner.bus.call("POST", "/filters/test", body=asked)
    assert base64.b64decode(tested["sent"]["body_base64"]) == IMAGE
    assert tested["sent"]["headers"]["content-type"] == "image/png"
    asked = {"event_id": event_id, "filters": {scanned: {"pages": [1]}}}
    assert scanner.bus.call("POST", "/filters/test", body=asked)["matched"] is False


@pytest.mark.parametrize(
    ("members", "status", "pointer"),
    [
        ({"payload_base64": "not base64"}, 422, "/payload_base64"),
        ({"payload_base64": "aGk=", "payload": {}}, 422, "/payload"),
        ({"payload_base64": "aGk=", "content_type": "a/b\r\nx: y"}, 422, "/content_type"),
        ({"payload": {}, "content_type": "text/plain"}, 422, "/content_type"),
        ({"payload_base64": "aGk=", "sensitive": ["/a"]}, 422, "/sensitive/0"),
        ({}, 422, "/payload"),
        ({"payload_base64": "AAAA" * 300_000}, 413, "/payload_base64"),
    ],
)
def test_an_invalid_binary_payload_is_refused_at_its_member(
    scanner: Client, scanned: str, members: dict[str, Any], status: int, pointer: str
) -> None:
    refused = problem(scanner.http.post("/events", json={"type": scanned, **members}), status)
    assert [each["pointer"] for each in refused["errors"]] == [pointer]


def test_a_type_with_an_enforced_schema_refuses_it(scanner: Client, scanned: str) -> None:
    scanner.bus.schemas.register(scanned, {"type": "object"}, validation="enforce")

    def refused() -> Any:
        answer = scanner.http.post("/events", json={"type": scanned, "payload_base64": "aGk="})
        return answer if answer.status_code == 422 else None

    faults = problem(eventually(refused), 422)["errors"]
    assert [each["pointer"] for each in faults] == ["/payload_base64"]
