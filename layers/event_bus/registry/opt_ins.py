"""Targets whose owners let the bus deliver to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from event_bus import aws_codes
from event_bus.access.opt_in import TAG_VALUE, named_by
from event_bus.errors import InvalidRequest
from event_bus.model.target import Target
from event_bus.targets.aws_target import AwsTarget, TaggedResource

_ARN_ACCOUNT = 4


@dataclass(frozen=True, slots=True)
class OptIns:
    """Refuses targets whose owners have not opted them in.

    Resources of other accounts, and resources reached by a role, are permitted by the policy of the
    resource or of the role. They are not checked here, and neither are the bus's own queues.

    Attributes:
        account: The account of the bus.
        tag: The key of the tag that opts a resource in.
        untagged: Patterns of the ARNs of resources that need no tag.
        client: Makes a client of an AWS service, by its name in boto3.
    """

    account: str
    tag: str
    untagged: list[str]
    client: Callable[[str], Any] = field(repr=False)

    def require(self, target: Target, at: str = "/target") -> None:
        """Refuses a target that is not opted in.

        Args:
            target: The target.
            at: Where the request names it, as a JSON pointer.

        Raises:
            InvalidRequest: There is no such resource, it has no such tag, or its policy keeps the
                bus from reading its tags. The answer does not say which, so it reveals nothing
                about the account.
        """
        if not isinstance(target, AwsTarget):
            return
        resource = target.resource
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
                f"{at}/{resource.member}",
                f"must exist and be opted in by its owner, by the tag {self.tag} with the value "
                f"{TAG_VALUE}, unless the deployment's setting untagged_targets names it: aws "
                f"{resource.command} {pair}",
            )

    def _permitted_otherwise(self, target: AwsTarget, resource: TaggedResource) -> bool:
        return (
            target.role_arn is not None
            or resource.arn.split(":")[_ARN_ACCOUNT] != self.account
            or named_by(self.untagged, resource.arn)
        )
