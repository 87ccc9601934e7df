"""The settings of a deployment, from the CDK context."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from event_bus.requests.credentials import MAX_RATE
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from infra.deployment_target import AWS, EMULATOR, DeploymentTarget
from infra.setting_types import (
    AccountIds,
    CertificateArn,
    DomainName,
    Networks,
    Origins,
    S3Object,
    SecurityGroupIds,
    Stage,
    SubnetIds,
    TargetPatterns,
    WarmWrites,
    listed,
)

LOCAL = "local"
"""The stage that runs on the local emulator."""


class SettingsError(Exception):
    """The context has a setting that is unknown, or whose value is invalid."""


class DeploymentSettings(BaseModel):
    """The settings of one deployment (`cdk deploy -c name=value`, or `context` in `cdk.json`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage = Field(
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
    warm_writes: WarmWrites = Field(
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
        description="Functions that deliver over HTTP in parallel to new and limited "
        "subscriptions, and as many again to slow ones.",
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
        description="Requests of a service that may wait at the same time: for events, for the "
        "end of a command, or for an endpoint or a function that the service has named.",
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
    target_accounts: AccountIds = Field(
        default="",
        description="Other accounts that subscriptions may name, with commas between.",
    )
    untagged_targets: TargetPatterns = Field(
        default="",
        description="ARNs of queues, topics, functions, event buses and state machines that are "
        "targets without the tag, with commas between; * stands for any characters, ? for one.",
    )

    subnet_ids: SubnetIds = Field(
        default="",
        description="Subnets of a VPC that functions call subscribers from, with commas between.",
    )
    security_group_ids: SecurityGroupIds = Field(
        default="",
        description="Security groups of these functions, with commas between.",
    )
    dual_stack: bool = Field(
        default=False,
        description="Whether functions also call subscribers over IPv6 from these subnets, all of "
        "which must be dual-stack.",
    )
    callback_networks: Networks = Field(
        default="",
        description="Networks, such as 10.1.0.0/16, that callbacks may lead to although they are "
        "not public, with commas between.",
    )

    domain_name: DomainName = Field(
        default="",
        description="The API's own domain, such as bus.example.com.",
    )
    certificate_arn: CertificateArn = Field(
        default="",
        description="The certificate of that domain.",
    )
    truststore: S3Object = Field(
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
    cors_origins: Origins = Field(
        default="",
        description="Origins, such as https://app.example.com, whose pages may call the API, with "
        "commas between.",
    )

    @model_validator(mode="after")
    def _fit_together(self) -> "DeploymentSettings":
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
        return listed(self.cors_origins)

    @property
    def subnets(self) -> list[str]:
        """The subnets from which functions call subscribers."""
        return listed(self.subnet_ids)

    @property
    def security_groups(self) -> list[str]:
        """The security groups of functions that call subscribers."""
        return listed(self.security_group_ids)

    @property
    def accounts(self) -> list[str]:
        """The other accounts that subscriptions may name."""
        return listed(self.target_accounts)

    @property
    def untagged(self) -> list[str]:
        """The patterns of the ARNs of resources that are targets without the tag."""
        return listed(self.untagged_targets)

    @classmethod
    def of(cls, context: Mapping[str, object]) -> "DeploymentSettings":
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
        """Returns the name of a stack of this deployment.

        Args:
            part: The id of the stack in the app, such as `Data`.
        """
        return f"event-bus-{self.stage}-{part.lower()}"

    @property
    def local(self) -> bool:
        """Whether this is the stage on the emulator, whose data is deleted with the stacks."""
        return self.stage == LOCAL

    @property
    def target(self) -> DeploymentTarget:
        """The capabilities of this deployment's target."""
        return EMULATOR if self.local else AWS
