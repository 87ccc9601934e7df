"""Where a strict emulator asks for other permissions than AWS does."""

import json
from typing import Any

from localstack.bus import LocalBus

# AWS authorizes a batch as the single actions in it.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
_BATCHES = {"sqs:SendMessage": "sqs:SendMessageBatch", "sns:Publish": "sns:PublishBatch"}


def permit_batches(bus: LocalBus) -> None:
    """Lets each role do in batches what it may do one by one.

    Args:
        bus: The deployed bus.
    """
    iam = bus.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in (each["RoleName"] for each in page["Roles"]):
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                if _extended(policy):
                    iam.put_role_policy(
                        RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy)
                    )


def _extended(policy: dict[str, Any]) -> bool:
    changed = False
    for statement in policy["Statement"]:
        given = statement["Action"]
        actions = [given] if isinstance(given, str) else given
        further = [batch for single, batch in _BATCHES.items() if single in actions]
        statement["Action"] = [*actions, *further]
        changed = changed or bool(further)
    return changed
