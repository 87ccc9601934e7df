"""Deploys the bare pipeline onto the emulator that the bus runs on."""

import io
import zipfile
from pathlib import Path
from typing import Any

from localstack.bus import LocalBus

_HANDLERS = Path(__file__).with_name("handlers.py")
_ROLE = "arn:aws:iam::000000000000:role/bare"


def deploy(bus: LocalBus, callback: str) -> str:
    """Deploys the pipeline: HTTP API, authorizer, table, stream, queue and three functions.

    Args:
        bus: A bus that runs on the emulator.
        callback: Where events are delivered to.

    Returns:
        The root of its API.
    """
    table = bus.dynamodb.create_table(
        TableName="bare-events",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    queue = bus.sqs.create_queue(QueueName="bare-lane")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{bus.region}:000000000000:bare-lane"
    functions = bus.client("lambda")
    environment = {
        "TABLE": "bare-events",
        "QUEUE": queue,
        "CALLBACK": callback,
        # The emulator waits for their last line, as for that of the bus (`ministack_costs.py`).
        "PRINTS_CALLED": "1",
    }
    arns = {
        name: functions.create_function(
            FunctionName=f"bare-{name}",
            Runtime="python3.13",
            Role=_ROLE,
            Handler=f"handlers.{name}",
            Code={"ZipFile": _archive()},
            Timeout=30,
            MemorySize=1024,
            Environment={"Variables": environment},
        )["FunctionArn"]
        for name in ("authorize", "publish", "route", "deliver")
    }
    functions.create_event_source_mapping(
        FunctionName="bare-route",
        EventSourceArn=table["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BatchSize=100,
    )
    functions.create_event_source_mapping(
        FunctionName="bare-deliver",
        EventSourceArn=queue_arn,
        BatchSize=10,
        ScalingConfig={"MaximumConcurrency": 8},
    )
    return f"{bus.endpoint_url}/_aws/execute-api/{_api(bus, arns)}"


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(_HANDLERS, _HANDLERS.name)
    return content.getvalue()


def _api(bus: LocalBus, arns: dict[str, str]) -> str:
    gateway: Any = bus.client("apigatewayv2")
    api_id: str = gateway.create_api(Name="bare", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api_id,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arns["publish"],
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    authorizer = gateway.create_authorizer(
        ApiId=api_id,
        Name="bare",
        AuthorizerType="REQUEST",
        AuthorizerUri=arns["authorize"],
        AuthorizerPayloadFormatVersion="2.0",
        EnableSimpleResponses=True,
        AuthorizerResultTtlInSeconds=0,
        IdentitySource=[],
    )["AuthorizerId"]
    gateway.create_route(
        ApiId=api_id,
        RouteKey="POST /events",
        Target=f"integrations/{integration}",
        AuthorizationType="CUSTOM",
        AuthorizerId=authorizer,
    )
    gateway.create_stage(ApiId=api_id, StageName="$default", AutoDeploy=True)
    return api_id
