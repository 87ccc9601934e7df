"""Requests as API Gateway hands them to a function (payload format 2.0)."""

from typing import Any

from event_bus.access.callers import Caller

PATH_PARAMETERS = {
    "id": "evt_1",
    "type": "task.created",
    "category": "task",
    "name": "customers",
    "key": "k",
    "version": "1",
    "key_id": "key_1",
}
"""A valid value for each parameter of a path of the API."""


def http_request(
    route: str,
    *,
    caller: Caller | None = None,
    body: str | None = None,
    encoded: bool = False,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    raw_query: str = "",
    parameters: dict[str, str] | None = None,
    path: str = "/things",
    request_id: str = "request-1",
) -> dict[str, Any]:
    """The event of a request."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": raw_query,
        "headers": {"content-type": "application/json"} if headers is None else headers,
        "requestContext": {
            "requestId": request_id,
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        },
        "isBase64Encoded": encoded,
    }
    if caller:
        event["requestContext"]["authorizer"] = {"lambda": caller.context()}
    given = {"body": body, "queryStringParameters": query, "pathParameters": parameters}
    return event | {name: value for name, value in given.items() if value is not None}
