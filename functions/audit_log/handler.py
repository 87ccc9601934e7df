"""Shows the audit log: `GET /audit-log`."""

from typing import Any, get_args

from event_bus.api.endpoint import Request, Response, answer
from event_bus.audit.reader import MEMBERS, AuditQuery, AuditReader
from event_bus.model.audit_entries import Status
from event_bus.paging import choice_in, limit_in, page_document, read_cursor, time_in
from event_bus.runtime import stores

_reader = AuditReader(stores.audit_entries())


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers API Gateway."""
    return answer(event, {"GET /audit-log": _list})


def _list(request: Request) -> Response:
    caller = request.caller
    query = request.query(*MEMBERS, "from", "to", "limit", "cursor")
    choice_in(query, "status", get_args(Status))
    asked = AuditQuery(
        since=time_in(query, "from"),
        until=time_in(query, "to"),
        members={name: query[name] for name in MEMBERS if name in query},
    )
    found, position = _reader.page(asked, read_cursor(query, caller), limit_in(query))
    return Response(200, page_document(found, position, query, caller))
