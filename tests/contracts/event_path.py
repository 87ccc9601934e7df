"""The path of an event through the route and deliver functions, on every backend."""

import time
from dataclasses import replace
from typing import Any

import orjson
import pytest
from event_bus import times
from event_bus.maintenance.due import INTERVAL_SECONDS
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import Subscription
from event_bus.queues.sending import NotSent
from standardwebhooks import Webhook

from tests.aws import RETENTION_DAYS
from tests.builders import (
    AN_ADMIN,
    LARGE_PAYLOAD,
    SECRET,
    delivery,
    event,
    message,
    service,
    subscription,
)
from tests.faults import grudging
from tests.handlers import Functions
from tests.hostile import answering, subscriber

_AT_ONCE = 0.95
"""The remaining seconds of a delivery that is almost due; the sweep rounds them down to none."""

TAKEN = answering("HTTP/1.1 204 No Content\r\n\r\n")
REFUSED = answering("HTTP/1.1 500 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")


def _subscribe(functions: Functions, url: str, **members: Any) -> Subscription:
    made = subscription(callback_url=url, **members)
    return functions.aws.subscriptions.create(functions.aws.signed(made))


def _deliver(functions: Functions) -> Any:
    return functions.invoke("deliver_http", functions.waiting(functions.lane))


def _make_due(functions: Functions) -> None:
    """Makes a delivery so late that the sweep sends it without a delay."""
    functions.aws.dynamodb.update_item(
        TableName=functions.aws.tables["deliveries"],
        Key={"event_id": {"S": "evt_1"}, "subscription_id": {"S": "sub_1"}},
        UpdateExpression="SET due_at = :due",
        ExpressionAttributeValues={":due": {"S": times.after(_AT_ONCE - INTERVAL_SECONDS)}},
    )


def _store(functions: Functions, *names: str, payload: dict[str, Any] | None = None) -> None:
    for name in names:
        functions.aws.events.put(event(name, payload=payload), RETENTION_DAYS)


def _outcome(functions: Functions, event_id: str = "evt_1") -> Delivery:
    _, [outcome] = functions.aws.deliveries.of_event(event_id)
    return outcome


class EventPathContract:
    """The contract of the path from the table stream to the subscriber."""

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

    def test_records_of_deleted_events_are_not_routed(self, functions: Functions) -> None:
        removal = {"eventSource": "aws:dynamodb", "eventName": "REMOVE", "dynamodb": {"Keys": {}}}
        answer = functions.invoke("route", {"Records": [removal]})
        assert answer == {"batchItemFailures": []}

    def test_a_failed_delivery_is_followed_by_another_message(self, functions: Functions) -> None:
        policy = RetryPolicy(schedule=[1], max_attempts=2)
        with subscriber(REFUSED, REFUSED) as worker:
            _subscribe(functions, worker.url, retry_policy=policy)
            _store(functions, "evt_1")
            functions.invoke("route", functions.stored("evt_1"))
            assert _deliver(functions) == {"batchItemFailures": []}
            outcome = _outcome(functions)
            assert (outcome.status, outcome.attempts) == ("retrying", 1)
            assert outcome.next_retry_at
            assert outcome.last_error
            assert outcome.last_error.timestamp < outcome.next_retry_at
            time.sleep(2)
            _deliver(functions)
        assert _outcome(functions).status == "exhausted"
        assert [each.number for each in _outcome(functions).log] == [1, 2]

    def test_a_long_wait_ends_by_the_sweeper(self, functions: Functions) -> None:
        with subscriber(REFUSED, TAKEN) as worker:
            _subscribe(functions, worker.url, retry_policy=RetryPolicy(schedule=[3_600]))
            _store(functions, "evt_1")
            functions.invoke("route", functions.stored("evt_1"))
            _deliver(functions)
            assert functions.waiting(functions.lane)["Records"] == []
            assert functions.invoke("sweep", {})["due"] == 0
            [letter] = functions.request("recovery", "GET /dead-letters", AN_ADMIN).body["items"]
            assert (letter["status"], letter["retry_count"]) == ("retrying", 0)
            _make_due(functions)
            assert functions.invoke("sweep", {})["due"] == 1
            assert functions.invoke("sweep", {})["due"] == 0
            _deliver(functions)
        assert _outcome(functions).status == "delivered", _outcome(functions)
        path = {"id": letter["id"]}
        shown = functions.request(
            "recovery", "GET /dead-letters/{id}", AN_ADMIN, parameters=path
        ).body
        assert (shown["status"], len(shown["attempts"])) == ("resolved", 2)

    def test_a_message_that_its_lane_gave_up_becomes_a_dead_letter(
        self, functions: Functions
    ) -> None:
        with subscriber(TAKEN) as worker:
            subscribed = _subscribe(functions, worker.url)
            _store(functions, "evt_1", payload={"kept": "whole"})
            body = message(event("evt_1"), subscribed).to_json()
            record = {"messageId": "m-1", "body": body}
            unreadable = {"messageId": "m-2", "body": "no message"}
            taken = functions.invoke("redrive", {"Records": [unreadable, record]})
            assert taken == {"batchItemFailures": [{"itemIdentifier": "m-2"}]}
            outcome = _outcome(functions)
            assert (outcome.status, outcome.attempts, outcome.waiting) == ("retrying", 1, True)
            assert outcome.last_error
            assert outcome.last_error.code == "function_crashed"
            # A second copy adds nothing.
            functions.invoke("redrive", {"Records": [record]})
            assert _outcome(functions).attempts == 1
            assert outcome.dead_letter_id
            retried = functions.request(
                "recovery",
                "POST /dead-letters/{id}/retry",
                AN_ADMIN,
                parameters={"id": outcome.dead_letter_id},
            )
            assert retried.status == 202
            _deliver(functions)
            [(_, sent)] = worker.requests
        assert orjson.loads(sent)["payload"] == {"kept": "whole"}
        assert _outcome(functions).status == "delivered"

    def test_only_their_service_sees_dead_letters(self, functions: Functions) -> None:
        letter = delivery("exhausted", dead_letter_id="dl_1")
        functions.aws.deliveries.record(letter, 1)
        listed = functions.request("recovery", "GET /dead-letters", service("worker"))
        assert [each["id"] for each in listed.body["items"]] == ["dl_1"]
        assert functions.request("recovery", "GET /dead-letters", service("other")).body == {
            "items": [],
            "next_cursor": None,
        }
        for route in (
            "GET /dead-letters/{id}",
            "POST /dead-letters/{id}/retry",
            "DELETE /dead-letters/{id}",
        ):
            refused = functions.request(
                "recovery", route, service("other"), parameters={"id": "dl_1"}
            )
            assert refused.status == 404, route
        bulk = functions.request("recovery", "POST /dead-letters/retry", service("other"), {})
        assert bulk.body == {"retried": 0, "next_cursor": None}
        assert _outcome(functions).status == "exhausted"

    def test_an_event_is_replayed_by_the_replay_function(self, functions: Functions) -> None:
        with subscriber(TAKEN, TAKEN) as worker:
            _subscribe(functions, worker.url)
            _store(functions, "evt_1", "evt_2")
            begun = functions.request(
                "recovery", "POST /events/{id}/replay", AN_ADMIN, parameters={"id": "evt_1"}
            )
            assert begun.status == 202
            batch = functions.waiting(functions.replays)
            assert functions.invoke("replay", batch) == {"batchItemFailures": []}
            _deliver(functions)
            [(headers, body)] = worker.requests
        replay_id = begun.body["id"]
        assert headers["webhook-id"] == f"evt_1:{replay_id}"
        assert headers["event-bus-replay"] == replay_id
        Webhook(SECRET).verify(body, headers)
        replay = functions.aws.replays.get(replay_id)
        assert replay
        assert (replay.state, replay.examined, replay.sent) == ("completed", 1, 1)
        assert functions.aws.deliveries.get(DeliveryKey("evt_1", "sub_1")) is None

    def test_a_chain_that_is_too_long_ends_as_a_dead_letter(self, functions: Functions) -> None:
        _subscribe(functions, "http://127.0.0.1:1/")
        functions.aws.events.put(event("evt_1", metadata={"hop_count": 17}), RETENTION_DAYS)
        functions.aws.events.put(event("evt_2", metadata={"hop_count": 16}), RETENTION_DAYS)
        functions.invoke("route", functions.stored("evt_1", "evt_2"))
        assert _outcome(functions, "evt_1").status == "exhausted"
        [record] = functions.waiting(functions.lane)["Records"]
        assert orjson.loads(record["body"])["event_id"] == "evt_2"

    def test_an_unreadable_unroutable_message_does_not_hold_up_others(
        self, functions: Functions
    ) -> None:
        _store(functions, "evt_1")
        for body in ('{"event_id": "evt_1"}', "no message"):
            functions.aws.sqs.send_message(QueueUrl=functions.unroutable, MessageBody=body)
        records = [
            *functions.waiting(functions.unroutable)["Records"],
            *functions.waiting(functions.unroutable)["Records"],
        ]
        [kept] = functions.invoke("route", {"Records": records})["batchItemFailures"]
        bodies = {each["messageId"]: each["body"] for each in records}
        assert bodies[kept["itemIdentifier"]] == "no message"
        assert set(functions.aws.routings.get_many(["evt_1"])) == {"evt_1"}

    def test_an_unreadable_message_is_kept_beside_others(self, functions: Functions) -> None:
        with subscriber(REFUSED) as worker:
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
        assert len(answer["batchItemFailures"]) == 1

    def test_a_poison_event_is_unroutable_and_routed_once_it_is_sound(
        self, functions: Functions
    ) -> None:
        large = event("evt_2", payload=LARGE_PAYLOAD)
        _store(functions, "evt_1")
        functions.aws.events.put(large, RETENTION_DAYS)
        [key] = functions.aws.objects()
        functions.aws.s3.delete_object(Bucket=functions.aws.bucket, Key=key)
        functions.invoke("route", functions.stored("evt_1", "evt_2"))
        routed = functions.aws.routings.get_many(["evt_1", "evt_2"])
        assert set(routed) == {"evt_1"}

        batch = functions.waiting(functions.unroutable)
        [record] = batch["Records"]
        answer = functions.invoke("route", batch)
        assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}

        assert large.payload is not None
        functions.aws.payloads.put(large.id, large.digest, large.payload, kept=False)
        assert functions.invoke("route", batch) == {"batchItemFailures": []}
        assert set(functions.aws.routings.get_many(["evt_2"])) == {"evt_2"}

    def test_an_expired_unroutable_event_is_dropped(self, functions: Functions) -> None:
        body = orjson.dumps({"event_id": "evt_gone"}).decode()
        functions.aws.sqs.send_message(QueueUrl=functions.unroutable, MessageBody=body)
        answer = functions.invoke("route", functions.waiting(functions.unroutable))
        assert answer == {"batchItemFailures": []}

    def test_events_that_lambda_gave_up_are_routed_by_its_notice(
        self, functions: Functions
    ) -> None:
        _store(functions, "evt_1")
        record = {"payload": {"Records": [{"dynamodb": {"Keys": {"id": {"S": "evt_1"}}}}]}}
        functions.aws.s3.put_object(
            Bucket=functions.aws.bucket, Key="given-up", Body=orjson.dumps(record)
        )
        notice = {
            "detail": {"bucket": {"name": functions.aws.bucket}, "object": {"key": "given-up"}}
        }
        functions.aws.sqs.send_message(
            QueueUrl=functions.unroutable, MessageBody=orjson.dumps(notice).decode()
        )
        answer = functions.invoke("route", functions.waiting(functions.unroutable))
        assert answer == {"batchItemFailures": []}
        assert set(functions.aws.routings.get_many(["evt_1"])) == {"evt_1"}

    def test_a_lane_that_fails_repeats_the_whole_batch(self, functions: Functions) -> None:
        _subscribe(functions, "http://127.0.0.1:1/")
        _store(functions, "evt_1")
        route = functions.load("route")
        slow = grudging(functions.aws.sqs, 0)
        sound = route._router
        route._router = replace(sound, lanes=replace(sound.lanes, client=slow))  # type: ignore[attr-defined]
        with pytest.raises(NotSent):
            functions.invoke("route", functions.stored("evt_1"))
        assert functions.aws.routings.get_many(["evt_1"]) == {}
