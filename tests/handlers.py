"""The functions' own code, run in this process on the tables and queues of a test."""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType
from typing import Any

import orjson
import pytest
from event_bus import clients
from event_bus.access.callers import Caller
from event_bus.log import logger
from event_bus.settings import settings

from infra.tables import TABLES
from tests.answers import check_answer, check_location
from tests.aws import RETENTION_DAYS, TARGETS, Aws
from tests.cloudwatch import CloudWatch
from tests.handler_modules import handler_module
from tests.requests import http_request


@dataclass
class FunctionAnswer:
    """What a function answered API Gateway."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Functions:
    """The functions of the bus.

    Attributes:
        aws: What they work on.
        secrets: The client of their secrets.
        cloudwatch: Their client of CloudWatch.
        lane: The queue of the HTTP lane.
        unroutable: The queue of unroutable events.
        replays: The queue of replays that must go on.
        redrive: The queue of what the HTTP lane gave up.
        unroutable_redrive: The queue of unroutable events that could not be routed again and again.
    """

    aws: Aws
    secrets: Any
    cloudwatch: CloudWatch
    lane: str
    unroutable: str
    replays: str
    redrive: str
    unroutable_redrive: str

    @cached_property
    def _loaded(self) -> dict[str, ModuleType]:
        return {}

    def load(self, name: str) -> ModuleType:
        """A function's module, made anew for this test."""
        if name not in self._loaded:
            self._loaded[name] = handler_module(name)
        return self._loaded[name]

    def invoke(self, name: str, event: dict[str, Any]) -> Any:
        """Calls a function, with what its trigger hands it."""
        return self.load(name).handler(event, None)

    def request(
        self, name: str, route: str, caller: Caller | None = None, body: Any = None, **members: Any
    ) -> FunctionAnswer:
        """Has a function answer a request."""
        text = None if body is None else orjson.dumps(body).decode()
        event = http_request(route, caller=caller, body=text, **members)
        given = self.invoke(name, event)
        answer = FunctionAnswer(
            given["statusCode"], given["headers"], orjson.loads(given["body"] or "null")
        )
        method, _, path = route.partition(" ")
        media_type = answer.headers.get("content-type", "")
        check_answer(method, path, answer.status, media_type, answer.body)
        check_location(method, path, answer.status, "location" in answer.headers)
        return answer

    def stored(self, *event_ids: str) -> dict[str, Any]:
        """What the stream of the events table tells of events that were stored."""
        images = [
            self.aws.dynamodb.get_item(
                TableName=self.aws.tables["events"], Key={"id": {"S": event_id}}
            )["Item"]
            for event_id in event_ids
        ]
        return {
            "Records": [
                {
                    "eventSource": "aws:dynamodb",
                    "eventName": "INSERT",
                    "dynamodb": {"NewImage": each},
                }
                for each in images
            ]
        }

    def waiting(self, url: str) -> dict[str, Any]:
        """What a queue hands to its function: the messages that wait in it, ten at most."""
        messages = self.aws.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=0,
            VisibilityTimeout=60,
            AttributeNames=["ApproximateReceiveCount"],
        ).get("Messages", [])
        return {
            "Records": [
                {
                    "eventSource": "aws:sqs",
                    "messageId": each["MessageId"],
                    "receiptHandle": each["ReceiptHandle"],
                    "body": each["Body"],
                    "attributes": each["Attributes"],
                }
                for each in messages
            ]
        }


@pytest.fixture
def functions(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Functions]:
    """The functions, told to work on the tables and queues of this test."""
    secrets = _Secrets()
    made = Functions(aws, secrets, CloudWatch(), *(aws.queue() for _ in range(5)))
    environment = {
        **{table.variable: aws.tables[table.name] for table in TABLES},
        "PAYLOADS_BUCKET": aws.bucket,
        "HTTP_LANE_URL": made.lane,
        "HTTP_LANE_REDRIVE_URL": made.redrive,
        "UNROUTABLE_QUEUE_URL": made.unroutable,
        "UNROUTABLE_REDRIVE_URL": made.unroutable_redrive,
        "REPLAY_QUEUE_URL": made.replays,
        "ENRICH_LANE_URL": aws.queue(),
        "ENRICH_FUNCTION": "enrich",
        "PACED_SHARE": "2",
        "ADMIN_SECRET_ARN": "admin",
        "SEALING_KEY_ARN": aws.sealing_key,
        "RETENTION_DAYS": str(RETENTION_DAYS),
        "KEY_RATE": "100",
        "WAITING_REQUESTS": "2",
        "SERVICE_SUBSCRIPTIONS": "100",
        "SERVICE_LISTENERS": "100",
        "AUDIT_QUEUE_URL": aws.queue(),
        "API_HOST": "bus.example",
        "CALLBACK_NETWORKS": "127.0.0.0/8",
        "STAGE": "local",
        "DEFAULT_RECEIVE": "everything",
        **TARGETS,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    for name, client in (
        ("dynamodb", aws.dynamodb),
        ("s3", aws.s3),
        ("sqs", aws.sqs),
        ("kms", aws.kms),
        ("secrets", secrets),
        ("cloudwatch", made.cloudwatch),
    ):
        monkeypatch.setattr(clients, name, _always(client))
    yield made
    settings.cache_clear()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged during the test, to the last detail."""
    stream = io.StringIO()
    handler: Any = logger.registered_handler
    before = handler.setStream(stream)
    level = logger.log_level
    logger.setLevel("DEBUG")
    yield stream
    logger.setLevel(level)
    handler.setStream(before)


class _Secrets:
    """Holds the admin key, as Secrets Manager does."""

    value = "the-key-of-the-admin"

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "admin"
        return {"SecretString": self.value, "VersionId": "version-1"}


def _always(client: Any) -> Callable[[], Any]:
    return lambda: client
