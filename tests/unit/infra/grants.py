"""What the roles of functions permit."""

import re
from typing import Any

from infra import tables
from tests.unit.infra.synthesised import Resource, Synthesised, listed

OF_THE_STREAM = {"DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"}


QUEUE_NAMES = "QUEUE_NAMES"
"""The variable that tells the names of lanes and redrive queues."""


TRACING = {"xray:PutTelemetryRecords", "xray:PutTraceSegments"}
"""What functions do where they are traced."""


STATISTICS = {"cloudwatch:GetMetricStatistics"}
"""What those do who tell how old messages are."""


INTERFACES = {
    *("ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
    *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
    *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
}
"""What Lambda does by the role of a function that is in a VPC."""


def grants_of(app: Synthesised, function: Resource) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    role = function.properties["Role"]["Fn::GetAtt"][0]
    return [
        statement
        for policy, statement in app.statements()
        if policy.stack == function.stack and policy.properties["Roles"] == [{"Ref": role}]
    ]


def actions_of(app: Synthesised, function: Resource) -> set[str]:
    return {
        action for statement in grants_of(app, function) for action in listed(statement["Action"])
    }


TABLE_NAMES = {table.construct_id: table.name for table in tables.TABLES}
"""The names of the tables, by the ids of their constructs."""


def table_behind(arn: Any) -> tuple[str, str]:
    """The table that an ARN is about, and the index, if it is one of an index."""
    parts = arn["Fn::Join"][1] if "Fn::Join" in arn else [arn]
    exported = parts[0]["Fn::ImportValue"]
    match = re.search(r"GetAtt([A-Z][a-z]+)Table", exported)
    assert match, exported
    return TABLE_NAMES[match[1]], "".join(parts[1:]).replace("/index/", "/")


def uses_of_tables(app: Synthesised, function: Resource) -> dict[str, set[str]]:
    """What a function may do with each table."""
    uses: dict[str, set[str]] = {}
    for statement in grants_of(app, function):
        for action in listed(statement["Action"]):
            service, _, name = action.partition(":")
            if service != "dynamodb" or name in OF_THE_STREAM:
                continue
            for arn in listed(statement["Resource"]):
                table, index = table_behind(arn)
                uses.setdefault(table, set()).add(name + index)
    return uses
