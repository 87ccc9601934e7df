"""Callers that sign their requests (SigV4); API Gateway verifies the signature and names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.access.authenticator import Authenticator
from event_bus.access.rate_limits import RateLimiter


@dataclass(frozen=True, slots=True)
class IamCallers:
    """Identifies the callers of signed requests and counts their requests, as the authorizer does.

    Attributes:
        authenticator: Finds the service of a role or user.
        limiter: Counts requests.
        rate: The rate of callers without a rate of their own, in requests a second.
    """

    authenticator: Authenticator
    limiter: RateLimiter
    rate: int

    def context_of(self, identity: Mapping[str, Any]) -> dict[str, str]:
        """Counts the request of a caller, and returns the context that an authorizer would pass on.

        The context has the caller and its allowance, or a reason code if no service is registered.

        Args:
            identity: `requestContext.authorizer.iam`, as API Gateway fills it in
                (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html).
        """
        caller = self.authenticator.identify_principal(str(identity.get("userArn") or ""))
        if caller is None:
            return {"reason": "unknown_principal"}
        rate = caller.rate_limit or self.rate
        allowance = self.limiter.spend(caller.key_id or caller.service_id, rate)
        return caller.context() | allowance.context()
