"""The external ids of targets that are reached by a role."""

from dataclasses import replace

from event_bus.access.external_ids import new_external_id
from event_bus.model.target import Target
from event_bus.targets.aws_target import AwsTarget


def with_external_id(target: Target, service_id: str, former: Target | None = None) -> Target:
    """Returns a target with the external id that the trust policy of its role must demand.

    Args:
        target: The target as a client names it.
        service_id: The service that it belongs to.
        former: The target that it replaces. The id stays as long as the role stays, since the
            owner of the role knows that id.
    """
    if not isinstance(target, AwsTarget) or target.role_arn is None:
        return target
    if isinstance(former, AwsTarget) and former.role_arn == target.role_arn:
        return replace(target, external_id=former.external_id)
    return replace(target, external_id=new_external_id(service_id))


def as_named(target: Target) -> Target:
    """Returns a target as a client would send it again: without its external id."""
    return replace(target, external_id=None) if isinstance(target, AwsTarget) else target
