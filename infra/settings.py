"""What one deployment is told: its settings, from the CDK context, and what its target can do."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

LOCAL = "local"
"""The stage that runs on the local emulator."""


@dataclass(frozen=True, slots=True)
class Target:
    """What the place that is deployed to can do: the one list of these differences.

    Attributes:
        lambda_runtime: Functions run on Lambda's own interpreter and processor; the emulator runs
            them on the interpreter it was started with.
        stream_failures_to_bucket: A stream's event source puts the records it gives up into a
            bucket; the emulator never gives up a record.
    """

    lambda_runtime: bool
    stream_failures_to_bucket: bool


AWS = Target(lambda_runtime=True, stream_failures_to_bucket=True)
"""An AWS account."""

EMULATOR = Target(lambda_runtime=False, stream_failures_to_bucket=False)
"""The local emulator."""


class SettingsError(Exception):
    """The context holds a setting that is unknown or out of range."""


def _networks(text: str) -> str:
    for each in text.split(",") if text else ():
        ip_network(each)
    return text


class Settings(BaseModel):
    """The settings of one deployment (`cdk deploy -c name=value`, or `context` in `cdk.json`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,19}$")] = Field(
        default="dev",
        description="Names the deployment; `local` is the one on the emulator.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days that events, payloads and deliveries are kept.",
    )
    log_retention_days: Annotated[Literal[1, 7, 14, 30, 90, 365], BeforeValidator(int)] = Field(
        default=30,
        description="Days that logs are kept.",
    )
    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = Field(
        default="INFO",
        description="The least severe log line that functions write.",
    )
    throttling_rate: int = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="Requests a second that the API takes, over all callers.",
    )
    throttling_burst: int = Field(
        default=1000,
        ge=1,
        le=50_000,
        description="Requests that the API takes at once.",
    )
    http_lane_concurrency: int = Field(
        default=50,
        ge=2,
        le=1000,
        description="Functions that deliver over HTTP side by side.",
    )

    aws_lane_concurrency: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="Functions that deliver to AWS side by side, for each of its services.",
    )
    target_accounts: Annotated[str, StringConstraints(pattern=r"^([0-9]{12}(,[0-9]{12})*)?$")] = (
        Field(
            default="",
            description="Other accounts that subscriptions may name, with commas between.",
        )
    )

    callback_networks: Annotated[str, AfterValidator(_networks)] = Field(
        default="",
        description="Networks, such as 10.1.0.0/16, that callbacks may lead to although they are "
        "not public, with commas between.",
    )

    @property
    def accounts(self) -> list[str]:
        """The other accounts that subscriptions may name."""
        return self.target_accounts.split(",") if self.target_accounts else []

    @classmethod
    def of(cls, context: Mapping[str, object]) -> "Settings":
        """Reads the settings from the context of an app.

        Args:
            context: The context; names in it that are not plain words belong to the CDK.

        Returns:
            The settings, with defaults for what the context leaves out.

        Raises:
            SettingsError: A setting is unknown or its value is refused.
        """
        given = {name: value for name, value in context.items() if re.fullmatch(r"[a-z_]+", name)}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
            known = ", ".join(cls.model_fields)
            raise SettingsError(
                f"The CDK context is not valid: {faults}. The settings are: {known}."
            ) from None

    def stack_name(self, part: str) -> str:
        """The name of a stack of this deployment.

        Args:
            part: Which of the stacks.
        """
        return f"event-bus-{self.stage}-{part.lower()}"

    @property
    def local(self) -> bool:
        """True where everything may go when the stacks are destroyed."""
        return self.stage == LOCAL

    @property
    def target(self) -> Target:
        """What this deployment's target can do."""
        return EMULATOR if self.local else AWS
