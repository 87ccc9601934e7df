"""The health of the services on which the bus depends.

The answers have the form of the Health Check Response Format for HTTP APIs
(https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from event_bus import times
from event_bus.cache import Cache
from event_bus.log import logger

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CACHE_SECONDS = 5.0
"""How long a result is cached: anyone may ask, and every check costs money."""

Status = Literal["pass", "warn", "fail"]
"""The status of a component. `warn`: it works, and a person should look at it."""

Look = Callable[[], dict[str, Any]]
"""Checks a component, returns what was observed, and raises if it does not answer.

The observation may have a `status` of `warn`.
"""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """The result of one check.

    Attributes:
        name: The component.
        status: Its status.
        time: When it was made, RFC 3339.
        observed: The observation.
    """

    name: str
    status: Status
    time: str
    observed: dict[str, Any]

    def document(self) -> dict[str, Any]:
        """Returns the check as the API shows it."""
        return {"status": self.status, "time": self.time, **self.observed}


@dataclass(slots=True)
class Health:
    """Checks components, at most once in `CACHE_SECONDS`.

    Attributes:
        looks: The components by area (`database`), each with its check.
        clock: Monotonic clock, in seconds.
    """

    looks: Mapping[str, Mapping[str, Look]]
    clock: Callable[[], float] = times.steady
    _known: Cache[str, HealthCheck] = field(init=False)

    def __post_init__(self) -> None:
        components = sum(map(len, self.looks.values()))
        self._known = Cache(CACHE_SECONDS, components, self.clock)

    def check(self, *areas: str) -> list[HealthCheck]:
        """Returns the status of every component of these areas."""
        return [
            self._known.fetch(name, partial(_checked, name, look))
            for area in areas
            for name, look in self.looks[area].items()
        ]


def _checked(name: str, look: Look) -> HealthCheck:
    try:
        observed = look()
    except Exception:
        logger.exception("health check failed", component=name)
        return HealthCheck(name, "fail", times.now(), {"output": "does not answer"})
    return HealthCheck(name, observed.get("status", "pass"), times.now(), observed)


def database_check(probe: Callable[[], None]) -> Look:
    """Returns the check of a table.

    Args:
        probe: Reads from the table, and raises if it does not answer.
    """

    def look() -> dict[str, Any]:
        probe()
        return {}

    return look


def queue_check(client: "SQSClient", url: str, warning: str = "") -> Look:
    """Returns the check of a queue: how many messages wait in it.

    Args:
        client: The SQS client.
        url: The queue's URL.
        warning: The meaning of any message in the queue; empty if messages are normal.
    """

    def look() -> dict[str, Any]:
        answer = client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        waiting = int(answer["Attributes"]["ApproximateNumberOfMessages"])
        seen = {"observedValue": waiting, "observedUnit": "messages"}
        return {**seen, **_warning(warning)} if waiting and warning else seen

    return look


def count_check(count: Callable[[], int], unit: str) -> Look:
    """Returns the check of a number."""
    return lambda: {"observedValue": count(), "observedUnit": unit}


def seconds_check(measure: Callable[[], float | None], most: float = math.inf) -> Look:
    """Returns a check of how far behind something is, if that is known.

    Args:
        measure: Measures the seconds.
        most: The most seconds that are normal; more of them are a warning.
    """

    def look() -> dict[str, Any]:
        seconds = measure()
        if seconds is None:
            return {"output": "not known"}
        seen = {"observedValue": seconds, "observedUnit": "s"}
        return {**seen, **_warning(f"more than {most:g} s behind")} if seconds > most else seen

    return look


def worst(checks: Iterable[HealthCheck]) -> Status:
    """Returns the status of the whole: that of its worst part."""
    found = {check.status for check in checks}
    return "fail" if "fail" in found else "warn" if "warn" in found else "pass"


def _warning(output: str) -> dict[str, Any]:
    return {"status": "warn", "output": output}
