"""Reads events, event streams and their states, and explains which subscriptions events match."""

from collections.abc import Callable
from dataclasses import replace

from event_bus.access.callers import Caller
from event_bus.api.diagram import MERMAID, flow_diagram
from event_bus.api.documents.event_streams import (
    head_document,
    state_document,
    stream_event,
    summary_document,
)
from event_bus.api.documents.events import event_document, event_summary
from event_bus.api.documents.explanations import (
    match_document,
    subscription_test_document,
    test_document,
)
from event_bus.api.documents.flows import flow_document
from event_bus.api.documents.read_models import model_state_document, read_model_document
from event_bus.api.documents.schemas import drafts_document
from event_bus.api.listing import PageRequest
from event_bus.api.operations import event_streams, read_models, schemas
from event_bus.api.operations import events as operations
from event_bus.api.operations import explanations as explaining
from event_bus.api.query import Query
from event_bus.api.requests import Request, Response
from event_bus.api.sources import source_of
from event_bus.errors import Conflict, Fault, Forbidden, MalformedRequest
from event_bus.model.stream_name import StreamName
from event_bus.paging import MAX_NAME_POSITION, name_at, name_position
from event_bus.querying.event_finder import FoundEvent
from event_bus.querying.flows import Flow
from event_bus.querying.stream_finder import StreamListing
from event_bus.querying.stream_reader import StreamSpan
from event_bus.requests.stream_append import StreamChange
from event_bus.requests.testing import FilterTest, SubscriptionTest
from event_bus.requests.validation import read
from event_bus.runtime import access, payloads, querying, registry, states
from event_bus.runtime.api import handler_of, new_endpoint
from event_bus.states.state_reader import READ_SECONDS
from event_bus.targets.upcasting import UpcastFailed

_finder = querying.event_finder()
_flows = querying.flow_finder(_finder)
_readers = payloads.deployed_readers()
_upcaster = payloads.upcaster()
_drafts = querying.schema_drafts(_finder)
_explainer = querying.explainer()
_streams = querying.stream_reader(_finder)
_states = states.state_reader(_finder)
_waiting = access.waiting_room()
_heads = querying.stream_finder(_finder)
_changes = registry.stream_changes()
_models = states.model_reader(_finder)
_tester = querying.filter_tester(_explainer)


endpoint = new_endpoint()
handler = handler_of(endpoint)


@endpoint.answers(operations.LIST)
def _list(request: Request) -> Response:
    listing = PageRequest(request)
    caller = listing.caller
    page = _finder.page(operations.selection(listing.query), listing.behind, caller)
    wanted = listing.query.get(operations.SCHEMA_VERSION)
    # One by one, because the expressions of a schema may take two seconds for each.
    items = (
        (each.event.position, event_summary(_upcast(_shown(each, caller), wanted)))
        for each in page.found
    )
    return listing.page(items, page.position)


@endpoint.answers(operations.GET)
def _get(request: Request) -> Response:
    caller, wanted = request.caller, request.query().get(operations.SCHEMA_VERSION)
    found = _shown(_finder.get(request.resource_id, caller), caller)
    try:
        upcast = _upcaster.brought(found.event, wanted)
        return Response(200, event_document(replace(found, event=upcast)))
    except UpcastFailed as failure:
        said = f"The event cannot be brought to version {wanted}: {failure.detail}."
        raise Conflict(said, [Fault("schema_version", failure.detail)]) from None


@endpoint.answers(operations.TRACE)
def _trace(request: Request) -> Response:
    write = _writer(request.query())
    return write(_flows.of_event(request.resource_id, request.caller))


@endpoint.answers(operations.GET_TRACE)
def _get_trace(request: Request) -> Response:
    query = request.query()
    write = _writer(query)
    correlation_id = query.get(operations.CORRELATION_ID)
    trace_id = query.get(operations.TRACE_ID)
    if correlation_id and trace_id:
        detail = "must be left out with correlation_id"
        raise MalformedRequest.at("trace_id", detail)
    if correlation_id:
        return write(_flows.of_correlation(correlation_id, request.caller))
    if trace_id:
        return write(_flows.of_trace(trace_id, request.caller))
    raise MalformedRequest.at("correlation_id", "is required, or a trace_id")


@endpoint.answers(explaining.MATCHES)
def _matches(request: Request) -> Response:
    listing = PageRequest(request)
    explained = _explainer.matches(
        request.resource_id, listing.behind, listing.limit, listing.caller
    )
    items = ((each.subscription.id, match_document(each)) for each in explained.matches)
    page = listing.page(items, explained.position)
    return replace(page, body={**page.body, "routed": explained.routed})


@endpoint.answers(explaining.TEST_SUBSCRIPTION)
def _test_subscription(request: Request) -> Response:
    asked = read(SubscriptionTest, request.json())
    tested = _tester.test_subscription(request.resource_id, asked, request.caller)
    return Response(200, subscription_test_document(tested))


@endpoint.answers(explaining.TEST_FILTERS)
def _test_filters(request: Request) -> Response:
    asked = read(FilterTest, request.json())
    return Response(200, test_document(_tester.test_filters(asked, request.caller)))


@endpoint.answers(event_streams.READ)
def _read_stream(request: Request) -> Response:
    listing = PageRequest(request)
    query, caller = listing.query, listing.caller
    removed = query[event_streams.REMOVED] == "shown"
    if removed and not caller.admin:
        detail = "needs an admin key to be shown"
        raise Forbidden(f"removed {detail}.", [Fault("removed", detail)], reason="admin")
    span = StreamSpan(
        _stream(query, caller),
        query[event_streams.FROM_VERSION],
        query[event_streams.TO_VERSION],
        backward=query[event_streams.DIRECTION] == "backward",
    )
    found, rest = _streams.page(span, listing.limit, caller, behind=listing.behind, removed=removed)
    items = [
        (str(each.version), stream_event(each.version, _shown(each.found, caller)))
        for each in found
    ]
    return listing.page(items, rest)


@endpoint.answers(event_streams.STATE)
def _read_state(request: Request) -> Response:
    query, caller = request.query(), request.caller
    stream, at_version = _stream(query, caller), query[event_streams.AT_VERSION]
    if moment := query.get(event_streams.AT_TIME):
        if event_streams.AT_VERSION in query:
            detail = "must be left out with at_version"
            raise MalformedRequest.at("at_time", detail)
        at_version = _states.version_at(stream, moment)
    slot = _waiting.slot(caller.service_id, READ_SECONDS, "")
    state = _states.read(
        stream, at_version, caller, lambda event: _readers.shown(event, caller), slot
    )
    return Response(200, state_document(state))


@endpoint.answers(event_streams.LIST)
def _list_streams(request: Request) -> Response:
    listing = PageRequest(request, MAX_NAME_POSITION)
    query, caller = listing.query, listing.caller
    streams = StreamListing(
        _source(query, caller),
        query.get(event_streams.CATEGORY),
        query.get(event_streams.PREFIX) or "",
        caller,
    )
    found, rest = _heads.page(streams, name_at(listing.behind), listing.limit)
    items = [(name_position(each.listed.name.stream_id), summary_document(each)) for each in found]
    return listing.page(items, name_position(rest) if rest else None)


@endpoint.answers(event_streams.HEAD)
def _head(request: Request) -> Response:
    caller = request.caller
    return Response(200, head_document(_heads.head(_stream(request.query(), caller), caller)))


@endpoint.answers(event_streams.CHANGE)
def _truncate(request: Request) -> Response:
    caller, change = request.caller, read(StreamChange, request.json())
    stream = _stream(request.query(), caller)
    _changes.truncate(stream, change.truncate_before, caller)
    return Response(200, head_document(_heads.head(stream, caller)))


@endpoint.answers(event_streams.DELETE)
def _delete(request: Request) -> Response:
    _changes.delete(_stream(request.query(), request.caller), request.caller)
    return Response(204)


@endpoint.answers(read_models.GET)
def _get_read_model(request: Request) -> Response:
    source = source_of(request.query(), request.caller)
    model = _models.get(source, request.path_parameter("category"))
    return Response(200, read_model_document(model, _models.lag(model)))


@endpoint.answers(read_models.STATES)
def _list_states(request: Request) -> Response:
    listing = PageRequest(request, MAX_NAME_POSITION)
    found, rest = _models.page(
        _source(listing.query, listing.caller),
        request.path_parameter("category"),
        listing.query.members,
        name_at(listing.behind),
        listing.limit,
        listing.caller,
    )
    items = [(name_position(each.stream_id), model_state_document(each)) for each in found]
    return listing.page(items, name_position(rest) if rest else None)


def _stream(query: Query, caller: Caller) -> StreamName:
    return StreamName(_source(query, caller), query[event_streams.STREAM_ID])


def _source(query: Query, caller: Caller) -> str:
    source = query.get(event_streams.SOURCE)
    if source is None and caller.admin:
        detail = "is required with an admin key: the service whose stream it is"
        raise MalformedRequest.at("source", detail)
    return source or caller.service_id


def _writer(query: Query) -> Callable[[Flow], Response]:
    if query[operations.FORMAT] == "mermaid":
        headers = {"content-type": MERMAID}
        return lambda flow: Response(200, text=flow_diagram(flow), headers=headers)
    return lambda flow: Response(200, flow_document(flow))


def _shown(found: FoundEvent, caller: Caller) -> FoundEvent:
    return replace(found, event=_readers.shown(found.event, caller))


@endpoint.answers(schemas.DRAFTS)
def _schema_drafts(request: Request) -> Response:
    drafts = _drafts.of(request.query().get(schemas.TYPE), request.caller)
    return Response(200, drafts_document(drafts))


def _upcast(found: FoundEvent, wanted: int | None) -> FoundEvent:
    """Returns an event at a schema version; unchanged if its upcast fails."""
    return replace(found, event=_upcaster.shown(found.event, wanted))
