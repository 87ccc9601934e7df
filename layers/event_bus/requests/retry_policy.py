"""Retry policies, as clients send them."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from event_bus.model.retry_policy import (
    DEFAULT_POLICY,
    LONGEST_WAIT_SECONDS,
    ClientErrors,
    RetryPolicy,
)
from event_bus.requests.validation import RequestModel

MAX_ATTEMPTS = 50
"""The most attempts of a policy; a schedule has one wait less."""

_Seconds = Annotated[int, Field(ge=1, le=LONGEST_WAIT_SECONDS)]


class RetryPolicyRequest(RequestModel):
    """A retry policy as a client sends it.

    Attributes:
        max_attempts: How many attempts are made in all; by default 12, or with a schedule one more
            than its waits.
        schedule: The waits after each attempt, in seconds; the last one repeats. It excludes the
            next three.
        base: The first wait, in seconds; by default 5.
        factor: The factor by which each wait grows; by default 4.
        cap: The longest wait, in seconds; by default 21,600.
        timeout: The longest time for one attempt, in seconds.
        client_errors: Whether an answer of 3xx or 4xx is tried again (`retry`) or not (`final`).
            408, 409, 425 and 429 are always tried again, and 410 never is.
        disable_after_days: The days without any success after which the bus disables the
            subscription.
    """

    max_attempts: Annotated[int, Field(ge=1, le=MAX_ATTEMPTS)] | None = None
    schedule: Annotated[list[_Seconds], Field(min_length=1, max_length=MAX_ATTEMPTS - 1)] | None = (
        None
    )
    base: _Seconds | None = None
    factor: Annotated[float, Field(ge=1, le=10)] | None = None
    cap: _Seconds | None = None
    timeout: Annotated[float, Field(ge=1, le=30)] = DEFAULT_POLICY.timeout
    client_errors: ClientErrors = DEFAULT_POLICY.client_errors
    disable_after_days: Annotated[int, Field(ge=1, le=90)] = DEFAULT_POLICY.disable_after_days

    @model_validator(mode="after")
    def _one_way_to_wait(self) -> "RetryPolicyRequest":
        if self.schedule and (self.base or self.factor or self.cap):
            raise PydanticCustomError(
                "waits", "must have either a schedule, or base, factor and cap"
            )
        return self

    def policy(self) -> RetryPolicy:
        """Returns the policy. By default, a schedule allows one attempt more than it has waits."""
        members = {name: value for name, value in self.model_dump().items() if value is not None}
        if self.schedule and self.max_attempts is None:
            members["max_attempts"] = len(self.schedule) + 1
        return RetryPolicy(**members)
