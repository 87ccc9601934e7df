"""Everything that the deployed bus stores."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from infra.tables import TABLES
from localstack.bus import LocalBus

_ASSETS = "cdk-"
_PAGE = 10_000


def lines(bus: LocalBus, since: float = 0) -> Iterator[tuple[str, str]]:
    """Every line that a function logged, with the name of its log group.

    Args:
        bus: The bus.
        since: Leaves out what was logged before this Unix time.
    """
    logs = bus.client("logs")
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            name = group["logGroupName"]
            for message in _messages(logs, name, int(since * 1000)):
                yield name, message


def _messages(logs: Any, group: str, since: int) -> Iterator[str]:
    """The lines of a group. The emulator shows 10,000 at once, and gives no token for more."""
    known = 0
    while True:
        found = logs.filter_log_events(logGroupName=group, startTime=since)["events"]
        yield from (each["message"] for each in found[known:])
        if len(found) < _PAGE:
            return
        # They come in the order of time; the next page begins with the last of this one.
        since = found[-1]["timestamp"]
        known = sum(each["timestamp"] == since for each in found)
        if known == len(found):
            raise AssertionError(f"{group} has too many lines of one millisecond")


def items(bus: LocalBus, *tables: str) -> Iterator[tuple[str, str]]:
    """Every item of these tables, or of every table, with the table's name."""
    for table in TABLES:
        if tables and table.name not in tables:
            continue
        name = bus.resources[f"{table.name}_table"]
        for page in bus.dynamodb.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                yield name, json.dumps(item, default=repr, ensure_ascii=False)


def objects(bus: LocalBus) -> Iterator[tuple[str, str]]:
    """Every object of every bucket, with the bucket's name; its key comes first."""
    for bucket in (each["Name"] for each in bus.s3.list_buckets()["Buckets"]):
        if bucket.startswith(_ASSETS):
            continue
        for page in bus.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for each in page.get("Contents", []):
                body = bus.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
                yield bucket, f"{each['Key']}\n{body.decode(errors='replace')}"


def kept(bus: LocalBus, since: float = 0) -> Iterator[tuple[str, str]]:
    """Returns all of these; of the lines, those that were logged since a Unix time."""
    yield from lines(bus, since)
    yield from items(bus)
    yield from objects(bus)


def forms(secret: str) -> list[str]:
    """Returns the forms in which a secret could be written."""
    raw = secret.encode()
    return [secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def telling(bus: LocalBus, secrets: Iterable[str], since: float) -> list[tuple[str, str]]:
    """Returns the places that contain one of these, and their text.

    Args:
        bus: The bus.
        secrets: What is searched for.
        since: When these were first sent, as Unix time.
    """
    wanted = [form for secret in secrets for form in forms(secret)]
    return [each for each in kept(bus, since) if any(form in each[1] for form in wanted)]
