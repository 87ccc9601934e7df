"""Corrects roles where a strict emulator demands other permissions than AWS."""

import json
from typing import Any

from localstack.bus import LocalBus

# AWS authorizes a batch as the single actions in it.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html
_BATCHES = {"sqs:SendMessage": "sqs:SendMessageBatch", "sns:Publish": "sns:PublishBatch"}

# The emulator cannot tell the resource of these actions.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
_OF_ANY_RESOURCE = {
    "sns:ListTagsForResource",
    "events:ListTagsForResource",
    "states:ListTagsForResource",
}

# The emulator ignores this, so a condition on it is never met.
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
_UNKNOWN = "kms:EncryptionContext:"


def align_roles(bus: LocalBus) -> None:
    """Changes the policies of roles so that the emulator permits what AWS would permit.

    Args:
        bus: The deployed bus.
    """
    iam = bus.client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in (each["RoleName"] for each in page["Roles"]):
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                policy = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
                if _changed(policy):
                    iam.put_role_policy(
                        RoleName=role, PolicyName=name, PolicyDocument=json.dumps(policy)
                    )


def _changed(policy: dict[str, Any]) -> bool:
    """Corrects a policy; returns whether that changed it."""
    changed = False
    for statement in policy["Statement"]:
        given = statement["Action"]
        actions = [given] if isinstance(given, str) else given
        further = [batch for single, batch in _BATCHES.items() if single in actions]
        statement["Action"] = [*actions, *further]
        asked = statement.get("Condition", {}).get("StringEquals", {})
        unknown = [key for key in asked if key.startswith(_UNKNOWN)]
        for key in unknown:
            del asked[key]
        unresolved = _OF_ANY_RESOURCE.intersection(actions)
        if unresolved:
            statement["Resource"] = "*"
        changed = changed or bool(further or unknown or unresolved)
    return changed
