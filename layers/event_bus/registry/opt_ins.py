"""Targets whose owners let the bus deliver to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from event_bus import aws_codes
from event_bus.access.opt_in import TAG_VALUE, named_by
from event_bus.errors import InvalidRequest
from event_bus.model.target import (
    EventBridgeTarget,
    LambdaTarget,
    SnsTarget,
    SqsTarget,
    Target,
)

_ARN_ACCOUNT = 4
_QUALIFIED_FUNCTION_PARTS = 7


@dataclass(frozen=True, slots=True)
class _Resource:
    """A resource that a target names.

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
class OptIns:
    """Refuses targets whose owners have not opted them in.

    What another account owns, or is reached by a role, is its owner's to permit by the policy of
    the resource or of the role. So is nothing checked here of these, nor of the bus's own queues.

    Attributes:
        account: The account of the bus.
        tag: The key of the tag that opts a resource in.
        untagged: Patterns of the ARNs of resources that need no tag.
        client: Makes a client of a service.
    """

    account: str
    tag: str
    untagged: list[str]
    client: Callable[[str], Any] = field(repr=False)

    def require(self, target: Target) -> None:
        """Refuses a target that is not opted in.

        Raises:
            InvalidRequest: There is no such resource, it has no such tag, or its policy keeps the
                bus from reading its tags. The answer does not say which of these, so that nobody
                finds out what the account holds.
        """
        resource = _resource_of(target)
        if resource is None or self._permitted_otherwise(target, resource):
            return
        try:
            tags = resource.tags(self.client(resource.service))
        except ClientError as error:
            code = aws_codes.word(error.response["Error"]["Code"])
            if not code.startswith((*aws_codes.DENIED, *aws_codes.MISSING)):
                raise
            tags = {}
        if tags.get(self.tag) != TAG_VALUE:
            pair = resource.pair.format(key=self.tag, value=TAG_VALUE)
            raise InvalidRequest.at(
                f"/target/{resource.member}",
                f"must exist and be opted in by its owner, by the tag {self.tag} with the value "
                f"{TAG_VALUE}: aws {resource.command} {pair}",
            )

    def _permitted_otherwise(self, target: Target, resource: _Resource) -> bool:
        return (
            getattr(target, "role_arn", None) is not None
            or resource.arn.split(":")[_ARN_ACCOUNT] != self.account
            or named_by(self.untagged, resource.arn)
        )


def _resource_of(target: Target) -> _Resource | None:
    match target:
        case SqsTarget(managed=False, queue=arn, queue_url=url):
            return _Resource(
                "queue",
                arn,
                "sqs",
                f"sqs tag-queue --queue-url {url} --tags",
                lambda client: client.list_queue_tags(QueueUrl=url).get("Tags", {}),
            )
        case SnsTarget(topic=arn):
            return _Resource(
                "topic",
                arn,
                "sns",
                f"sns tag-resource --resource-arn {arn} --tags",
                lambda client: _listed(client.list_tags_for_resource(ResourceArn=arn)),
                "Key={key},Value={value}",
            )
        case LambdaTarget(function=qualified):
            # Versions and aliases have the tags of their function
            # (https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html).
            arn = ":".join(qualified.split(":")[:_QUALIFIED_FUNCTION_PARTS])
            return _Resource(
                "function",
                qualified,
                "lambda",
                f"lambda tag-resource --resource {arn} --tags",
                lambda client: client.list_tags(Resource=arn).get("Tags", {}),
            )
        case EventBridgeTarget(event_bus=arn):
            return _Resource(
                "event_bus",
                arn,
                "events",
                f"events tag-resource --resource-arn {arn} --tags",
                lambda client: _listed(client.list_tags_for_resource(ResourceARN=arn)),
                "Key={key},Value={value}",
            )
        case _:
            return None


def _listed(answer: dict[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in answer.get("Tags", [])}
