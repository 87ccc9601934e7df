"""Grants for the resources that subscriptions name as targets."""

import aws_cdk as cdk
from event_bus.access.opt_in import TAG_VALUE, tag_key
from event_bus.registry.managed_queues import QUEUE_NAME_PREFIXES
from event_bus.targets.lambda_function import FUNCTIONS
from event_bus.targets.registry import TARGETS
from event_bus.targets.resources import ROLE_PREFIX, AwsResources

from infra.function import BusFunction
from infra.nag import accept_resource
from infra.settings import DeploymentSettings


def set_target_variables(function: BusFunction, settings: DeploymentSettings) -> None:
    """Sets the variables that say which AWS resources subscriptions may name."""
    function.set_variable("TARGET_ACCOUNTS", ",".join((cdk.Aws.ACCOUNT_ID, *settings.accounts)))
    function.set_variable("PARTITION", cdk.Aws.PARTITION)
    function.set_variable("URL_SUFFIX", cdk.Aws.URL_SUFFIX)


def deliver_to(function: BusFunction, targets: AwsResources, settings: DeploymentSettings) -> None:
    """Allows a function to deliver to resources that their owners have opted in.

    In the bus's own account, the owner opts a resource in by a tag, which IAM looks up for each
    call: the resource types of all these actions have the condition key `aws:ResourceTag`
    (https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
    In another account, the owner does so by the resource's policy, which IAM requires across
    accounts, or by a role of that account.
    """
    set_target_variables(function, settings)
    opted_in = {f"aws:ResourceTag/{tag_key(settings.stage)}": TAG_VALUE}
    _allow(
        function,
        targets,
        [_arn(targets, "*")],
        "Subscribers name their targets when they register; a tag opts each of them in, and the "
        "bus's own resources are denied.",
        if_equal=opted_in,
    )
    if targets.managed:
        _allow(
            function,
            targets,
            [_arn(targets, each) for each in _managed(settings)],
            "What the bus provides is named after its subscription.",
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
        f"arn:{cdk.Aws.PARTITION}:iam::{account}:role/{path}{ROLE_PREFIX}*"
        for account in (cdk.Aws.ACCOUNT_ID, *settings.accounts)
        # The ARN of a role contains its path, if it has one.
        for path in ("", "*/")
    ]
    function.allow("sts", ["AssumeRole"], roles)
    for each in roles:
        accept_resource(function, each, "Roles are allowed by their prefix, and trust the bus.")


def call_reducers(function: BusFunction, settings: DeploymentSettings) -> None:
    """Lets a function call the functions of reducers, which are opted in like targets."""
    deliver_to(function, FUNCTIONS, settings)
    deny_own(function, FUNCTIONS, settings)


def deny_own(
    function: BusFunction,
    targets: AwsResources,
    settings: DeploymentSettings,
    unless_tagged: tuple[str, str] | None = None,
) -> None:
    """Denies a delivering function the resources of its own stage, even those that were opted in.

    Args:
        function: The function.
        targets: The resources.
        settings: The settings of the deployment.
        unless_tagged: The tag of own resources that it may use all the same; None for none.
    """
    own = [_arn(targets, f"event-bus-{settings.stage}-*")]
    tag = {f"aws:ResourceTag/{unless_tagged[0]}": unless_tagged[1]} if unless_tagged else None
    function.deny(targets.service, targets.action, own, unless_equal=tag)


def read_tags(function: BusFunction, settings: DeploymentSettings) -> None:
    """Lets a function read whether the owner of a resource opted it in."""
    function.set_variable("UNTAGGED_TARGETS", settings.untagged_targets)
    for targets in _resources():
        arn = _arn(targets, "*")
        function.allow(targets.service, [targets.reads_tags], [arn])
        accept_resource(function, arn, "Any resource may be named; its tags alone are read.")


def provide_queues(function: BusFunction, settings: DeploymentSettings) -> None:
    """Lets a function create and remove managed queues."""
    [targets] = [each for each in _resources() if each.managed]
    queues = [_arn(targets, each) for each in _managed(settings)]
    actions = ["CreateQueue", "DeleteQueue", "GetQueueAttributes", "GetQueueUrl"]
    function.allow("sqs", [*actions, "SetQueueAttributes"], queues)
    for each in queues:
        accept_resource(function, each, "Managed queues are named after their subscriptions.")


def _resources() -> list[AwsResources]:
    return [each.grants.resources for each in TARGETS.all() if each.grants.resources]


def _allow(
    function: BusFunction,
    targets: AwsResources,
    arns: list[str],
    reason: str,
    *,
    if_equal: dict[str, str] | None = None,
) -> None:
    function.allow(targets.service, [targets.action], arns, if_equal=if_equal)
    for each in arns:
        if "*" in each:
            accept_resource(function, each, reason)


def _managed(settings: DeploymentSettings) -> list[str]:
    # With the prefix of the subscription's id: no stage has an underscore in its name, so the
    # queues of the stage `prod-eu` are not those of `prod`.
    return [f"eventbus-{settings.stage}-{prefix}*" for prefix in QUEUE_NAME_PREFIXES]


def _arn(targets: AwsResources, name: str, account: str = cdk.Aws.ACCOUNT_ID) -> str:
    here = f"arn:{cdk.Aws.PARTITION}:{targets.service}:{cdk.Aws.REGION}"
    return f"{here}:{account}:{targets.kind}{name}"
