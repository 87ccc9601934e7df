"""Authenticates requests (API Gateway's Lambda authorizers).

Every request of the HTTP API passes (payload format 2.0). The function behind refuses an unknown
caller with a problem details object, which API Gateway could not write. If the caller cannot be
identified now, the function behind refuses the request in the same way. A WebSocket connection is
refused by the policy (format 1.0), because no function can answer it before it is open.
"""

from functools import cache
from typing import Any

from event_bus.access.authenticator import key_in
from event_bus.access.callers import ADMIN, PROBLEM, Caller
from event_bus.access.rate_limits import Allowance
from event_bus.errors import Reason
from event_bus.failures import problem_of
from event_bus.log import logger
from event_bus.runtime import access, audit
from event_bus.settings import settings
from event_bus.time_limit import OutOfTime, limited, seconds_left

_authenticator = access.authenticator()
_limiter = access.rate_limiter()
_recorder = cache(audit.recorder)


_BEFORE_THE_END = 1.0
"""How many seconds before its end the function gives up."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Returns the caller, or the reason why there is none, as API Gateway expects it."""
    left = seconds_left(context)
    try:
        with limited(None if left is None else left - _BEFORE_THE_END):
            return _found(event)
    except (Exception, OutOfTime) as error:
        if "methodArn" in event:
            # API Gateway answers the handshake with 500, after which clients connect again.
            if isinstance(error, OutOfTime):
                # Lambda ends the process of a function that raises anything but an `Exception`.
                raise problem_of(error) from error
            raise
        problem = problem_of(error, event.get("requestContext", {}).get("requestId", ""))
        return {"isAuthorized": True, "context": {PROBLEM: problem.kind}}


def _found(event: dict[str, Any]) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    query = event.get("queryStringParameters") or {}
    subject = _subject(event)
    caller = _authenticator.identify(headers, query, subject)
    logger.debug("identified", service_id=caller and caller.service_id, route=event.get("routeKey"))
    unknown = None if caller else _reason(headers, query, subject)
    context = caller.context() if caller else {"reason": unknown}
    allowance = _spend(caller) if caller else None
    if "methodArn" in event:
        # Clients of a WebSocket only receive events, so the key needs that scope.
        exceeded = allowance is not None and allowance.exceeded
        may_connect = caller is not None and caller.permits("receive")
        if not (may_connect or exceeded):
            _record_refusal(event, caller, unknown or "scope")
        return _policy(event["methodArn"], caller if may_connect and not exceeded else None)
    return {"isAuthorized": True, "context": context | (allowance.context() if allowance else {})}


def _spend(caller: Caller) -> Allowance:
    return _limiter.spend(caller.key_id or ADMIN, _rate(caller))


def _rate(caller: Caller) -> int:
    return caller.rate_limit or settings().key_rate


def _subject(event: dict[str, Any]) -> str | None:
    """Returns the subject of the client certificate that API Gateway has verified.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    authentication = event.get("requestContext", {}).get("authentication") or {}
    subject: str | None = (authentication.get("clientCert") or {}).get("subjectDN")
    return subject


def _reason(headers: dict[str, str], query: dict[str, str], subject: str | None) -> Reason:
    if key_in(headers):
        return "bad_key"
    if "token" in query:
        return "bad_token"
    return "unknown_principal" if subject else "no_key"


def _record_refusal(event: dict[str, Any], caller: Caller | None, reason: Reason) -> None:
    # Imported here: only a refusal needs it, and it would slow down every start.
    from event_bus.inbox.audit import refusal  # noqa: PLC0415

    _recorder().record(refusal(event.get("requestContext", {}), caller, reason))


def _policy(arn: str, caller: Caller | None) -> dict[str, Any]:
    statement = {
        "Action": "execute-api:Invoke",
        "Effect": "Allow" if caller else "Deny",
        "Resource": arn,
    }
    return {
        "principalId": caller.service_id if caller else "unknown",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        # The function behind counts the messages of the connection.
        "context": caller.context() | {"rate_limit": str(_rate(caller))} if caller else {},
    }
