"""The deployed app answers at the addresses that it is said to have."""

from pathlib import Path

import httpx

from localstack.bus import LocalBus


def test_the_api_answers(bus: LocalBus) -> None:
    assert httpx.get(f"{bus.api_url}/health/live").status_code == 200


def test_an_unknown_route_is_answered_by_the_bus_itself(bus: LocalBus) -> None:
    answer = httpx.get(f"{bus.api_url}/no/such/route")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_clients_reach_every_table_queue_and_bucket(bus: LocalBus) -> None:
    for name, value in bus.resources.items():
        if name.endswith("_table"):
            assert bus.dynamodb.describe_table(TableName=value)["Table"]["TableName"] == value
        elif name.endswith("_bucket"):
            assert bus.s3.list_objects_v2(Bucket=value)["KeyCount"] >= 0
        elif name.endswith("queue_url") or name.startswith("http_"):
            assert bus.sqs.get_queue_attributes(QueueUrl=value)


def test_the_admin_key_is_long_and_alphanumeric(bus: LocalBus) -> None:
    assert len(bus.admin_api_key) >= 40
    assert bus.admin_api_key.isalnum()


def test_a_bus_is_written_for_its_owner_alone_and_read_back(bus: LocalBus, tmp_path: Path) -> None:
    file = tmp_path / "bus.json"
    bus.write(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert LocalBus.read(file) == bus
