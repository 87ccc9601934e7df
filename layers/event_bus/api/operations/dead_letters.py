"""Dead letters: listing, retrying and discarding them."""

from typing import get_args

from event_bus.api.documents.deliveries import BulkRetry, DeadLetter, DeadLetterPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import LIMIT, PAGING, Parameter, choice, text, time, type_pattern
from event_bus.api.query import Query
from event_bus.errors import Conflict, NotFound
from event_bus.model.delivery import DeadLetterStatus
from event_bus.recovery.dead_letters import MAX_BULK, BulkRetryRequest, DeadLetterQuery

EVENT_ID = text("event_id", "The event.")
SUBSCRIPTION_ID = text("subscription_id", "The subscription.")
SUBSCRIBER_ID = text("subscriber_id", "The service that the subscription belongs to.")
EVENT_TYPE = type_pattern("event_type", "The event's type, or a pattern such as `task.*`.")
ERROR_CODE = text("error_code", "The code of the last error.")
STATUS: Parameter[DeadLetterStatus] = choice("status", "Its status.", get_args(DeadLetterStatus))
SINCE = time("from", "The beginning of the period of `created_at`, included.")
UNTIL = time("to", "The end of the period of `created_at`, excluded.")

LIST = Operation(
    "GET /dead-letters",
    name="listDeadLetters",
    function="recovery",
    scope="read",
    action="dead_letter.list",
    tag="Dead letters",
    summary="List dead letters, newest first: all for an admin, its own for a service.",
    query=(
        EVENT_ID,
        SUBSCRIPTION_ID,
        SUBSCRIBER_ID,
        EVENT_TYPE,
        ERROR_CODE,
        STATUS,
        SINCE,
        UNTIL,
        *PAGING,
    ),
    answers={200: DeadLetterPage},
)
RETRY_ALL = Operation(
    "POST /dead-letters/retry",
    name="retryDeadLetters",
    function="recovery",
    scope="recover",
    action="dead_letter.retry",
    tag="Dead letters",
    summary=f"Retry the dead letters that a filter selects, up to {MAX_BULK} a request.",
    body=BulkRetryRequest,
    creates=True,
    answers={202: BulkRetry},
)
GET = Operation(
    "GET /dead-letters/{id}",
    name="getDeadLetter",
    function="recovery",
    scope="read",
    action="dead_letter.read",
    tag="Dead letters",
    summary="One dead letter, with its attempts.",
    answers={200: DeadLetter},
    errors=(NotFound,),
)
RETRY = Operation(
    "POST /dead-letters/{id}/retry",
    name="retryDeadLetter",
    function="recovery",
    scope="recover",
    action="dead_letter.retry",
    tag="Dead letters",
    summary="Retry a dead letter.",
    creates=True,
    answers={202: DeadLetter},
    errors=(NotFound, Conflict),
)
DISCARD = Operation(
    "DELETE /dead-letters/{id}",
    name="discardDeadLetter",
    function="recovery",
    scope="recover",
    action="dead_letter.discard",
    tag="Dead letters",
    summary="Discard a dead letter.",
    answers={204: None},
    errors=(NotFound, Conflict),
)


def selection(query: Query) -> DeadLetterQuery:
    """Returns the filters of a list of dead letters, from its query parameters."""
    return DeadLetterQuery(
        event_id=query.get(EVENT_ID),
        subscription_id=query.get(SUBSCRIPTION_ID),
        subscriber_id=query.get(SUBSCRIBER_ID),
        event_type=query.get(EVENT_TYPE),
        error_code=query.get(ERROR_CODE),
        status=query.get(STATUS),
        since=query.get(SINCE),
        until=query.get(UNTIL),
        limit=query[LIMIT],
    )
