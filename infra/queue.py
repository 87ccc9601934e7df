"""A queue of work with its redrive queue."""

from functools import partial

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from event_bus.queues.lanes import MAX_RECEIVES

from infra.exports import export
from infra.outputs import output
from infra.removal import removal_policy
from infra.settings import DeploymentSettings

_RETENTION = cdk.Duration.days(14)


class WorkQueue(Construct):
    """A standard queue of work, with its redrive queue.

    Attributes:
        queue: The queue.
        redrive: The queue of messages that were received `MAX_RECEIVES` times and not deleted.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        consumer_timeout: cdk.Duration,
        settings: DeploymentSettings,
        window: cdk.Duration | None = None,
        deployed_as: str | None = None,
    ) -> None:
        """Makes both queues.

        Args:
            scope: The parent construct.
            name: Their id in the parent construct, with which their outputs begin.
            consumer_timeout: The timeout of the function that reads the queue.
            settings: The settings of the deployment.
            window: How long messages may wait for others to share a batch with; None for not at
                all.
            deployed_as: Their id in existing deployments, if it is another one. Queues whose id
                changes are replaced, and their messages are lost.
        """
        super().__init__(scope, deployed_as or name)
        new_queue = partial(
            sqs.Queue,
            self,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=_RETENTION,
            visibility_timeout=_visibility_timeout(consumer_timeout, window),
            removal_policy=removal_policy(settings),
        )
        self.redrive = new_queue("Redrive")
        self.queue = new_queue(
            "Queue",
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.redrive, max_receive_count=MAX_RECEIVES
            ),
        )
        for made in (self.queue, self.redrive):
            export(made, made.queue_url, made.queue_arn, made.queue_name)
        output(self, f"{name}Url", self.queue.queue_url)
        output(self, f"{name}RedriveUrl", self.redrive.queue_url)


def _visibility_timeout(
    consumer_timeout: cdk.Duration, window: cdk.Duration | None
) -> cdk.Duration:
    # Lambda recommends the sum of two times: six times the function's timeout, so that throttled
    # batches can be retried, and the time for which it holds messages before it calls the function
    # (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
    held = window.to_seconds() if window else 0
    return cdk.Duration.seconds(6 * consumer_timeout.to_seconds() + held)
