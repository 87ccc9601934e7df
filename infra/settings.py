"""The settings of a deployment, from the CDK context."""

import re
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Annotated, Literal

from event_bus.requests.credentials import MAX_RATE
from event_bus.targets.registry import TARGETS
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from infra.deployment_target import AWS, EMULATOR, Target

LOCAL = "local"
"""The stage that runs on the local emulator."""

MAX_STAGE_LENGTH = 14
"""The most characters of a stage's name.

CloudFormation makes the names of functions and roles from the first 24 characters of the stack's
name. `event-bus-<stage>` must fit into them: the denials of delivery roles name the bus's own
functions by that prefix.
"""

_NEW_TABLE_WRITES = 4_000
_MOST_WARM_WRITES = 1_000_000

_OPTIONAL_OBJECT = r"^(s3://[a-z0-9.-]{3,63}/.+)?$"


def _ids(kind: str) -> str:
    one = f"{kind}-[0-9a-f]{{8,17}}"
    return f"^({one}(,{one})*)?$"


class SettingsError(Exception):
    """The context holds a setting that is unknown or out of range."""


def _stage(text: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", text):
        raise ValueError(
            "must begin with a lower-case letter, and hold lower-case letters, digits and inner "
            "hyphens alone"
        )
    if len(text) > MAX_STAGE_LENGTH:
        raise ValueError(
            f"may have at most {MAX_STAGE_LENGTH} characters: CloudFormation would cut a longer "
            "one in the names of functions, by which the bus keeps deliveries from itself"
        )
    return text


def _warm(writes: int) -> int:
    if writes and not _NEW_TABLE_WRITES <= writes <= _MOST_WARM_WRITES:
        raise ValueError(
            f"must be 0, or from {_NEW_TABLE_WRITES}, which a new table has anyway, to "
            f"{_MOST_WARM_WRITES}"
        )
    return writes


def _listed(text: str) -> list[str]:
    """The parts of a setting that lists several, separated by commas."""
    return text.split(",") if text else []


def _networks(text: str) -> str:
    for each in _listed(text):
        ip_network(each)
    return text


def _target_patterns(text: str) -> str:
    for each in _listed(text):
        found = re.fullmatch(r"arn:[^:,]+:([a-z]+):[^:,]+:[^:,]+:[^,]+", each)
        services = TARGETS.services
        if not found or found[1] not in services:
            raise ValueError(f"{each} must be an ARN of {', '.join(services)}")
    return text


def _origins(text: str) -> str:
    for each in _listed(text):
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", each):
            raise ValueError(f"{each} is no origin: scheme, host and port alone, in lower case")
    return text


class Settings(BaseModel):
    """The settings of one deployment (`cdk deploy -c name=value`, or `context` in `cdk.json`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Annotated[str, AfterValidator(_stage)] = Field(
        default="dev",
        description="Names the deployment; `local` is the one on the emulator.",
    )
    retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="Days that events, payloads and deliveries are kept.",
    )
    archive_after_days: int = Field(
        default=0,
        ge=0,
        le=3650,
        description="The age at which events of kept stream categories leave their table for the "
        "archive in S3, in days; 0 for never.",
    )
    audit_retention_days: int = Field(
        default=365,
        ge=1,
        le=3650,
        description="Days that the audit log is kept.",
    )
    log_retention_days: Annotated[Literal[1, 7, 14, 30, 90, 365], BeforeValidator(int)] = Field(
        default=30,
        description="Days that logs are kept.",
    )
    log_level: Literal["DEBUG", "INFO", "WARN", "ERROR"] = Field(
        default="INFO",
        description="The lowest level of the log lines that functions write.",
    )
    protect: bool = Field(
        default=False,
        description="Whether stacks and tables refuse to be deleted; turn it on once the first "
        "deployment has finished.",
    )
    websocket_access_log: bool = Field(
        default=False,
        description="Whether the WebSocket API writes an access log; this also sets the role by "
        "which API Gateway writes logs in this account and region.",
    )
    warm_writes: Annotated[int, AfterValidator(_warm)] = Field(
        default=0,
        description="Writes a second that the tables of events and deliveries, and each of their "
        "indexes, take from the first on; 0 leaves that to DynamoDB, which begins with 4,000.",
    )
    tracing: bool = Field(
        default=False,
        description="Whether functions are traced by X-Ray.",
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
    key_rate: int = Field(
        default=200,
        ge=1,
        le=MAX_RATE,
        description="Requests a second that a key may make, over ten seconds.",
    )
    default_receive: Literal["everything", "nothing"] = Field(
        default="everything",
        description="What a service may receive if no admin has given it types: everything, or "
        "nothing except what it publishes itself.",
    )
    http_lane_concurrency: int = Field(
        default=50,
        ge=2,
        le=1000,
        description="Functions that deliver over HTTP in parallel.",
    )
    paced_lane_concurrency: int = Field(
        default=50,
        ge=2,
        le=1000,
        description="Functions that deliver over HTTP to slow and limited subscriptions side by "
        "side.",
    )
    aws_lane_concurrency: int = Field(
        default=10,
        ge=2,
        le=1000,
        description="Functions that deliver to AWS in parallel, for each of its services.",
    )
    reserve_concurrency: bool = Field(
        default=False,
        description="Whether the functions that publish, route and deliver have executions of the "
        "account reserved, and those that wait for events are capped.",
    )
    inbox_concurrency: int = Field(
        default=100,
        ge=2,
        le=1000,
        description="With `reserve_concurrency`: requests to inboxes that may run or wait at a "
        "time.",
    )
    waiting_requests: int = Field(
        default=50,
        ge=1,
        le=10_000,
        description="Requests of a service that may wait for events at a time.",
    )
    service_subscriptions: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Subscriptions that a service may have.",
    )
    service_listeners: int = Field(
        default=100,
        ge=1,
        le=10_000,
        description="Listeners that a service may have at a time.",
    )
    subscription_metrics: int = Field(
        default=0,
        ge=0,
        le=1000,
        description="Subscriptions that have metrics of their own, in the order in which they are "
        "first delivered to.",
    )
    target_accounts: Annotated[str, StringConstraints(pattern=r"^([0-9]{12}(,[0-9]{12})*)?$")] = (
        Field(
            default="",
            description="Other accounts that subscriptions may name, with commas between.",
        )
    )
    untagged_targets: Annotated[str, AfterValidator(_target_patterns)] = Field(
        default="",
        description="ARNs of queues, topics, functions, event buses and state machines that are "
        "targets without the tag, in which * and ? stand for any characters, with commas between.",
    )

    subnet_ids: Annotated[str, StringConstraints(pattern=_ids("subnet"))] = Field(
        default="",
        description="Subnets of a VPC that functions call subscribers from, with commas between.",
    )
    security_group_ids: Annotated[str, StringConstraints(pattern=_ids("sg"))] = Field(
        default="",
        description="Security groups of these functions, with commas between.",
    )
    dual_stack: bool = Field(
        default=False,
        description="Whether functions also call subscribers over IPv6 from these subnets, all of "
        "which must be dual-stack.",
    )
    callback_networks: Annotated[str, AfterValidator(_networks)] = Field(
        default="",
        description="Networks, such as 10.1.0.0/16, that callbacks may lead to although they are "
        "not public, with commas between.",
    )

    domain_name: Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")] = (
        Field(
            default="",
            description="The API's own domain, such as bus.example.com.",
        )
    )
    certificate_arn: Annotated[
        str,
        StringConstraints(pattern=r"^(arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+)?$"),
    ] = Field(
        default="",
        description="The certificate of that domain.",
    )
    truststore: Annotated[str, StringConstraints(pattern=_OPTIONAL_OBJECT)] = Field(
        default="",
        description="The object in S3 with the certificates that sign those of clients; the domain "
        "then requires mutual TLS.",
    )
    truststore_version: str = Field(
        default="",
        description="The version of that object.",
    )
    iam_callers: bool = Field(
        default=False,
        description="Whether there is a second API for callers with an IAM role.",
    )
    cors_origins: Annotated[str, AfterValidator(_origins)] = Field(
        default="",
        description="Origins, such as https://app.example.com, whose pages may call the API, with "
        "commas between.",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "Settings":
        if bool(self.domain_name) != bool(self.certificate_arn):
            raise ValueError("domain_name and certificate_arn need each other")
        if bool(self.subnet_ids) != bool(self.security_group_ids):
            raise ValueError("subnet_ids and security_group_ids need each other")
        if self.dual_stack and not self.subnet_ids:
            raise ValueError("dual_stack needs subnet_ids")
        if self.truststore and not self.domain_name:
            raise ValueError("a truststore needs a domain_name")
        if self.truststore_version and not self.truststore:
            raise ValueError("a truststore_version needs a truststore")
        return self

    @property
    def origins(self) -> list[str]:
        """The origins whose pages may call the API."""
        return _listed(self.cors_origins)

    @property
    def subnets(self) -> list[str]:
        """The subnets from which functions call subscribers."""
        return _listed(self.subnet_ids)

    @property
    def security_groups(self) -> list[str]:
        """The security groups of functions that call subscribers."""
        return _listed(self.security_group_ids)

    @property
    def accounts(self) -> list[str]:
        """The other accounts that subscriptions may name."""
        return _listed(self.target_accounts)

    @property
    def untagged(self) -> list[str]:
        """The patterns of the ARNs of resources that are targets without the tag."""
        return _listed(self.untagged_targets)

    @classmethod
    def of(cls, context: Mapping[str, object]) -> "Settings":
        """Reads the settings from the context of an app.

        Args:
            context: The context. Names with other characters than letters, digits and underscores
                belong to the CDK.

        Returns:
            The settings, with defaults for what the context leaves out.

        Raises:
            SettingsError: A setting is unknown, or its value is invalid.
        """
        given = {name: value for name, value in context.items() if re.fullmatch(r"\w+", name)}
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
            part: The part of the deployment that the stack has.
        """
        return f"event-bus-{self.stage}-{part.lower()}"

    @property
    def local(self) -> bool:
        """Whether all data may be deleted with the stacks."""
        return self.stage == LOCAL

    @property
    def target(self) -> Target:
        """The capabilities of this deployment's target."""
        return EMULATOR if self.local else AWS
