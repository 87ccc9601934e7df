"""The commands of the bus in memory, and their replies."""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from event_bus_client._bus.model import command_record as transitions
from event_bus_client._bus.model.command_record import Command, Reply, state_of
from event_bus_client._bus.model.command_types import is_command, reply_address
from event_bus_client._bus.model.outcome import Outcome
from event_bus_client.receiving import Answer
from event_bus_client.testing.problems import conflict, details, forbidden, missing, refused
from event_bus_client.testing.store import Store, Stored
from event_bus_client.testing.submissions import (
    Document,
    deadline,
    envelope,
    expected_replies,
    submission,
)
from event_bus_client.testing.subscriptions import Subscription
from event_bus_client.times import rfc3339

_SAID = {"succeeded": "succeeded", "failed": "failed", "expired": "has expired"}
_NOT_JSON = {
    "type": "urn:event-bus:problem:reply-refused",
    "title": "The answer of the handler is not a valid reply",
    "status": 502,
    "detail": "the result is not JSON",
}


@dataclass
class CommandRecords:
    """The records of commands.

    Attributes:
        store: Keeps the events.
    """

    store: Store
    _records: dict[str, Command] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.live = self._live

    def check(self, body: Any) -> None:
        """Refuses an event that is neither a command nor a request for replies.

        Raises:
            InvalidRequest: It is neither.
        """
        if not is_command(str(body.get("type"))) and (
            body.get("metadata", {}).get("expect_replies") is None
        ):
            detail = "must have a type that begins with command., or metadata.expect_replies"
            raise refused(("", detail))

    def require_handler(self, event_type: str) -> None:
        """Refuses a command that no subscription handles.

        Raises:
            Conflict: There is no handler.
        """
        if is_command(event_type) and self.store.handler(event_type) is None:
            detail = f"no subscription handles {event_type}"
            raise conflict(f"{detail}; register one with handles: true.", ("/type", detail))

    def document(self, command_id: str, caller: str) -> Document:
        """Returns a command as the API shows it.

        Raises:
            NotFound: There is none, or the caller may not see it.
        """
        with self.store.lock:
            event, record = self._event(command_id, caller), self._record(command_id)
            handler = self._handler(event)
            return {
                **{name: event[name] for name in ("id", "type", "source", "created_at")},
                "state": state_of(record, self._statuses(event, handler)),
                "deadline": _text(deadline(event)),
                "expected_replies": expected_replies(event),
                "routed": True,
                "handler": None
                if handler is None
                else {"subscription_id": handler.id, "service_id": handler.service_id},
                "reply": self._shown(record.replies[0]) if record.replies else None,
                "replies": [
                    {
                        "service_id": each.service_id,
                        "status": "failed" if each.failed else "succeeded",
                        "at": each.at,
                        "event": self._shown(each),
                    }
                    for each in record.replies
                ],
                "error": self._error(event, record),
                "late_replies": [{"service_id": e.service_id, "at": e.at} for e in record.late],
                "cancelled_by": record.ended_by,
                "delivered_at": None,
                "ended_at": record.ended_at,
            }

    def ended(self, command_id: str) -> bool:
        """Returns whether a command has ended."""
        return self._record(command_id).ended is not None

    def cancel(self, command_id: str, caller: str) -> Document:
        """Cancels a command.

        Raises:
            NotFound: There is none.
            Forbidden: Another service has sent it.
            Conflict: It has ended.
        """
        with self.store.lock:
            event, record = self._event(command_id, caller), self._record(command_id)
            if event["source"] != caller:
                raise forbidden(f"Only {event['source']}, which sent the command, may cancel it.")
            if record.ended not in (None, "cancelled"):
                raise conflict(f"The command {command_id} has ended: it {_SAID[record.ended]}.")
            if record.ended is None:
                self._records[command_id] = transitions.after_cancel(record, caller)
            self.store.lock.notify_all()
        return self.document(command_id, caller)

    def reply(self, command_id: str, caller: str, payload: Document, *, failed: bool) -> Stored:
        """Stores the reply of a service.

        Args:
            command_id: The command.
            caller: The service that replies.
            payload: The payload of the reply; problem details if it failed.
            failed: Whether it reports a failure.

        Raises:
            NotFound: There is no such command.
            Forbidden: The service does not handle it.
            Conflict: The service has given another reply, or the command has ended.
        """
        with self.store.lock:
            event, record = self._event(command_id, caller), self._record(command_id)
            self._check_right(event, caller)
            sent = submission(self._reply(event, caller, payload), caller)
            if (given := record.reply_of(caller)) is not None:
                if given.failed == failed and self.store.repeats(sent):
                    return Stored(self.store.event(given.event_id), repeated=True)
                raise conflict(f"The service has replied already, by {given.event_id}.")
            if record.ended is not None:
                self._refuse_late(command_id, record, caller)
            added = {"reply_status": "failed" if failed else "succeeded"}
            added["hop_count"] = event["metadata"].get("hop_count", 0) + 1
            if sent.event["type"].partition(".")[0] == event["source"]:
                added["reply_for"] = event["source"]
            stored = self.store.add(sent, added)
            reply = Reply(sent.id, caller, failed, stored.event["created_at"])
            expected = expected_replies(event) or 1
            self._records[command_id] = transitions.after_reply(record, reply, expected)
            self.store.lock.notify_all()
            return stored

    def answered(self, event: Document, found: Subscription, answer: Answer) -> Stored | None:
        """Stores the answer of a callback as a reply, if it is one.

        Args:
            event: The event that was delivered.
            found: The subscription.
            answer: The answer.

        Returns:
            The reply; None if the answer is none.
        """
        if expected_replies(event) is None or not found.replies or not self._may(event, found):
            return None
        outcome = Outcome(status_code=answer.status)
        refuses = outcome.client_error and not outcome.gone
        failed = refuses and answer.media_type == "application/problem+json"
        if not answer.body or not (failed or 200 <= answer.status < 300):
            return None
        try:
            result = json.loads(answer.body)
        except ValueError:
            result, failed = _NOT_JSON, True
        payload = result if isinstance(result, dict) else {"result": result}
        return self.reply(event["id"], found.service_id, payload, failed=failed)

    def _may(self, event: Document, found: Subscription) -> bool:
        return found.handles or not is_command(event["type"])

    def _check_right(self, event: Document, caller: str) -> None:
        handler = self._handler(event)
        if is_command(event["type"]):
            may = handler is not None and handler.service_id == caller
        else:
            may = event["source"] != caller
        if not may:
            raise forbidden(
                f"{caller} is not the service that handles the command {event['id']}; only that "
                "service replies."
            )

    def _refuse_late(self, command_id: str, record: Command, caller: str) -> None:
        if record.ended in ("succeeded", "failed"):
            raise conflict(f"The command {command_id} has all the replies that it expects.")
        self._records[command_id] = transitions.after_late_reply(record, caller)
        said = "expired" if record.ended == "expired" else "was cancelled"
        raise conflict(f"The command {command_id} {said} before its reply, which is not stored.")

    def _event(self, command_id: str, caller: str) -> Document:
        event = self.store.events.get(command_id)
        if event is None or expected_replies(event) is None or not self._sees(event, caller):
            raise missing("command", command_id)
        return event

    def _sees(self, event: Document, caller: str) -> bool:
        """Returns whether a service sent a command, or has a subscription that it is for."""
        subscriptions = self.store.subscriptions.values()
        return event["source"] == caller or any(
            each.service_id == caller and each.wants(event) for each in subscriptions
        )

    def _record(self, command_id: str) -> Command:
        """Returns the record; a command whose deadline has passed ends here."""
        record = self._records.get(command_id) or Command(command_id)
        ends = deadline(self.store.events[command_id])
        if record.ended is None and ends is not None and ends <= datetime.now(timezone.utc):
            record = self._records[command_id] = transitions.after_deadline(record)
        return record

    def _handler(self, event: Document) -> Subscription | None:
        """Returns the handler that a command was routed to."""
        routed = self.store.statuses[event["id"]]
        handler = self.store.handler(event["type"])
        return handler if handler is not None and handler.id in routed else None

    def _statuses(self, event: Document, handler: Subscription | None) -> list[str]:
        found = self.store.statuses[event["id"]]
        if is_command(event["type"]):
            return [found[handler.id]] if handler is not None else []
        return list(found.values())

    def _live(self, event: Document, found: Subscription) -> bool:
        """Returns whether an event may still be delivered: commands that have ended may not."""
        if expected_replies(event) is None:
            return True
        record = self._record(event["id"])
        return record.ended is None or (not self._may(event, found) and record.ended != "expired")

    def _reply(self, event: Document, caller: str, payload: Document) -> Document:
        metadata = event["metadata"]
        name = hashlib.sha256(str(event["id"]).encode()).hexdigest()[:32]
        return {
            "id": f"{caller}:reply_{name}",
            "type": reply_address(event["source"], metadata.get("reply_to")),
            "payload": payload,
            "metadata": {
                "correlation_id": metadata.get("correlation_id") or event["id"],
                "causation_id": event["id"],
            },
        }

    def _shown(self, reply: Reply) -> Document:
        return envelope(self.store.events[reply.event_id])

    def _error(self, event: Document, record: Command) -> Document | None:
        if record.ended == "expired":
            came = f"{len(record.replies)} of {expected_replies(event)} replies had come"
            said = f"The deadline, {_text(deadline(event))}, has passed; {came}."
            return details("command-expired", "The command has expired", 504, said)
        if record.ended == "cancelled":
            said = f"{record.ended_by} cancelled the command."
            return details("command-cancelled", "The command was cancelled", 409, said)
        failed = next((each for each in record.replies if each.failed), None)
        return None if failed is None else self.store.events[failed.event_id]["payload"]


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
