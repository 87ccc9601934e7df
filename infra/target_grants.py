"""What functions may do with the resources that subscriptions name as their targets."""

from dataclasses import dataclass

import aws_cdk as cdk
from event_bus.access.opt_in import TAG_VALUE, tag_key

from infra.function import BusFunction
from infra.nag import accept_resource
from infra.settings import Settings


@dataclass(frozen=True, slots=True)
class AwsTargets:
    """The targets of one protocol.

    Attributes:
        service: The service, as actions and ARNs name it.
        action: The action that delivers.
        reads_tags: The action that reads the tags of a resource.
        kind: How the last part of an ARN begins, before the name.
    """

    service: str
    action: str
    reads_tags: str
    kind: str = ""


AWS_TARGETS = {
    "sqs": AwsTargets("sqs", "SendMessage", "ListQueueTags"),
    "sns": AwsTargets("sns", "Publish", "ListTagsForResource"),
    "lambda": AwsTargets("lambda", "InvokeFunction", "ListTags", "function:"),
    "eventbridge": AwsTargets("events", "PutEvents", "ListTagsForResource", "event-bus/"),
}
"""What can be delivered to by AWS itself, by protocol."""


def know_targets(function: BusFunction, settings: Settings) -> None:
    """Tells a function which resources of AWS subscriptions may name."""
    function.tell("TARGET_ACCOUNTS", ",".join((cdk.Aws.ACCOUNT_ID, *settings.accounts)))
    function.tell("PARTITION", cdk.Aws.PARTITION)
    function.tell("URL_SUFFIX", cdk.Aws.URL_SUFFIX)


def deliver_to(function: BusFunction, protocol: str, settings: Settings) -> None:
    """Lets a function deliver to those resources of subscribers whose owners opted them in.

    In the bus's own account that is a tag of the resource, which IAM looks up for each call: the
    resource types of all four actions have the condition key `aws:ResourceTag`
    (https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
    In another account it is the policy of the resource, without which IAM permits nothing across
    accounts, or a role of that account.
    """
    targets = AWS_TARGETS[protocol]
    know_targets(function, settings)
    opted_in = {f"aws:ResourceTag/{tag_key(settings.stage)}": TAG_VALUE}
    _allow(
        function,
        targets,
        [_arn(targets, "*")],
        "Subscribers name their targets when they register; a tag opts each of them in, and the "
        "bus's own resources are denied.",
        if_equal=opted_in,
    )
    if protocol == "sqs":
        _allow(
            function,
            targets,
            [_arn(targets, _managed(settings))],
            "Managed queues are named after their subscriptions.",
        )
    untagged = [each for each in settings.untagged if each.split(":")[2] == targets.service]
    if untagged:
        _allow(function, targets, untagged, "The settings name them.")
    if settings.accounts:
        _allow(
            function,
            targets,
            [_arn(targets, "*", account) for account in settings.accounts],
            "Accounts are allowed one by one, and their resources have policies of their own.",
        )
    roles = [
        f"arn:{cdk.Aws.PARTITION}:iam::{account}:role/event-bus-*"
        for account in (cdk.Aws.ACCOUNT_ID, *settings.accounts)
    ]
    function.allow("sts", ["AssumeRole"], roles)
    for each in roles:
        accept_resource(function, each, "Roles are allowed by their prefix, and trust the bus.")


def deny_own(function: BusFunction, protocol: str, settings: Settings) -> None:
    """Keeps a function that delivers from the resources of its own stage, tagged or not."""
    targets = AWS_TARGETS[protocol]
    function.deny(targets.service, targets.action, [_arn(targets, f"event-bus-{settings.stage}-*")])


def read_tags(function: BusFunction, settings: Settings) -> None:
    """Lets a function read whether the owner of a resource opted it in."""
    function.tell("UNTAGGED_TARGETS", settings.untagged_targets)
    for targets in AWS_TARGETS.values():
        arn = _arn(targets, "*")
        function.allow(targets.service, [targets.reads_tags], [arn])
        accept_resource(function, arn, "Any resource may be named; its tags alone are read.")


def provide_queues(function: BusFunction, settings: Settings) -> None:
    """Lets a function make queues for subscriptions, and remove them."""
    queues = _arn(AWS_TARGETS["sqs"], _managed(settings))
    actions = ["CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl"]
    function.allow("sqs", [*actions, "SetQueueAttributes"], [queues])
    accept_resource(function, queues, "Managed queues are named after their subscriptions.")


def _allow(
    function: BusFunction,
    targets: AwsTargets,
    arns: list[str],
    reason: str,
    *,
    if_equal: dict[str, str] | None = None,
) -> None:
    function.allow(targets.service, [targets.action], arns, if_equal=if_equal)
    for each in arns:
        if "*" in each:
            accept_resource(function, each, reason)


def _managed(settings: Settings) -> str:
    return f"eventbus-{settings.stage}-*"


def _arn(targets: AwsTargets, name: str, account: str = cdk.Aws.ACCOUNT_ID) -> str:
    here = f"arn:{cdk.Aws.PARTITION}:{targets.service}:{cdk.Aws.REGION}"
    return f"{here}:{account}:{targets.kind}{name}"
