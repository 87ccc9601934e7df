"""A caller that IAM knows is its role or user, whatever session and path it comes with."""

import pytest
from event_bus.model.principals import check_principal, principal_of

ROLE = "arn:aws:iam::123456789012:role/worker"


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        (ROLE, ROLE),
        ("arn:aws:iam::123456789012:role/team/a/worker", ROLE),
        ("arn:aws:sts::123456789012:assumed-role/worker/session@x", ROLE),
        ("arn:aws:iam::123456789012:user/people/ada", "arn:aws:iam::123456789012:user/ada"),
        (
            "arn:aws-cn:sts::123456789012:assumed-role/worker/1",
            "arn:aws-cn:iam::123456789012:role/worker",
        ),
    ],
)
def test_a_principal_is_a_role_or_a_user(arn: str, principal: str) -> None:
    assert principal_of(arn) == principal


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "worker",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/ada",
        "arn:aws:sts::123456789012:assumed-role/worker",
        "arn:aws:sts::123456789012:assumed-role/a/b/c",
        "arn:aws:iam::12345:role/worker",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/team/",
        "arn:aws:sts::123456789012:assumed-role//session",
        "arn:aws:iam::123456789012:group/all",
        "arn:aws:iam::123456789012:role/worker\n",
        "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/worker",
    ],
)
def test_other_arns_are_not_principals(arn: str) -> None:
    assert principal_of(arn) is None
    with pytest.raises(ValueError, match=r"^must be the ARN of an IAM role or user$"):
        check_principal(arn)


def test_a_session_is_not_registered() -> None:
    with pytest.raises(ValueError, match="must be the ARN"):
        check_principal("arn:aws:sts::123456789012:assumed-role/worker/1")
