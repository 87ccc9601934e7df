"""The audit log."""

from typing import get_args

from event_bus.api.documents.status import AuditPage
from event_bus.api.operation import Operation
from event_bus.api.parameters import PAGING, Parameter, choice, text, time
from event_bus.api.query import Query
from event_bus.audit.reader import AuditQuery
from event_bus.model.audit_entries import Status

ACTION = text("action", "The action, such as `publisher.create`.")
ACTOR = text("actor", "The service that did it, `admin` or `anonymous`.")
RESOURCE = text("resource", "The identifier of the resource.")
RESOURCE_TYPE = text("resource_type", "The kind of the resource, such as `subscription`.")
STATUS: Parameter[Status] = choice("status", "The result of the request.", get_args(Status))
SINCE = time("from", "The beginning of the period, included.")
UNTIL = time("to", "The end of the period, excluded.")

LIST = Operation(
    "GET /audit-log",
    name="listAuditLog",
    function="audit_log",
    scope="read",
    admin=True,
    action="audit_log.read",
    audited=True,
    tag="Operations",
    summary="List the entries of the audit log, newest first (admin).",
    query=(ACTION, ACTOR, RESOURCE, RESOURCE_TYPE, STATUS, SINCE, UNTIL, *PAGING),
    answers={200: AuditPage},
)

_MEMBERS = (ACTION, ACTOR, RESOURCE, RESOURCE_TYPE, STATUS)


def selection(query: Query) -> AuditQuery:
    """Returns the filters of a list of entries, from its query parameters."""
    return AuditQuery(
        since=query.get(SINCE),
        until=query.get(UNTIL),
        members={each.name: query.sent[each.name] for each in _MEMBERS if each in query},
    )
