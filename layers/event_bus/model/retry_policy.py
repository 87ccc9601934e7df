"""Retry policies of subscriptions."""

import random
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from event_bus.model.validation import Request

LONGEST_WAIT_SECONDS = 86_400
"""The longest wait between two attempts, in seconds, for policies and `Retry-After` alike."""

MAX_ATTEMPTS = 50
"""The most attempts of a policy; a schedule has one wait less."""

ClientErrors = Literal["retry", "final"]

_JITTER = 0.2

_Seconds = Annotated[int, Field(ge=1, le=LONGEST_WAIT_SECONDS)]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a failed delivery is tried again. By default twelve attempts in about 32 hours.

    Attributes:
        max_attempts: The number of attempts, including the first.
        schedule: The waits after each attempt, in seconds; the last one repeats. None if they grow
            by `base`, `factor` and `cap`.
        base: The first wait, in seconds.
        factor: The ratio of each wait to the one before.
        cap: The longest of these waits, in seconds.
        timeout: The longest duration of an attempt, in seconds.
        client_errors: Whether an answer of 3xx or 4xx is retried like any other failure, or is
            final. 408, 409, 425 and 429 are never final; 410 always is.
        disable_after_days: After how many days without any success the subscription is disabled.
    """

    max_attempts: int = 12
    schedule: list[int] | None = None
    base: int = 5
    factor: float = 4.0
    cap: int = 21_600
    timeout: float = 15
    client_errors: ClientErrors = "retry"
    disable_after_days: int = 5

    def wait_after(self, attempt: int, asked: float | None = None) -> float:
        """Seconds to wait after a failed attempt, with jitter, so that retries do not coincide.

        See https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.

        Args:
            attempt: The number of the attempt, from 1 on.
            asked: The subscriber's `Retry-After`, in seconds; no wait is shorter.
        """
        if self.schedule:
            wait: float = self.schedule[min(attempt, len(self.schedule)) - 1]
        else:
            # Such a large power exceeds any cap, and computing it would overflow.
            wait = min(self.cap, self.base * self.factor ** min(attempt - 1, 64))
        wait *= random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
        return min(max(wait, asked or 0), LONGEST_WAIT_SECONDS)


DEFAULT_POLICY = RetryPolicy()


class RetryPolicyRequest(Request):
    """A retry policy as a client sends it."""

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
