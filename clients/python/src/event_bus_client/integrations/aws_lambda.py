"""Receives events in AWS Lambda: by function URL, directly, from SQS and from EventBridge.

Each function here makes a Lambda handler from a receiver. Lambda functions come and go: give the
receiver a store that they share, such as `integrations.dynamodb`.
"""

import base64
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from event_bus_client._sync.receiver import Receiver
from event_bus_client.models import Event

logger = logging.getLogger("event_bus_client")

Document = Mapping[str, Any]
LambdaHandler = Callable[[Document, Any], Any]


def function_url(receiver: Receiver) -> LambdaHandler:
    """Handles webhooks that come by a function URL or an HTTP API.

    Example:
        ```python
        lambda_handler = function_url(receiver)
        ```
    """

    def handle(event: Document, context: Any) -> dict[str, Any]:  # noqa: ARG001
        body = event.get("body") or ""
        content = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
        method = event["requestContext"]["http"]["method"]
        answer = receiver.receive(method, event["headers"], content)
        return {
            "statusCode": answer.status,
            "headers": {"content-type": answer.media_type, **answer.headers},
            "body": answer.body,
        }

    return handle


def direct(receiver: Receiver) -> LambdaHandler:
    """Handles events of a subscription with the target `lambda`.

    What the receiver's function returns is the function's result, which the bus publishes where the
    subscription has `"reply": true`.
    """
    return lambda event, context: receiver.handle(Event.model_validate(event))  # noqa: ARG005


def eventbridge(receiver: Receiver) -> LambdaHandler:
    """Handles events of a subscription with the target `eventbridge`, from a rule."""
    return lambda event, context: receiver.handle(  # noqa: ARG005
        Event.model_validate(event["detail"])
    )


def sqs_record(receiver: Receiver) -> Callable[[Document], Any]:
    """Handles one record of a queue, as the record handler of Powertools' batch utility.

    Example:
        ```python
        record_handler = sqs_record(receiver)


        def lambda_handler(event, context):
            return process_partial_response(event, record_handler, processor, context)
        ```
    """

    def handle(record: Document) -> Any:
        # Powertools hands over a data class, which reads like the record itself.
        return receiver.handle(Event.model_validate(json.loads(record["body"])))

    return handle


def sqs(receiver: Receiver) -> LambdaHandler:
    """Handles batches of a queue, and answers which records failed.

    The event source mapping must have `ReportBatchItemFailures`. In a FIFO queue, what comes after
    a failed message in its group fails too, so that the order is kept.
    """
    handle_record = sqs_record(receiver)

    def handle(event: Document, context: Any) -> dict[str, Any]:  # noqa: ARG001
        failed: list[str] = []
        failed_groups: set[str] = set()
        for record in event["Records"]:
            group = record.get("attributes", {}).get("MessageGroupId")
            fifo = record.get("eventSourceARN", "").endswith(".fifo")
            if not (fifo and group in failed_groups):
                try:
                    handle_record(record)
                    continue
                except Exception:
                    logger.exception("message %s was not handled", record["messageId"])
            failed.append(record["messageId"])
            if group:
                failed_groups.add(group)
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    return handle
