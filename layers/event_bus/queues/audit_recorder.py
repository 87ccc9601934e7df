"""Sending entries about requests and their answers to the audit log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from event_bus import times
from event_bus.aws_text import json_text
from event_bus.log import logger
from event_bus.model.audit_chain import Entry

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST_REFUSALS = 60
"""How many refusals a process records in a minute, so that a flood does not fill the log."""

_MINUTE = 60.0


@dataclass(slots=True)
class AuditRecorder:
    """Sends entries to the function that writes them.

    Attributes:
        client: The SQS client.
        url: The queue's URL.
        clock: Monotonic clock, in seconds.
    """

    client: "SQSClient"
    url: str
    clock: Callable[[], float] = times.steady
    _begun: float = 0.0
    _refusals: int = 0
    _left_out: int = 0

    def record(self, entry: Entry) -> None:
        """Sends an entry.

        Its request was carried out, so a failure is only logged, with the entry.
        """
        if entry["status"] != "success" and not self._room():
            self._left_out += 1
            return
        if self._left_out:
            entry["details"]["left_out"], self._left_out = self._left_out, 0
        try:
            self.client.send_message(QueueUrl=self.url, MessageBody=json_text(entry))
        except Exception:
            logger.exception("audit entry not sent", entry=entry)

    def _room(self) -> bool:
        now = self.clock()
        if now - self._begun >= _MINUTE:
            self._begun, self._refusals = now, 0
        self._refusals += 1
        return self._refusals <= MOST_REFUSALS
