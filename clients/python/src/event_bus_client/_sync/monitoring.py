"""What happened on the bus: its metrics and its audit log."""

from datetime import datetime
from typing import Any

from event_bus_client._sync.lists import Listing
from event_bus_client._sync.transport import Transport
from event_bus_client.calls import Call


class Metrics:
    """What was published, delivered and failed, for an admin."""

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def counts(
        self,
        *,
        granularity: str = "hour",
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        type: str | None = None,  # noqa: A002 - the parameter's name
        source: str | None = None,
        subscriber: str | None = None,
    ) -> dict[str, Any]:
        """Counts the events and deliveries of a period, in total and for each part of it.

        Args:
            granularity: How long each part is: a `minute`, an `hour` or a `day`.
            since: The beginning; None for an hour, a day or 30 days before the end.
            until: The end; None for now.
            type: A type or a pattern, such as `order.*`.
            source: Only events of this service.
            subscriber: Only deliveries to this service.
        """
        query = {
            "granularity": granularity,
            "from": since,
            "to": until,
            "type": type,
            "source": source,
            "subscriber": subscriber,
        }
        answer: dict[str, Any] = self._transport.send(Call("GET", "/analytics", query=query))
        return answer

    def prometheus(self) -> str:
        """Reads the metrics in Prometheus's text format."""
        return (self._transport.answer(Call("GET", "/metrics"))).text


class AuditLog:
    """The audit log, for an admin."""

    def __init__(self, transport: Transport) -> None:
        """Uses a transport."""
        self._transport = transport

    def list(
        self,
        *,
        action: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        resource_type: str | None = None,
        status: str | None = None,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        limit: int | None = None,
    ) -> Listing[dict[str, Any]]:
        """Lists entries, the newest first.

        Args:
            action: The action, such as `publisher.create`.
            actor: The service that did it, `admin` or `anonymous`.
            resource: The id of the resource.
            resource_type: The kind of the resource, such as `subscription`.
            status: The result of the request: `success`, `failure` or `denied`.
            since: The earliest timestamp.
            until: The end of the period; all timestamps are earlier.
            limit: How many a page holds.
        """
        query = {
            "action": action,
            "actor": actor,
            "resource": resource,
            "resource_type": resource_type,
            "status": status,
            "from": since,
            "to": until,
            "limit": limit,
        }
        return Listing(self._transport, "/audit-log", query, dict)
