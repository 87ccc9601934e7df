"""Carries requests from API Gateway to an endpoint, and answers back (payload format 2.0).

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

from event_bus.api.endpoint import Endpoint, refusal
from event_bus.api.requests import Request, Response
from event_bus.errors import Failure
from event_bus.log import logger
from event_bus.settings import settings
from event_bus.time_limit import seconds_left

MAX_ANSWER_BYTES = 6_000_000
"""The most bytes of a body in Lambda's JSON. Lambda permits 6 MB for an answer with its headers
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

Handler = Callable[[dict[str, Any], object], dict[str, Any]]


Identify = Callable[[Mapping[str, Any]], Mapping[str, str]]
"""Identifies a caller that IAM has authenticated, as an authorizer would."""


def handler_of(endpoint: Endpoint, iam_caller: Identify) -> Handler:
    """Makes the handler of a function behind API Gateway.

    Args:
        endpoint: Answers its requests.
        iam_caller: Identifies the caller of a signed request.
    """

    def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
        request = replace(
            read_request(event, iam_caller), seconds_left=partial(seconds_left, context)
        )
        return write_response(endpoint.answer(request), request)

    return handler


def read_request(event: Mapping[str, Any], iam_caller: Identify) -> Request:
    """Reads a request from the event of a function.

    Args:
        event: The event of API Gateway (payload format 2.0).
        iam_caller: Identifies the caller of a signed request.
    """
    context = event["requestContext"]
    headers = event.get("headers") or {}
    return Request(
        key=event["routeKey"],
        path=str(event.get("rawPath", "/")),
        headers=headers,
        in_path=event.get("pathParameters") or {},
        in_query=event.get("queryStringParameters") or {},
        repeated=_repeated(event.get("rawQueryString") or ""),
        body=_body(event),
        id=str(context.get("requestId", "")),
        ip_address=context.get("http", {}).get("sourceIp"),
        api_url=_api_url(context, headers),
        authenticate=_authentication(context.get("authorizer") or {}, iam_caller),
    )


def _repeated(raw_query: str) -> list[str]:
    """Returns the names of parameters that a query has several times.

    API Gateway joins their texts by commas, as if one text with commas had been sent.
    """
    if raw_query.count("&") == 0:
        return []
    names = Counter(unquote_plus(each.partition("=")[0]) for each in raw_query.split("&") if each)
    return [name for name, count in names.items() if count > 1]


def _authentication(
    authorizer: Mapping[str, Any], iam_caller: Identify
) -> Callable[[], Mapping[str, str]]:
    if identity := authorizer.get("iam"):
        return lambda: iam_caller(identity)
    return lambda: authorizer.get("lambda") or {}


def write_response(response: Response, request: Request) -> dict[str, Any]:
    """Writes an answer as API Gateway expects it; to a HEAD request without its body.

    Lambda replaces an answer that is too large, and API Gateway then answers 500 without a body
    that clients understand. So such an answer is replaced here.
    """
    body = response.content()
    if 4 * len(body) > MAX_ANSWER_BYTES and _escaped_bytes(body) > MAX_ANSWER_BYTES:
        logger.error("answer too large", route=request.key, request_id=request.id)
        response = refusal(
            Failure(
                "The answer would be larger than Lambda permits. In a list, ask for fewer items."
            ),
            request,
        )
        body = response.content()
    head = request.key.startswith("HEAD ")
    return {
        "statusCode": response.status,
        "headers": response.all_headers(),
        "body": "" if head else body,
    }


def _escaped_bytes(body: str) -> int:
    # The body becomes a string in Lambda's own JSON, which escapes these characters.
    escaped = sum(body.count(each) for each in '"\\\n')
    return len(body.encode()) + escaped


def _body(event: Mapping[str, Any]) -> bytes | str:
    body: str = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error:
            # It stays text. Operations refuse it, because it is not JSON.
            return body
    return body


def _api_url(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    if emulator := settings().emulator:
        # The emulator has one host for all APIs, which functions know by another name.
        scheme = emulator.partition(":")[0]
        return f"{scheme}://{headers.get('host')}/_aws/execute-api/{context.get('apiId')}"
    # API Gateway's own name, not a header of the client, because others may cache the answer.
    return f"https://{context.get('domainName')}"
