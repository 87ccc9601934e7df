"""IAM principals: the role or user of a caller, without its session."""

import re

_PRINCIPAL = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):(?:iam|sts)::(?P<account>[0-9]{12}):"
    r"(?P<kind>role|user|assumed-role)/(?P<path>[!-~]+)",
    re.ASCII,
)


def principal_of(arn: str) -> str | None:
    """Returns the role or user of an ARN, without path and session; None if it is neither.

    The session of an assumed role does not contain the role's path, so roles are distinguished by
    their names, which are unique in an account
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
    """Refuses a text that is not the ARN of a role or a user.

    Raises:
        ValueError: It is refused.
    """
    if ":assumed-role/" in arn or principal_of(arn) is None:
        raise ValueError("must be the ARN of an IAM role or user")
