"""Consumers for the other protocols: a queue, pulling, and a WebSocket."""

import json
import threading
from typing import Any

import boto3
import httpx
from websockets.sync.client import connect

from examples.engineering_day.bus import Address
from examples.engineering_day.receiver import TakeEvent

_WAIT_SECONDS = 2


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
    """Pulls the next events of an inbox, and acknowledges them."""
    path = f"/subscriptions/{subscription['id']}"
    with httpx.Client(base_url=address.url, headers={"x-api-key": key}, timeout=30) as http:
        while not stop.is_set():
            answer = http.get(f"{path}/events", params={"wait": _WAIT_SECONDS})
            taken = answer.raise_for_status().json()
            for item in taken["items"]:
                take(item["event"])
            if taken["lease"]:
                done = {"lease": taken["lease"], "cursor": taken["cursor"]}
                http.post(f"{path}/ack", json=done).raise_for_status()


def listen(
    address: Address, key: str, subscription: dict[str, Any], take: TakeEvent, stop: threading.Event
) -> None:
    """Receives pushed events, and acknowledges them."""
    follow = {"action": "subscribe", "subscription_id": subscription["id"]}
    with connect(address.websocket_url, additional_headers={"x-api-key": key}) as socket:
        socket.send(json.dumps(follow))
        while not stop.is_set():
            try:
                message = json.loads(socket.recv(timeout=_WAIT_SECONDS))
            except TimeoutError:
                continue
            if message["type"] == "error":
                raise RuntimeError(message["error"]["detail"])
            for item in message.get("items", []):
                take(item["event"])
            if message["type"] == "events":
                done = {**follow, "action": "ack", "cursor": message["cursor"]}
                socket.send(json.dumps(done))
