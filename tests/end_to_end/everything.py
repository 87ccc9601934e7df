"""Everything that the deployed bus stores."""

import base64
import json
from collections.abc import Iterable, Iterator

from infra.tables import TABLES
from localstack.bus import LocalBus

_ASSETS = "cdk-"


def lines(bus: LocalBus) -> Iterator[tuple[str, str]]:
    """Every line that a function logged, with the name of its log group."""
    logs = bus.client("logs")
    for groups in logs.get_paginator("describe_log_groups").paginate():
        for group in groups["logGroups"]:
            name = group["logGroupName"]
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=name):
                for event in page["events"]:
                    yield name, event["message"]


def items(bus: LocalBus) -> Iterator[tuple[str, str]]:
    """Every item of every table, with the table's name."""
    for table in TABLES:
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


def kept(bus: LocalBus) -> Iterator[tuple[str, str]]:
    """Returns all of these."""
    yield from lines(bus)
    yield from items(bus)
    yield from objects(bus)


def forms(secret: str) -> list[str]:
    """Returns the forms in which a secret could be written."""
    raw = secret.encode()
    return [secret, base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]


def telling(bus: LocalBus, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Returns the places that contain one of these, and their text."""
    wanted = [form for secret in secrets for form in forms(secret)]
    return [each for each in kept(bus) if any(form in each[1] for form in wanted)]
