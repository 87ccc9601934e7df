"""Problem details objects (RFC 9457)."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from event_bus import errors


class Fault(TypedDict):
    """One thing wrong with a request.

    Attributes:
        detail: What is wrong, and what to send instead.
    """

    pointer: Annotated[
        str, Field(description="A JSON pointer into the body, or a parameter's name.")
    ]
    detail: str


class BatchProblem(TypedDict):
    """Why an event of a batch was refused.

    Attributes:
        type: The kind of problem, as a URN that begins with `urn:event-bus:problem:`.
        title: The kind in words, the same for every occurrence.
        status: The HTTP status.
        detail: What is wrong: the first fault, and how many others there are.
        errors: The faults, 50 at most.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[Fault]]
    actual_version: NotRequired[
        Annotated[
            int,
            Field(ge=0, description="In a version conflict: the version of the last event."),
        ]
    ]


class Problem(BatchProblem):
    """Why a request was refused, or failed.

    Attributes:
        instance: The path of the request.
        request_id: The id of the request in the logs.
    """

    instance: str
    request_id: str


def fault_document(fault: errors.Fault) -> Fault:
    """Returns a fault, as an answer shows it."""
    shown = fault.document()
    return {"pointer": shown["pointer"], "detail": shown["detail"]}
