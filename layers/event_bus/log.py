"""The structured log, one for every function (Powertools writes JSON lines).

Neither payloads nor secrets go into it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from aws_lambda_powertools import Logger


class Traceable(Protocol):
    """The subject of a log line: an event."""

    @property
    def id(self) -> str:
        """The id of the event."""

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata of the event."""


# Every byte of a log costs money. The message is enough to find the code, so there is no line
# number.
logger = Logger(location=None)


def traces(event: Traceable) -> dict[str, Any]:
    """Returns the members of a log line that name its event, its correlation and its trace."""
    given = {name: event.metadata.get(name) for name in ("correlation_id", "trace_id")}
    return {"event_id": event.id, **{name: value for name, value in given.items() if value}}
