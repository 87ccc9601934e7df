"""Tells who makes a request (API Gateway's Lambda authorizer, payload format 2.0).

Every request passes: a caller who is not known is refused by the function behind, with the problem
document that API Gateway itself could not write.
"""

from typing import Any

from event_bus import clients
from event_bus.log import logger
from event_bus.security.admin_key import AdminKey
from event_bus.security.authenticator import Authenticator, key_in
from event_bus.settings import settings
from event_bus.stores.keys import KeyStore

_authenticator = Authenticator(
    find_key=KeyStore(clients.dynamodb(), settings().keys_table).find,
    admin_key=AdminKey(clients.secrets(), settings().admin_secret).read,
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Hands on the caller, or why there is none."""
    headers = event.get("headers") or {}
    caller = _authenticator.identify(headers)
    if caller:
        context = caller.context()
    else:
        context = {"reason": "The API key is not valid."} if key_in(headers) else {}
    logger.info("identified", service_id=context.get("service_id"), route=event.get("routeKey"))
    return {"isAuthorized": True, "context": context}
