"""What AWS and the local emulator can do: all differences between them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """The capabilities of a deployment target.

    Attributes:
        lambda_runtime: Functions run on Lambda's own interpreter and processor; the emulator runs
            them on the interpreter it was started with.
        stream_failures_to_bucket: Whether a stream's event source can put records that failed
            for good into a bucket. The emulator never gives up a record.
        handler: The entry point of each function. On the emulator, it prints a line for each call,
            because the emulator waits 50 ms for the output of a call that prints nothing.
    """

    lambda_runtime: bool
    stream_failures_to_bucket: bool
    handler: str


AWS = Target(lambda_runtime=True, stream_failures_to_bucket=True, handler="handler.handler")
"""An AWS account."""

EMULATOR = Target(
    lambda_runtime=False, stream_failures_to_bucket=False, handler="event_bus.emulated.handler"
)
"""The local emulator."""
