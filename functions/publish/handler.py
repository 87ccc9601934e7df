"""Takes events in: `POST /events`."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import clients
from event_bus.api.endpoint import Request, Response, answer
from event_bus.errors import Problem
from event_bus.publishing.intake import Accepted, Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.settings import settings
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.publishers import PublisherStore
from event_bus.stores.streams import StreamStore

_intake = Intake(
    store=EventStore(
        clients.dynamodb(),
        settings().events_table,
        PayloadStore(clients.s3(), settings().payloads_bucket),
        StreamStore(clients.dynamodb(), settings().streams_table),
    ),
    rights=PublisherRights(PublisherStore(clients.dynamodb(), settings().publishers_table).get),
    retention_days=settings().retention_days,
    executor=ThreadPoolExecutor(16),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(event, {"POST /events": _publish})


def _publish(request: Request) -> Response:
    caller = request.caller
    body = request.json()
    if not isinstance(body, list):
        accepted = _intake.take(body, caller)
        return Response(200 if accepted.repeated else 202, _document(accepted))
    results = [_result(each) for each in _intake.take_all(body, caller)]
    refused = sum(result["status"] >= 400 for result in results)
    document = {
        "accepted": len(results) - refused,
        "refused": refused,
        "results": results,
    }
    return Response(207 if refused else 202, document)


def _result(result: Accepted | Problem) -> dict[str, Any]:
    if isinstance(result, Problem):
        return {"status": result.status, "error": result.document()}
    return {"status": 200 if result.repeated else 202, **_document(result)}


def _document(accepted: Accepted) -> dict[str, Any]:
    event = accepted.event
    return {
        "id": event.id,
        "type": event.type,
        "source": event.source,
        "timestamp": event.timestamp,
        "created_at": event.created_at,
    }
