"""Times as the bus writes them: RFC 3339, in UTC, with milliseconds."""

from datetime import datetime, timezone
from typing import Annotated

from pydantic import PlainSerializer


def rfc3339(moment: datetime) -> str:
    """Writes a time, such as `2026-05-01T12:00:00.123Z`."""
    text = moment.astimezone(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


Time = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
"""A time in an answer of the bus, whose JSON is that of the bus."""


def now() -> str:
    """Returns the present time."""
    return rfc3339(datetime.now(timezone.utc))
