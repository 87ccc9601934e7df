"""Opting resources in as targets: by the owner's tag, or by a pattern in the settings.

The lanes' roles require the same (`infra/target_grants.py`), so the tag decides at each delivery,
not only at registration.
"""

import re
from collections.abc import Iterable

TAG_VALUE = "target"
"""The value of the tag."""

_ARN_PARTS = 5
_ANY = {"*": ".*", "?": "."}


def tag_key(stage: str) -> str:
    """Returns the key of the tag that opts a resource in to one stage.

    Args:
        stage: The stage.
    """
    return f"event-bus-{stage}"


def named_by(patterns: Iterable[str], arn: str) -> bool:
    """Returns whether a pattern matches a resource, as IAM compares ARNs.

    A wildcard stays within its part of the ARN; the last part is everything after the account
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html).

    Args:
        patterns: ARNs with `*` for any characters and `?` for any one.
        arn: The ARN of the resource.
    """
    return any(_names(pattern, arn) for pattern in patterns)


def _names(pattern: str, arn: str) -> bool:
    asked, given = pattern.split(":", _ARN_PARTS), arn.split(":", _ARN_PARTS)
    return len(asked) == len(given) and all(map(_alike, asked, given))


def _alike(pattern: str, text: str) -> bool:
    expression = "".join(_ANY.get(character) or re.escape(character) for character in pattern)
    return re.fullmatch(expression, text) is not None
