"""Callers that IAM knows: API Gateway has checked their signature (SigV4), and names them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from event_bus import clients
from event_bus.access.admin_key import AdminSecret
from event_bus.access.authenticator import Authenticator
from event_bus.access.rate_limits import RateLimiter
from event_bus.settings import settings
from event_bus.stores.keys import KeyStore
from event_bus.stores.limits import LimitStore


def context_of(identity: Mapping[str, Any]) -> dict[str, str]:
    """What an authorizer would hand on of a caller, whose request it counts, or why there is none.

    Args:
        identity: `requestContext.authorizer.iam`, as API Gateway fills it in
            (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
    """
    caller = _authenticator().identify_principal(str(identity.get("userArn") or ""))
    if caller:
        rate = caller.rate_limit or settings().key_rate
        allowance = _limiter().spend(caller.key_id or caller.service_id, rate)
        return caller.context() | allowance.context()
    return {"reason": "unknown_principal"}


@cache
def _authenticator() -> Authenticator:
    keys = KeyStore(clients.dynamodb(), settings().keys_table)
    # Who is an admin is proven by the admin key alone.
    return Authenticator(keys, admin_key=lambda: AdminSecret("", ""))


@cache
def _limiter() -> RateLimiter:
    return RateLimiter(LimitStore(clients.dynamodb(), settings().limits_table))
