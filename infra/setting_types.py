"""The types of the settings of a deployment: what a value may be, and what a refusal says."""

import re
from ipaddress import ip_network
from typing import Annotated

from event_bus.targets.registry import TARGETS
from pydantic import AfterValidator, StringConstraints

MAX_STAGE_LENGTH = 14
"""The most characters of a stage's name.

CloudFormation makes the names of functions and roles from the first 24 characters of the stack's
name. `event-bus-<stage>` must fit into them: the denials of delivery roles name the bus's own
functions by that prefix.
"""

_NEW_TABLE_WRITES = 4_000
_MOST_WARM_WRITES = 1_000_000


def listed(text: str) -> list[str]:
    """Returns the parts of a setting that lists several, separated by commas."""
    return text.split(",") if text else []


def _stage(text: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", text):
        raise ValueError(
            "must begin with a lower-case letter, and hold lower-case letters, digits and inner "
            "hyphens alone"
        )
    if len(text) > MAX_STAGE_LENGTH:
        raise ValueError(
            f"may have at most {MAX_STAGE_LENGTH} characters: CloudFormation would cut a longer "
            "one in the names of functions, by which policies deny deliveries to the bus itself"
        )
    return text


Stage = Annotated[str, AfterValidator(_stage)]
"""The name of a stage."""


def _warm(writes: int) -> int:
    if writes and not _NEW_TABLE_WRITES <= writes <= _MOST_WARM_WRITES:
        raise ValueError(
            f"must be 0, or from {_NEW_TABLE_WRITES}, which a new table has anyway, to "
            f"{_MOST_WARM_WRITES}"
        )
    return writes


WarmWrites = Annotated[int, AfterValidator(_warm)]
"""The warm throughput of a table, in writes a second; 0 for none."""


def _networks(text: str) -> str:
    for each in listed(text):
        ip_network(each)
    return text


Networks = Annotated[str, AfterValidator(_networks)]
"""IP networks, separated by commas."""


def _target_patterns(text: str) -> str:
    for each in listed(text):
        found = re.fullmatch(r"arn:[^:,]+:([a-z]+):[^:,]+:[^:,]+:[^,]+", each)
        services = TARGETS.services
        if not found or found[1] not in services:
            raise ValueError(f"{each} must be an ARN of {', '.join(services)}")
    return text


TargetPatterns = Annotated[str, AfterValidator(_target_patterns)]
"""ARNs of targets, which may contain `*` and `?`, separated by commas."""


def _origins(text: str) -> str:
    for each in listed(text):
        if not re.fullmatch(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", each):
            raise ValueError(f"{each} is no origin: scheme, host and port alone, in lower case")
    return text


Origins = Annotated[str, AfterValidator(_origins)]
"""Origins of web pages, separated by commas."""


def _ids(kind: str, most: int) -> AfterValidator:
    one = f"{kind}-[0-9a-f]{{8,17}}"

    def check(text: str) -> str:
        ids = listed(text)
        for each in ids:
            if not re.fullmatch(one, each):
                raise ValueError(f"{each!r} must be {kind}- and 8 to 17 of the digits 0-9 and a-f")
        # https://docs.aws.amazon.com/lambda/latest/api/API_VpcConfig.html
        if len(ids) > most:
            raise ValueError(f"{len(ids)} are too many: a function may have {most}")
        return text

    return AfterValidator(check)


SubnetIds = Annotated[str, _ids("subnet", 16)]
"""Ids of subnets, at most 16, separated by commas."""

SecurityGroupIds = Annotated[str, _ids("sg", 5)]
"""Ids of security groups, at most 5, separated by commas."""

AccountIds = Annotated[str, StringConstraints(pattern=r"^([0-9]{12}(,[0-9]{12})*)?$")]
"""Ids of AWS accounts, separated by commas."""

DomainName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9-]+(\.[a-z0-9-]+)+)?$")]
"""A domain name, or nothing."""

CertificateArn = Annotated[
    str,
    StringConstraints(pattern=r"^(arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/.+)?$"),
]
"""The ARN of a certificate of ACM, or nothing."""

S3Object = Annotated[str, StringConstraints(pattern=r"^(s3://[a-z0-9.-]{3,63}/.+)?$")]
"""The URL of an object in S3, or nothing."""
