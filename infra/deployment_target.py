"""The differences between AWS and the local emulator, as far as the stacks depend on them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeploymentTarget:
    """The capabilities of a deployment target.

    Attributes:
        lambda_runtime: Whether functions run on Lambda's own interpreter and processor. The
            emulator runs them on the interpreter with which it was started.
        stream_failures_to_bucket: Whether the event source of a table stream can put records that
            it gives up into a bucket. The emulator gives up no record.
        handler: The entry point of each function. On the emulator, it prints a line for each call,
            because the emulator waits 50 ms for the output of a call that prints nothing.
    """

    lambda_runtime: bool
    stream_failures_to_bucket: bool
    handler: str


AWS = DeploymentTarget(
    lambda_runtime=True, stream_failures_to_bucket=True, handler="handler.handler"
)
"""An AWS account."""

EMULATOR = DeploymentTarget(
    lambda_runtime=False, stream_failures_to_bucket=False, handler="event_bus.emulated.handler"
)
"""The local emulator."""
