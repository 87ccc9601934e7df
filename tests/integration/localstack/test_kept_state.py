"""What an emulator stores outlives it where it is kept, and functions go on from there."""

import io
import socket
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from localstack_client.session import Session  # type: ignore[import-untyped]

from localstack.emulator import Emulator, forget
from localstack.errors import LocalError

_COPY = """
import boto3, os

def handler(event, context):
    print("copy")
    table = boto3.client("dynamodb", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for record in event["Records"]:
        table.put_item(TableName="copies", Item=record["dynamodb"]["Keys"])
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "emulator"
    yield folder
    if left := Emulator.find(folder):
        left.stop()


def _client(emulator: Emulator, service: str) -> Any:
    return Session(localstack_host=f"localhost:{emulator.port}").client(service)


def _copied(emulator: Emulator, name: str) -> bool:
    """Whether the function copies an item, within twenty seconds."""
    table = _client(emulator, "dynamodb")
    table.put_item(TableName="items", Item={"id": {"S": name}})
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if "Item" in table.get_item(TableName="copies", Key={"id": {"S": name}}):
            return True
        time.sleep(0.1)
    return False


def _copy_items_by_a_function(emulator: Emulator) -> None:
    tables = _client(emulator, "dynamodb")
    for name in ("items", "copies"):
        tables.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", _COPY)
    functions = _client(emulator, "lambda")
    functions.create_function(
        FunctionName="copy",
        Runtime="python3.13",
        Handler="handler.handler",
        Role="arn:aws:iam::000000000000:role/none",
        Code={"ZipFile": code.getvalue()},
    )
    functions.create_event_source_mapping(
        FunctionName="copy",
        EventSourceArn=tables.describe_table(TableName="items")["Table"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
    )


def test_a_kept_state_outlives_the_emulator_and_its_table_streams_continue(directory: Path) -> None:
    first = Emulator.start(directory, port=0, kept=True)
    _copy_items_by_a_function(first)
    assert _copied(first, "before-1")
    assert _copied(first, "before-2")
    first.stop()

    second = Emulator.start(directory, kept=True)
    assert second.port == first.port
    found = _client(second, "dynamodb").scan(TableName="items")["Items"]
    assert {each["id"]["S"] for each in found} == {"before-1", "before-2"}
    assert _copied(second, "after")


def test_a_kept_state_needs_its_port(directory: Path) -> None:
    first = Emulator.start(directory, port=0, kept=True)
    first.stop()
    with pytest.raises(LocalError, match=f"needs port {first.port}; .* make reset"):
        Emulator.start(directory, port=first.port + 1, kept=True)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", first.port))
        taken.listen()
        with pytest.raises(LocalError, match=f"Port {first.port} is taken, .* make reset"):
            Emulator.start(directory, kept=True)


def test_a_forgotten_state_is_not_loaded_again(directory: Path) -> None:
    first = Emulator.start(directory, port=0, kept=True)
    _client(first, "sqs").create_queue(QueueName="orders")
    first.stop()
    forget(directory)
    second = Emulator.start(directory, port=0, kept=True)
    assert not _client(second, "sqs").list_queues().get("QueueUrls")


def test_without_being_kept_nothing_outlives_it(directory: Path) -> None:
    first = Emulator.start(directory, port=0)
    _client(first, "sqs").create_queue(QueueName="orders")
    first.stop()
    second = Emulator.start(directory, port=0)
    assert not _client(second, "sqs").list_queues().get("QueueUrls")
