"""Consumers for the other protocols: a queue, pulling, and a WebSocket."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from event_bus_client import Event, EventBus, Inbox

from examples.engineering_day.bus import Address
from examples.engineering_day.receiver import TakeEvent

_WAIT_SECONDS = 2
_LOOK_SECONDS = 0.2


def consume_queue(
    address: Address, _: str, subscription: dict[str, Any], take: TakeEvent, stop: threading.Event
) -> None:
    """Consumes a subscription's managed queue."""
    queues = boto3.client(
        "sqs",
        endpoint_url=address.endpoint_url,
        region_name=address.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    url = subscription["target"]["queue_url"]
    while not stop.is_set():
        answer = queues.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS
        )
        for message in answer.get("Messages", []):
            take(json.loads(message["Body"]))
            queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def pull(
    address: Address, key: str, subscription: dict[str, Any], take: TakeEvent, stop: threading.Event
) -> None:
    """Pulls the next events of an inbox; each is acknowledged when the next one is asked for."""
    with EventBus(address.url, key) as bus, _inbox(bus, subscription, stop) as inbox:
        for received in inbox.receive(wait_seconds=_WAIT_SECONDS):
            take(_document(received.event))


def listen(
    address: Address, key: str, subscription: dict[str, Any], take: TakeEvent, stop: threading.Event
) -> None:
    """Receives pushed events over a WebSocket."""
    bus = EventBus(address.url, key, websocket_url=address.websocket_url)
    with bus, _inbox(bus, subscription, stop) as inbox:
        for received in inbox.follow():
            take(_document(received.event))


@contextmanager
def _inbox(bus: EventBus, subscription: dict[str, Any], stop: threading.Event) -> Iterator[Inbox]:
    """Yields the inbox of a subscription, from which nothing is taken once the day is over."""
    inbox = bus.inbox(subscription["id"])
    ended = threading.Event()

    def watch() -> None:
        while not (stop.wait(_LOOK_SECONDS) or ended.is_set()):
            pass
        inbox.stop()

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield inbox
    finally:
        ended.set()
        watching.join()


def _document(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json", exclude_unset=True)
