"""Principals of IAM: the roles and users that callers are, whatever session they come with."""

import re

_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<kind>role|user|assumed-role)/(?P<path>[!-~]+)",
    re.ASCII,
)


def principal_of(arn: str) -> str | None:
    """The role or user that an ARN is about, without path and session; None where it is neither.

    The session of an assumed role is named without the path of its role, so that a path tells no
    two roles apart; their names do, within an account
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).

    Args:
        arn: The ARN of a role, a user, or the session of an assumed role.
    """
    found = _PRINCIPAL.fullmatch(arn)
    if found is None:
        return None
    parts = found["path"].split("/")
    if found["kind"] == "assumed-role":
        if len(parts) != 2:
            return None
        kind, name = "role", parts[0]
    else:
        kind, name = found["kind"], parts[-1]
    return f"arn:{found['partition']}:iam::{found['account']}:{kind}/{name}" if name else None


def check_principal(arn: str) -> None:
    """Refuses what is not the ARN of a role or a user.

    Raises:
        ValueError: It is refused.
    """
    if ":assumed-role/" in arn or principal_of(arn) is None:
        raise ValueError("must be the ARN of an IAM role or user")
