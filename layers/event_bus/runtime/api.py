"""The endpoints of the functions behind the API."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from event_bus.api import api_gateway
from event_bus.api.endpoint import Endpoint, EndpointPart
from event_bus.runtime import access, audit, encryption, stores

if TYPE_CHECKING:
    from event_bus.api.idempotency import Repetitions


def new_endpoint(*parts: EndpointPart) -> Endpoint:
    """Makes an endpoint, to which a handler adds its own operations.

    Args:
        parts: Operations whose functions are in other modules.
    """
    functions = {key: each for part in parts for key, each in part.functions.items()}
    return Endpoint(functions, recorder=cache(audit.recorder), repetitions=cache(_repetitions))


def handler_of(endpoint: Endpoint) -> api_gateway.Handler:
    """Makes the handler of a function behind API Gateway."""
    iam_callers = cache(access.iam_callers)

    def iam_caller(identity: Mapping[str, Any]) -> Mapping[str, str]:
        return iam_callers().context_of(identity)

    return api_gateway.handler_of(endpoint, iam_caller)


def _repetitions() -> "Repetitions":
    # Imported only for requests with an Idempotency-Key.
    from event_bus.api.idempotency import Repetitions

    return Repetitions(stores.idempotency(), encryption.answer_keys())
