"""The wire passes on requests of functions and their answers, and counts them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import urllib3

from benchmarks.metered.wire import counting
from tests.http_server import HttpAnswer, HttpRequest, serving


@contextmanager
def upstream(answer: Any) -> Iterator[tuple[str, list[Any]]]:
    """Something that answers everything alike, and what it was asked."""
    asked: list[Any] = []

    def take(request: HttpRequest) -> HttpAnswer:
        asked.append((request.path, request.headers.get("x-own"), request.body))
        return HttpAnswer(200, json.dumps(answer).encode(), {"x-answered": "yes"})

    with serving(take) as url:
        yield url, asked


def post(url: str, target: str, body: Any) -> urllib3.BaseHTTPResponse:
    headers = {"x-amz-target": target, "x-own": "kept"}
    return urllib3.request("POST", url, body=json.dumps(body).encode(), headers=headers)


def test_a_write_is_counted_by_table_and_index() -> None:
    consumed = {
        "TableName": "t-1",
        "CapacityUnits": 3.0,
        "GlobalSecondaryIndexes": {"by_cell": {"CapacityUnits": 1.0}},
    }
    with upstream({"ConsumedCapacity": consumed}) as (url, asked), counting(url) as wire:
        wire.tables = {"t-1": "events"}
        answer = post(f"{wire.url}/publish/", "DynamoDB_20120810.PutItem", {"TableName": "t-1"})
        assert (answer.status, answer.headers["x-answered"]) == (200, "yes")
        assert answer.json() == {"ConsumedCapacity": consumed}
        [(path, own, body)] = asked
        assert (path, own) == ("/", "kept")
        assert json.loads(body) == {"TableName": "t-1", "ReturnConsumedCapacity": "INDEXES"}
        [call] = wire.take()
    assert (call.function, call.service, call.operation) == ("publish", "DynamoDB", "PutItem")
    assert call.written == {"events": 2.0, "events.by_cell": 1.0}
    assert call.read == {}


def test_reads_are_counted_by_what_they_read() -> None:
    large = {"id": {"S": "x" * 5000}}
    with upstream({"Responses": {"t-1": [large]}}) as (url, _), counting(url) as wire:
        wanted = {"Keys": [{"id": {"S": "a"}}, {"id": {"S": "b"}}], "ConsistentRead": True}
        post(
            f"{wire.url}/route/",
            "DynamoDB_20120810.BatchGetItem",
            {"RequestItems": {"t-1": wanted}},
        )
        [call] = wire.take()
    # Two blocks of the one that is there, and one for the other.
    assert call.read == {"t-1": 3.0}
    with upstream({"Items": [large, large]}) as (url, _), counting(url) as wire:
        post(
            f"{wire.url}/x/", "DynamoDB_20120810.Query", {"TableName": "t", "IndexName": "by_cell"}
        )
        [call] = wire.take()
    assert call.read == {"t.by_cell": 1.5}


def test_a_request_counts_its_pieces_and_its_method_where_it_names_nothing() -> None:
    with upstream({}) as (url, asked), counting(url) as wire:
        post(f"{wire.url}/route/", "AmazonSQS.SendMessageBatch", {"text": "x" * 70_000})
        urllib3.request("PUT", f"{wire.url}/audit/bucket/a/key", body=b"")
        sent, put = wire.calls()
        assert [path for path, _, _ in asked] == ["/", "/bucket/a/key"]
    assert (sent.service, sent.operation, sent.chunks) == ("SQS", "SendMessageBatch", 2)
    assert (put.function, put.service, put.operation) == ("audit", "S3", "PUT")
