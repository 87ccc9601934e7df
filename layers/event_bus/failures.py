"""Failures of a request as problems."""

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from event_bus.errors import Failure, Problem, Unavailable
from event_bus.log import logger
from event_bus.time_limit import OutOfTime


def problem_of(error: Exception | OutOfTime, request_id: str = "") -> Problem:
    """Returns the problem that a client gets for an exception.

    Args:
        error: The exception that is being handled. An unexpected one is logged.
        request_id: The request.

    Returns:
        The exception itself, if it is a problem; `Unavailable` (503) if AWS failed or the time is
        over; otherwise `Failure` (500).
    """
    if isinstance(error, Problem):
        return error
    if isinstance(error, OutOfTime):
        logger.exception("the time is over", request_id=request_id)
        return Unavailable(
            "The request took too long, and may have taken effect; send the request again."
        )
    if isinstance(error, ClientError | BotoCoreError | ResponseParserError | TimeoutError):
        logger.exception("AWS failed", request_id=request_id)
        return Unavailable("AWS failed or did not answer; send the request again.")
    logger.exception("the request failed", request_id=request_id)
    return Failure("The request failed; it has been logged.")
