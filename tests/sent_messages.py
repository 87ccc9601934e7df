"""Keeps what is sent to queues, with the delays that hide a message from its receivers."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class SentMessage:
    """A message that SQS has accepted.

    Attributes:
        body: Its text.
        delay: How long the queue hides it, in seconds.
    """

    body: str
    delay: int


class RecordingSqs:
    """A client of SQS that keeps the messages it has sent, by queue."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._sent: dict[str, list[SentMessage]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def send_message(self, **request: Any) -> Any:
        answer = self._client.send_message(**request)
        self._keep(request["QueueUrl"], request)
        return answer

    def send_message_batch(self, **request: Any) -> Any:
        answer = self._client.send_message_batch(**request)
        accepted = {each["Id"] for each in answer.get("Successful", [])}
        for entry in request["Entries"]:
            if entry["Id"] in accepted:
                self._keep(request["QueueUrl"], entry)
        return answer

    def taken(self, url: str) -> list[SentMessage]:
        """Returns what was sent to a queue since the last call."""
        return self._sent.pop(url, [])

    def _keep(self, url: str, message: dict[str, Any]) -> None:
        found = SentMessage(message["MessageBody"], message.get("DelaySeconds", 0))
        self._sent.setdefault(url, []).append(found)
