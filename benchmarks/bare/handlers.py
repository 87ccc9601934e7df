"""The least that each hop can do: no checks, no matching, no records, no log but one line."""

import json
import os
import uuid
from typing import Any

import boto3
import urllib3

_dynamodb = boto3.client("dynamodb")
_sqs = boto3.client("sqs")
_http = urllib3.PoolManager(maxsize=10)

# The emulator waits for this line after each call, as after one of the bus.
_CALLED = '{"level":"INFO","message":"called"}'


def authorize(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Lets everyone pass."""
    print(_CALLED, flush=True)
    return {"isAuthorized": True}


def publish(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Stores the body."""
    event_id = json.loads(event["body"]).get("id") or str(uuid.uuid4())
    _dynamodb.put_item(
        TableName=os.environ["TABLE"],
        Item={"id": {"S": event_id}, "body": {"S": event["body"]}},
    )
    print(_CALLED, flush=True)
    return {"statusCode": 202, "body": json.dumps({"id": event_id})}


def route(event: dict[str, Any], _context: object) -> None:
    """Puts what was stored into the queue."""
    bodies = [record["dynamodb"]["NewImage"]["body"]["S"] for record in event["Records"]]
    for start in range(0, len(bodies), 10):
        _sqs.send_message_batch(
            QueueUrl=os.environ["QUEUE"],
            Entries=[
                {"Id": str(place), "MessageBody": body}
                for place, body in enumerate(bodies[start : start + 10])
            ],
        )
    print(_CALLED, flush=True)


def deliver(event: dict[str, Any], _context: object) -> None:
    """Posts each message to the receiver."""
    for record in event["Records"]:
        _http.urlopen("POST", os.environ["CALLBACK"], body=record["body"].encode())
    print(_CALLED, flush=True)
