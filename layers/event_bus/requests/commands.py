"""Reads commands and replies from requests."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from event_bus.model.command_types import is_command
from event_bus.requests.event import EventSubmission
from event_bus.requests.validation import RequestModel

MAX_COMMAND_WAIT_SECONDS = 25
"""The longest wait for the end of a command, in seconds: API Gateway gives up after 30."""

_Text = Annotated[str, Field(min_length=1, max_length=1024)]


class CommandSubmission(EventSubmission):
    """A command as a client sends it: an event that expects a reply.

    Its type begins with `command.`, or its metadata says how many replies it expects.
    """

    @model_validator(mode="after")
    def _is_answered(self) -> "CommandSubmission":
        if not is_command(self.type) and self.metadata.expect_replies is None:
            raise PydanticCustomError(
                "command",
                "must have a type that begins with command., or metadata.expect_replies",
            )
        return self


class ReplyProblem(RequestModel):
    """Problem details (RFC 9457) by which a service replies that a command failed.

    Attributes:
        type: A URI of the kind of problem.
        title: The kind of problem in words.
        status: An HTTP status that describes the problem.
        detail: What went wrong.
    """

    model_config = ConfigDict(extra="allow", strict=True)

    type: _Text = "about:blank"
    title: _Text
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    detail: Annotated[str, Field(max_length=8192)] | None = None


class ReplyRequest(RequestModel):
    """A reply to a command: its result as `payload`, or an `error`.

    Attributes:
        payload: The result; it excludes `error`.
        error: Why the command failed; it excludes `payload`.
    """

    payload: dict[str, Any] | None = None
    error: ReplyProblem | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> "ReplyRequest":
        if (self.payload is None) == (self.error is None):
            raise PydanticCustomError("reply", "must have either a payload or an error")
        return self

    def answer(self) -> tuple[dict[str, Any], Literal["succeeded", "failed"]]:
        """Returns the payload of the reply, and whether it reports a failure."""
        if self.error is not None:
            return self.error.model_dump(exclude_none=True), "failed"
        return self.payload or {}, "succeeded"
