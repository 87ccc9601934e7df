"""IAM callers: API Gateway has verified their signature (SigV4) and names them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from event_bus.access.authenticator import Authenticator
from event_bus.access.rate_limits import RateLimiter


@dataclass(frozen=True, slots=True)
class IamCallers:
    """The authorizer's work for signed requests.

    Attributes:
        authenticator: Finds the service of a role or user.
        limiter: Counts requests.
        rate: The rate of callers without a rate of their own, in requests a second.
    """

    authenticator: Authenticator
    limiter: RateLimiter
    rate: int

    def context_of(self, identity: Mapping[str, Any]) -> dict[str, str]:
        """What an authorizer passes on: the caller, whose request it counts, or a reason code.

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
