"""Reads events back: `GET /events`, `/events/{id}` and its `/trace`, and `GET /traces`."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from event_bus.access.callers import Caller
from event_bus.api.diagram import MERMAID, flow_diagram
from event_bus.api.documents import event_document, event_summary
from event_bus.api.endpoint import Request, Response, answer
from event_bus.api.flows import flow_document
from event_bus.paging import bad_parameter, choice_in, page_document, read_cursor
from event_bus.querying.event_finder import EventFinder, Found
from event_bus.querying.event_query import PARAMETERS, read_event_query
from event_bus.querying.flows import Flow, FlowFinder
from event_bus.runtime import stores
from event_bus.runtime.payloads import deployed_readers, rights_reader

_finder = EventFinder(
    events=stores.events(),
    deliveries=stores.deliveries(),
    subscriptions=stores.subscriptions().of_service,
    executor=ThreadPoolExecutor(8),
    rights=rights_reader(),
)
_flows = FlowFinder(_finder)
_readers = deployed_readers()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(
        event,
        {
            "GET /events": _list,
            "GET /events/{id}": _get,
            "GET /events/{id}/trace": _trace,
            "GET /traces": _traces,
        },
    )


def _list(request: Request) -> Response:
    caller = request.caller
    query = request.query(*PARAMETERS)
    page = _finder.page(read_event_query(query), read_cursor(query, caller), caller)
    items = [(each.event.position, event_summary(_shown(each, caller))) for each in page.found]
    return Response(200, page_document(items, page.position, query, caller))


def _get(request: Request) -> Response:
    caller = request.caller
    return Response(200, event_document(_shown(_finder.get(request.resource_id, caller), caller)))


def _trace(request: Request) -> Response:
    query = request.query("format")
    write = _writer(query)
    return write(_flows.of_event(request.resource_id, request.caller))


def _traces(request: Request) -> Response:
    query = request.query("correlation_id", "trace_id", "format")
    write = _writer(query)
    match query:
        case {"correlation_id": _, "trace_id": _}:
            raise bad_parameter("trace_id", "must be left out where there is a correlation_id")
        case {"correlation_id": correlation_id}:
            return write(_flows.of_correlation(correlation_id, request.caller))
        case {"trace_id": trace_id}:
            return write(_flows.of_trace(trace_id, request.caller))
    raise bad_parameter("correlation_id", "is required, or a trace_id")


def _writer(query: dict[str, str]) -> Callable[[Flow], Response]:
    if choice_in(query, "format", ("json", "mermaid")) == "mermaid":
        headers = {"content-type": MERMAID}
        return lambda flow: Response(200, text=flow_diagram(flow), headers=headers)
    return lambda flow: Response(200, flow_document(flow))


def _shown(found: Found, caller: Caller) -> Found:
    return replace(found, event=_readers.shown(found.event, caller))
