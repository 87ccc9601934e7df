"""Which AWS resources a subscription may name as its target.

They must be in the bus's own region and in an account that the deployment allows. They must not
belong to the bus, nor to another stage of it. Whether their owners have opted them in is another
check (`event_bus.registry.opt_ins`).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from event_bus.settings import settings

ROLE_PREFIX = "event-bus-"
"""The prefix of role names. The bus may only assume roles with this prefix."""

_ARN = re.compile(r"arn:(aws[a-z-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}):(.+)", re.ASCII)
_ROLE_NAME = r"role/(?:[!-~]{1,510}/)?[A-Za-z0-9+=,.@_-]{1,64}"
_NAMES_OF_BUSES = ("event-bus-", "eventbus-")


@dataclass(frozen=True, slots=True)
class Arn:
    """The parts of an Amazon Resource Name.

    Attributes:
        partition: `aws`, or the one of its region, such as `aws-cn`.
        service: The service.
        region: The region; empty if a resource is in none.
        account: The account.
        resource: The resource.
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str


@dataclass(frozen=True, slots=True)
class AwsResources:
    """The AWS resources that a type of target delivers to.

    Attributes:
        service: The service, as actions and ARNs name it.
        name: A regular expression for the name of a resource, with what may follow it in an ARN.
        called: What a client must name, for error messages.
        action: The IAM action that delivers.
        reads_tags: The IAM action that reads the tags of a resource.
        kind: What precedes the name in the last part of an ARN.
        boto3_name: The service as boto3 names it; None if that is `service`.
        managed: Whether the bus provides such resources for subscriptions.
    """

    service: str
    name: str
    called: str
    action: str
    reads_tags: str
    kind: str = ""
    boto3_name: str | None = None
    managed: bool = False

    @property
    def client(self) -> str:
        """The name of the service's client in boto3."""
        return self.boto3_name or self.service

    def check(self, arn: str, own: Collection[str] = ()) -> None:
        """Refuses an ARN that a subscription may not name.

        Args:
            arn: The ARN.
            own: The names of the bus's own resources that may be named.

        Raises:
            ValueError: It is not the ARN of such a resource, or the resource may not be named.
        """
        parts = _parts(arn, self.service, re.escape(self.kind) + f"(?:{self.name})", self.called)
        deployment = settings()
        if (parts.partition, parts.region) != (deployment.partition, deployment.region):
            raise ValueError(f"must be in the bus's region, {deployment.region}")
        _check_account(parts)
        name = re.split("[:/]", parts.resource.removeprefix(self.kind))[0]
        if parts.account != deployment.account or name in own:
            return
        if name.startswith(_NAMES_OF_BUSES):
            raise ValueError(
                "must not be a resource of this bus or of another stage: names that begin with "
                f"{' or '.join(_NAMES_OF_BUSES)} are theirs"
            )


def check_role(arn: str) -> None:
    """Refuses what is not the ARN of a role that the bus may assume.

    Raises:
        ValueError: It is refused.
    """
    parts = _parts(arn, "iam", _ROLE_NAME, "the ARN of an IAM role")
    _check_account(parts)
    if not parts.resource.rpartition("/")[2].startswith(ROLE_PREFIX):
        raise ValueError(f"must be a role whose name begins with {ROLE_PREFIX}")


def read_arn(arn: str, service: str) -> Arn:
    """Reads an ARN of a service.

    Raises:
        ValueError: It is not one.
    """
    found = _ARN.fullmatch(arn)
    if found is None or found[2] != service:
        raise ValueError(f"must be an ARN of {service}")
    return Arn(*found.groups())


def _check_account(parts: Arn) -> None:
    if parts.account not in settings().target_accounts:
        raise ValueError(
            "must be in the account of the bus or in one that the deployment's setting "
            f"target_accounts names, not in {parts.account}"
        )


def _parts(arn: str, service: str, resource: str, called: str) -> Arn:
    try:
        parts = read_arn(arn, service)
    except ValueError:
        raise ValueError(f"must be {called}") from None
    if not re.fullmatch(resource, parts.resource, re.ASCII):
        raise ValueError(f"must be {called}")
    return parts
