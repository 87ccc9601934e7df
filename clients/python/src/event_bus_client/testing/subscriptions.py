"""The subscriptions of the bus in memory, and their inboxes."""

import base64
import os
from dataclasses import dataclass, field
from typing import Any

from event_bus_client._bus.matching.errors import InvalidPatternError
from event_bus_client._bus.matching.filters import SubscriptionFilter
from event_bus_client._bus.model.command_types import MAX_HANDLED_TYPES, may_be_handled
from event_bus_client._bus.model.stream_name import stream_id_pattern
from event_bus_client.publishing import new_id
from event_bus_client.testing.problems import refused
from event_bus_client.testing.submissions import Document
from event_bus_client.times import now

_INBOXES = ("pull", "sse", "websocket")


@dataclass
class Subscription:
    """A subscription.

    Attributes:
        document: How the API shows it.
        filter: Which events it is for.
        secret: The secret that its webhooks are signed by.
        inbox: The ids of its events, in order.
        backlog: The ids of the events that it matched while it was paused.
        acknowledged: How many events of the inbox are acknowledged.
        lease: The lease that was given last.
        lease_ends: When it ends, in seconds of the monotonic clock.
        taken: The place up to which it reaches.
    """

    document: Document
    filter: SubscriptionFilter
    secret: str
    inbox: list[str] = field(default_factory=list)
    backlog: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lease: str | None = None
    lease_ends: float = 0.0
    taken: int = 0

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.document["id"])

    @property
    def service_id(self) -> str:
        """The service that it belongs to."""
        return str(self.document["service_id"])

    @property
    def callback_url(self) -> str | None:
        """The URL of its webhooks; None if it has an inbox."""
        url = self.document["callback_url"]
        return None if url is None else str(url)

    @property
    def handles(self) -> bool:
        """Whether it is the handler of the commands that it receives."""
        return bool(self.document["handles"])

    @property
    def replies(self) -> bool:
        """Whether the answer of its callback is a reply."""
        return bool(self.document["target"].get("reply"))

    @property
    def paused(self) -> bool:
        """Whether it keeps its events until it is resumed."""
        return bool(self.document["status"] == "paused")

    def wants(self, event: Document) -> bool:
        """Returns whether it is to receive an event, now or when it is resumed."""
        audience = event["metadata"].get("reply_for")
        if audience not in (None, self.service_id) or self.document["status"] == "disabled":
            return False
        return self.filter.matches(
            event["type"], event["source"], event.get("payload", {}), event["metadata"]
        )


def subscription(body: Any, service_id: str, subscription_id: str | None) -> Subscription:
    """Reads a subscription.

    Args:
        body: What was sent.
        service_id: The service that it belongs to, unless it names one.
        subscription_id: Its id; None makes one.

    Raises:
        InvalidRequest: Its types, filters or target are not valid.
    """
    if not isinstance(body, dict):
        raise refused(("", "must be an object"))
    url = body.get("callback_url")
    target = body.get("target") or {"type": "http", "url": url}
    url = target.get("url")
    if target.get("type") not in ("http", *_INBOXES) or (target["type"] == "http") != bool(url):
        raise refused(("/target", "the bus in memory has callbacks and inboxes only"))
    document = {
        "name": "",
        "status": "active",
        "handles": False,
        **body,
        "id": subscription_id or new_id("sub"),
        "service_id": body.get("service_id") or service_id,
        "event_types": body.get("event_types"),
        "filters": body.get("filters") or {},
        "stream": body.get("stream"),
        "callback_url": url,
        "target": target,
        "created_at": now(),
        "updated_at": now(),
    }
    document.pop("resume_from", None)
    try:
        matcher = SubscriptionFilter(document["event_types"], _narrowed(document))
    except InvalidPatternError as error:
        raise refused((error.pointer, error.detail)) from None
    if document["handles"]:
        _check_handler(document)
    secret = "whsec_" + base64.b64encode(os.urandom(32)).decode()
    return Subscription(document, matcher, secret)


def _narrowed(document: Document) -> Document:
    """Returns the filters, with the streams that the subscription follows."""
    filters: Document = document["filters"]
    followed = document["stream"]
    if followed is None:
        return filters
    if (followed.get("id") is None) == (followed.get("category") is None):
        raise refused(("/stream", "must have either an id or a category"))
    ids = stream_id_pattern(followed.get("id"), followed.get("category"))
    pattern = {**filters.get("*", {}), "source": [followed.get("source")]}
    pattern["metadata"] = {**pattern.get("metadata", {}), "stream_id": ids}
    return {**filters, "*": pattern}


def _check_handler(document: Document) -> None:
    wrong = [
        (f"/event_types/{place}", "must be a type that begins with command., exact")
        for place, each in enumerate(document["event_types"])
        if not may_be_handled(each)
    ]
    if len(document["event_types"]) > MAX_HANDLED_TYPES:
        detail = f"must have at most {MAX_HANDLED_TYPES} types where handles is true"
        wrong.append(("/event_types", detail))
    if document["filters"]:
        detail = "must be left out where handles is true: a handler takes every command"
        wrong.append(("/filters", detail))
    if wrong:
        raise refused(*wrong)
