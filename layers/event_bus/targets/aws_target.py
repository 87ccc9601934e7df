"""The common part of targets that are AWS resources: settings, requests and tags."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from event_bus.access.external_ids import external_id_of
from event_bus.model.target import Target

MEMBERS = {
    "role_arn": "The role with which the bus reaches the resource, in its account or in the bus's.",
    "external_id": "The `sts:ExternalId` that the role's trust policy must require.",
}
"""The members that all of these targets have."""


@dataclass(frozen=True, slots=True)
class TaggedResource:
    """A resource whose owner opts it in by a tag.

    Attributes:
        member: The member of the target that names it.
        arn: Its ARN.
        service: Its service, as boto3 names it.
        command: What follows `aws` in the command that tags it, up to the tag.
        tags: Reads its tags by a client of the service.
        pair: How the command writes a tag.
    """

    member: str
    arn: str
    service: str
    command: str
    tags: Callable[[Any], dict[str, str]]
    pair: str = "{key}={value}"


@dataclass(frozen=True, slots=True)
class AwsTarget(Target):
    """A target that is an AWS resource.

    Attributes:
        role_arn: The role by which it is reached, if its owner named one.
        external_id: The external id with which the bus assumes that role; None for a role that was
            named before ids held the account and the region.
    """

    role_arn: str | None = field(default=None, kw_only=True)
    external_id: str | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def resource(self) -> TaggedResource | None:
        """The resource whose owner must have opted it in; None if the bus provides it."""

    def derived(self, service_id: str) -> dict[str, Any]:
        """Returns the external id, which targets of earlier versions do not hold."""
        if self.role_arn is None:
            return {}
        return {"external_id": external_id_of(self.external_id, service_id)}


def listed_tags(answer: dict[str, Any]) -> dict[str, str]:
    """Returns the tags in an answer that lists them as pairs."""
    return {each["Key"]: each["Value"] for each in answer.get("Tags", [])}
