"""A function of the bus: its code and layers, its log group, its triggers."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.bundling import function_code
from infra.concurrency import reservations
from infra.exports import export
from infra.layers import Layers
from infra.logs import BusLogGroup
from infra.nag import accept, accept_resource
from infra.permissions import PermittedFunction
from infra.settings import DeploymentSettings
from infra.vpc import join_vpc

# Looking for plugins reads the metadata of every installed package.
_NO_PLUGINS = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}


class BusFunction(PermittedFunction):
    """One function, with a role and a log group of its own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        folder: str,
        layers: Layers,
        memory_mb: int = 512,
        timeout: cdk.Duration,
        writes_metrics: bool = False,
        name: str | None = None,
    ) -> None:
        """Makes the function.

        Args:
            scope: The parent construct.
            construct_id: Its id in the parent construct.
            folder: Its folder under `functions/`.
            layers: The layers under it.
            memory_mb: Its memory; its share of a processor grows with it.
            timeout: How long it may run.
            writes_metrics: Whether it writes metrics to its log.
            name: Its name, where several functions share a folder; None for the folder's name.
        """
        super().__init__(scope, construct_id)
        name = name or folder
        settings = self.settings = layers.settings
        log_level = _log_level(settings, writes_metrics=writes_metrics)
        log_group = BusLogGroup(self, "Logs", settings=settings)
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        self.allow("logs", ["CreateLogStream", "PutLogEvents"], [log_group.log_group_arn])
        self.function = lambda_.Function(
            self,
            "Function",
            description=f"Event bus, stage {settings.stage}: {name}",
            code=lambda_.Code.from_asset(str(function_code(folder))),
            handler=settings.target.handler,
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            layers=layers.versions,
            role=self.role,
            memory_size=memory_mb,
            timeout=timeout,
            reserved_concurrent_executions=reservations(settings).get(name),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel(log_level),
            # Lambda's own three lines for every call cost more than the call itself.
            system_log_level_v2=lambda_.SystemLogLevel.WARN,
            tracing=lambda_.Tracing.ACTIVE if settings.tracing else lambda_.Tracing.DISABLED,
            environment={
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_LOG_LEVEL": log_level,
                "STAGE": settings.stage,
                **_NO_PLUGINS,
            },
        )
        export(self, self.function.function_name)
        self._accept_findings()

    def _accept_findings(self) -> None:
        accept(
            self.function,
            "L1",
            "The layer of dependencies is built for this version; both move together.",
        )
        if self.settings.tracing:
            accept_resource(self, "*", "X-Ray knows no resources that a role could name.")

    def consume(
        self,
        queue: sqs.IQueue,
        *,
        max_concurrency: int,
        window: cdk.Duration | None = None,
        name: str = "QueueSource",
    ) -> None:
        """Makes a queue the event source of the function.

        Args:
            queue: The queue.
            max_concurrency: How many executions may handle its messages in parallel, at least 2.
                Without a limit, Lambda adds executions while the queue grows, and takes them from
                all other functions.
            window: How long messages may wait for others to share a batch with; None for not at
                all.
            name: The id of the event source, which distinguishes it from others of the function.
        """
        self.receive_from(queue)
        lambda_.EventSourceMapping(
            self,
            name,
            target=self.function,
            event_source_arn=queue.queue_arn,
            batch_size=100 if window else 10,
            max_batching_window=window,
            report_batch_item_failures=True,
            max_concurrency=max_concurrency,
        )

    def allow_recursion(self, bound: str) -> None:
        """Permits chains of invocations in which the function causes its next invocation.

        Otherwise Lambda ends a chain of about 16 calls in which the function sends messages to its
        own queue (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).

        Args:
            bound: What ends the chain; shown in the template.
        """
        resource = cast("lambda_.CfnFunction", self.function.node.default_child)
        resource.recursive_loop = "Allow"
        resource.add_metadata("RecursionEndsBy", bound)

    def run_every(self, interval: cdk.Duration) -> None:
        """Runs the function at a fixed rate.

        Args:
            interval: The time between two runs.
        """
        events.Rule(
            self,
            "Schedule",
            schedule=events.Schedule.rate(interval),
            targets=[targets.LambdaFunction(self.function)],
        )
        # The next run does what this one could not. By default, Lambda repeats a failed run twice,
        # and keeps a throttled one for six hours: all of them would then run at once
        # (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
        self.function.configure_async_invoke(max_event_age=interval, retry_attempts=0)

    def call_back(self) -> None:
        """Lets the function make callbacks: from the VPC, if the settings name one."""
        self.set_variable("CALLBACK_NETWORKS", self.settings.callback_networks)
        if self.settings.subnets:
            join_vpc(self.function, self.role, self.settings)


def _log_level(settings: DeploymentSettings, *, writes_metrics: bool) -> str:
    """Returns the level from which a function logs.

    Lambda gives the lines of metrics the level INFO, and drops them if the function logs from a
    higher level.
    """
    if writes_metrics and settings.log_level != "DEBUG":
        return "INFO"
    return settings.log_level
