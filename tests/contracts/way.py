"""The way of an event through the route and deliver functions, on whatever they stand."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus.model.delivery import Delivery
from event_bus.model.registration import Subscription
from event_bus.routing.lanes import NotSent
from standardwebhooks import Webhook

from tests.aws import RETENTION_DAYS
from tests.builders import LARGE_PAYLOAD, SECRET, event, subscription
from tests.faults import grudging
from tests.handlers import LANE_ATTEMPTS, Functions
from tests.unit.event_bus.delivery.hostile import Talk, answering, subscriber

TAKEN = answering("HTTP/1.1 204 No Content\r\n\r\n")
REFUSED = answering("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")


def _subscribe(functions: Functions, url: str, name: str = "sub_1") -> Subscription:
    return functions.aws.subscriptions.create(subscription(name, callback_url=url))


def _store(functions: Functions, *names: str, payload: dict[str, Any] | None = None) -> None:
    for name in names:
        functions.aws.events.put(event(name, payload=payload), RETENTION_DAYS)


def _outcome(functions: Functions, event_id: str = "evt_1") -> Delivery:
    _, [outcome] = functions.aws.deliveries.of_event(event_id)
    return outcome


class WayContract:
    """From the stream to the subscriber."""

    @pytest.mark.parametrize("payload", [{"a": "ü"}, LARGE_PAYLOAD], ids=["small", "large"])
    def test_a_stored_event_reaches_its_subscriber(
        self, functions: Functions, payload: dict[str, Any]
    ) -> None:
        with subscriber(TAKEN) as worker:
            _subscribe(functions, worker.url)
            _store(functions, "evt_1", payload=payload)
            routed = functions.invoke("route", functions.stored("evt_1"))
            assert routed == {"batchItemFailures": []}
            delivered = functions.invoke("deliver_http", functions.waiting(functions.lane))
            assert delivered == {"batchItemFailures": []}
            [(headers, body)] = worker.requests
        assert Webhook(SECRET).verify(body, headers)["payload"] == payload
        assert _outcome(functions).status == "delivered"

    def test_what_the_stream_holds_of_deleted_events_is_nothing_to_route(
        self, functions: Functions
    ) -> None:
        removal = {"eventSource": "aws:dynamodb", "eventName": "REMOVE", "dynamodb": {"Keys": {}}}
        answer = functions.invoke("route", {"Records": [removal]})
        assert answer == {"batchItemFailures": []}

    @pytest.mark.parametrize(("attempt", "status"), [(1, "retrying"), (LANE_ATTEMPTS, "exhausted")])
    def test_a_failed_delivery_stays_on_the_queue(
        self, functions: Functions, attempt: int, status: str
    ) -> None:
        with subscriber(REFUSED) as worker:
            _subscribe(functions, worker.url)
            _store(functions, "evt_1")
            functions.invoke("route", functions.stored("evt_1"))
            batch = functions.waiting(functions.lane)
            [record] = batch["Records"]
            record["attributes"]["ApproximateReceiveCount"] = str(attempt)
            answer = functions.invoke("deliver_http", batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
        outcome = _outcome(functions)
        assert (outcome.status, outcome.attempts) == (status, attempt)
        waits = functions.waiting(functions.lane)["Records"]
        assert [each["messageId"] for each in waits] == (
            [record["messageId"]] if status == "exhausted" else []
        )

    @pytest.mark.parametrize(("talk", "kept"), [(TAKEN, 1), (REFUSED, 2)])
    def test_an_unreadable_message_is_kept_beside_others(
        self, functions: Functions, talk: Talk, kept: int
    ) -> None:
        with subscriber(talk) as worker:
            _subscribe(functions, worker.url)
            _store(functions, "evt_1")
            functions.invoke("route", functions.stored("evt_1"))
            functions.aws.sqs.send_message(QueueUrl=functions.lane, MessageBody="not a message")
            records = [
                *functions.waiting(functions.lane)["Records"],
                *functions.waiting(functions.lane)["Records"],
            ]
            answer = functions.invoke("deliver_http", {"Records": records})
            assert len(worker.requests) == 1
        assert len(records) == 2
        assert len(answer["batchItemFailures"]) == kept

    def test_a_poison_event_is_stranded_and_routed_once_it_is_sound(
        self, functions: Functions
    ) -> None:
        large = event("evt_2", payload=LARGE_PAYLOAD)
        _store(functions, "evt_1")
        functions.aws.events.put(large, RETENTION_DAYS)
        [key] = functions.aws.objects()
        functions.aws.s3.delete_object(Bucket=functions.aws.bucket, Key=key)
        functions.invoke("route", functions.stored("evt_1", "evt_2"))
        routed = functions.aws.deliveries.routings(["evt_1", "evt_2"])
        assert set(routed) == {"evt_1"}

        batch = functions.waiting(functions.stranded)
        [record] = batch["Records"]
        answer = functions.invoke("route", batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}

        assert large.payload is not None
        functions.aws.payloads.put(large.id, large.digest, large.payload)
        assert functions.invoke("route", batch) == {"batchItemFailures": []}
        assert set(functions.aws.deliveries.routings(["evt_2"])) == {"evt_2"}

    def test_a_stranded_event_that_expired_is_owed_to_nobody(self, functions: Functions) -> None:
        body = orjson.dumps({"event_id": "evt_gone"}).decode()
        functions.aws.sqs.send_message(QueueUrl=functions.stranded, MessageBody=body)
        answer = functions.invoke("route", functions.waiting(functions.stranded))
        assert answer == {"batchItemFailures": []}

    def test_what_lambda_gave_up_is_routed_by_its_notice(self, functions: Functions) -> None:
        _store(functions, "evt_1")
        record = {"payload": {"Records": [{"dynamodb": {"Keys": {"id": {"S": "evt_1"}}}}]}}
        functions.aws.s3.put_object(
            Bucket=functions.aws.bucket, Key="given-up", Body=orjson.dumps(record)
        )
        notice = {
            "detail": {"bucket": {"name": functions.aws.bucket}, "object": {"key": "given-up"}}
        }
        functions.aws.sqs.send_message(
            QueueUrl=functions.stranded, MessageBody=orjson.dumps(notice).decode()
        )
        answer = functions.invoke("route", functions.waiting(functions.stranded))
        assert answer == {"batchItemFailures": []}
        assert set(functions.aws.deliveries.routings(["evt_1"])) == {"evt_1"}

    def test_a_lane_that_refuses_has_the_whole_batch_come_again(self, functions: Functions) -> None:
        _subscribe(functions, "http://127.0.0.1:1/")
        _store(functions, "evt_1")
        route = functions.load("route")
        slow = grudging(functions.aws.sqs, 0)
        sound = route._router
        route._router = replace(sound, lanes=replace(sound.lanes, client=slow))  # type: ignore[attr-defined]
        with pytest.raises(NotSent):
            functions.invoke("route", functions.stored("evt_1"))
        assert functions.aws.deliveries.routings(["evt_1"]) == {}
