"""SQS in memory: standard queues with delays, visibility timeouts and redrive queues."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tests.simulation.seam import (
    Check,
    Interceptor,
    SimulatedClient,
    carried_out,
    error,
    unchecked,
)

_MAX_BATCH, _MAX_BYTES, _MAX_DELAY = 10, 1024 * 1024, 900
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
_UNACCEPTED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass
class SqsMessage:
    """A message in a queue."""

    id: str
    body: str
    visible_at: float
    receives: int = 0


@dataclass
class SqsQueue:
    """A queue.

    Attributes:
        visibility_timeout: How long a received message stays invisible, in seconds.
        redrive: The queue for messages that were received too often.
        max_receives: The number of receipts after which a message goes there.
    """

    visibility_timeout: float = 30.0
    redrive: str | None = None
    max_receives: int = 5
    messages: list[SqsMessage] = field(default_factory=list)


class SqsQueues:
    """All queues, by their URLs.

    Attributes:
        clock: The Unix time, in seconds.
        refuses: Returns whether a queue refuses a message, for any reason.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.refuses: Callable[[str, str], bool] = lambda _url, _body: False
        self.queues: dict[str, SqsQueue] = {}
        self._sent = 0

    def create(self, url: str, queue: SqsQueue | None = None) -> str:
        self.queues[url] = queue or SqsQueue()
        return url

    def send(self, url: str, body: str, delay: float = 0) -> str:
        self._sent += 1
        message = SqsMessage(f"m-{self._sent}", body, self.clock() + delay)
        self.queues[url].messages.append(message)
        return message.id

    def visible(self, url: str) -> list[SqsMessage]:
        """Returns the messages that can be received; those received too often move on first."""
        queue = self.queues[url]
        if not queue.messages:
            return []
        now = self.clock()
        visible = [each for each in queue.messages if each.visible_at <= now]
        if queue.redrive:
            for spent in [each for each in visible if each.receives >= queue.max_receives]:
                queue.messages.remove(spent)
                visible.remove(spent)
                self.queues[queue.redrive].messages.append(replace(spent, receives=0))
        return visible

    def hand_over(self, url: str, message: SqsMessage) -> dict[str, Any]:
        """Receives a message, as Lambda's poller does."""
        message.receives += 1
        message.visible_at = self.clock() + self.queues[url].visibility_timeout
        return {
            "eventSource": "aws:sqs",
            "messageId": message.id,
            "receiptHandle": message.id,
            "body": message.body,
            "attributes": {"ApproximateReceiveCount": str(message.receives)},
        }

    def delete(self, url: str, message_id: str) -> None:
        queue = self.queues[url]
        queue.messages = [each for each in queue.messages if each.id != message_id]


class MemorySqs(SimulatedClient):
    """A client of queues in memory."""

    service = "sqs"

    def __init__(
        self,
        queues: SqsQueues,
        intercept: Interceptor = carried_out,
        attempts: int = 1,
        check: Check = unchecked,
    ) -> None:
        super().__init__(intercept, attempts, check)
        self.queues = queues

    def create_queue(self, QueueName: str) -> Any:  # noqa: N803
        return {"QueueUrl": self.queues.create(QueueName)}

    def send_message(self, **request: Any) -> Any:
        self.check("sqs:SendMessage", request["QueueUrl"])

        def send() -> Any:
            self._check(request["QueueUrl"], [{**request, "Id": "0"}])
            message_id = self.queues.send(
                request["QueueUrl"], request["MessageBody"], request.get("DelaySeconds", 0)
            )
            return {"MessageId": message_id}

        return self.call("SendMessage", send)

    def send_message_batch(self, **request: Any) -> Any:
        self.check("sqs:SendMessage", request["QueueUrl"])

        def send() -> Any:
            entries = request["Entries"]
            self._check(request["QueueUrl"], entries)
            for entry in entries:
                self.queues.send(
                    request["QueueUrl"], entry["MessageBody"], entry.get("DelaySeconds", 0)
                )
            return {"Successful": [{"Id": entry["Id"]} for entry in entries]}

        return self.call("SendMessageBatch", send)

    def receive_message(self, **request: Any) -> Any:
        url = request["QueueUrl"]

        def receive() -> Any:
            taken = self.queues.visible(url)[: request.get("MaxNumberOfMessages", 1)]
            records = [self.queues.hand_over(url, message) for message in taken]
            return {
                "Messages": [
                    {
                        "MessageId": record["messageId"],
                        "ReceiptHandle": record["receiptHandle"],
                        "Body": record["body"],
                        "Attributes": record["attributes"],
                    }
                    for record in records
                ]
            }

        return self.call("ReceiveMessage", receive)

    def delete_message(self, **request: Any) -> Any:
        return self.call(
            "DeleteMessage",
            lambda: self.queues.delete(request["QueueUrl"], request["ReceiptHandle"]),
        )

    def delete_queue(self, **request: Any) -> Any:
        return self.call("DeleteQueue", lambda: self.queues.queues.pop(request["QueueUrl"]))

    def _check(self, url: str, entries: list[dict[str, Any]]) -> None:
        # The worst case of SQS: one refused entry makes it refuse the whole request.
        if not 1 <= len(entries) <= _MAX_BATCH:
            raise error("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", "SendMessageBatch")
        if len({entry["Id"] for entry in entries}) != len(entries):
            raise error("AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "SendMessageBatch")
        if sum(len(entry["MessageBody"].encode()) for entry in entries) > _MAX_BYTES:
            raise error("AWS.SimpleQueueService.BatchRequestTooLong", "SendMessageBatch")
        for entry in entries:
            body, delay = entry["MessageBody"], entry.get("DelaySeconds", 0)
            if not body or _UNACCEPTED.search(body) or self.queues.refuses(url, body):
                raise error("InvalidMessageContents", "SendMessageBatch", f"entry {entry['Id']}")
            if not (isinstance(delay, int) and 0 <= delay <= _MAX_DELAY):
                raise error("InvalidParameterValue", "SendMessageBatch", f"DelaySeconds {delay}")
