"""What a subscriber answers is published as a reply, once, by the rights of its service."""

from concurrent.futures import Executor
from typing import Any

import orjson
import pytest
from event_bus.access.known_publishers import KnownPublishers
from event_bus.commands.subscriber_replies import SubscriberReplies
from event_bus.errors import Unavailable
from event_bus.model import command_record
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event, EventOrigin
from event_bus.model.outcome import Outcome
from event_bus.publishing.intake import Intake
from event_bus.publishing.publisher_rights import PublisherRights
from event_bus.publishing.replying import Replying
from event_bus.stores.commands import CommandStore
from event_bus.targets.transport import DeliveryRequest

from tests.aws import RETENTION_DAYS, Aws
from tests.builders import LATER, event, publisher, subscription
from tests.unit.event_bus.commands.mocked_commands import records

__all__ = ["records"]

TRACE = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
ASKING = event(
    metadata={"reply_to": "bill.made", "correlation_id": "cart-7", "trace_id": "trace-9", **TRACE}
)
COMMAND = event(event_type="command.pay", metadata={"deadline": LATER, **TRACE})


@pytest.fixture
def replies(aws: Aws, executor: Executor, records: CommandStore) -> SubscriberReplies:
    registered = publisher("worker", "bill.made")
    rights = PublisherRights(KnownPublishers({"worker": registered}.get))
    checks = aws.schema_checks
    intake = Intake(aws.events, rights, checks, aws.seal, RETENTION_DAYS, executor, lambda *_: True)
    return SubscriberReplies(intake, Replying(aws.events, records, rights, checks, aws.seal))


def request(about: Event, replay: str | None = None) -> DeliveryRequest:
    return DeliveryRequest(DeliveryKey("evt_1", "sub_1", replay), about, subscription())


def _step_of_the_delivery(about: Event) -> str:
    assert about.trace
    return about.trace.child("sub_1#evt_1").traceparent


def published(aws: Aws) -> list[Event]:
    items = aws.dynamodb.scan(TableName=aws.tables["events"])["Items"]
    return [*aws.events.get_many([each["id"]["S"] for each in items]).values()]


def test_a_repeated_delivery_publishes_one_reply(aws: Aws, replies: SubscriberReplies) -> None:
    for result in ({"total": 3}, {"total": 3}, {"total": 4}):
        assert replies.publish(request(ASKING), result).code is None
    [reply] = published(aws)
    assert (reply.source, reply.type) == ("worker", "bill.made")
    assert reply.json_payload == b'{"total":3}'
    assert (reply.metadata["correlation_id"], reply.metadata["causation_id"]) == ("cart-7", "evt_1")
    # No other service can take the id first.
    assert reply.id.startswith("worker:reply_")
    assert len(reply.id.partition("_")[2]) == 32
    assert reply.metadata["trace_id"] == "trace-9"
    assert reply.metadata["traceparent"] == _step_of_the_delivery(ASKING)
    replies.publish(request(ASKING, "rpl_1"), {"total": 3})
    assert len(published(aws)) == 2


@pytest.mark.parametrize(
    ("result", "payload"), [([1], b'{"result":[1]}'), (None, b'{"result":null}')]
)
def test_a_result_that_is_no_object_becomes_one(
    aws: Aws, replies: SubscriberReplies, result: Any, payload: bytes
) -> None:
    replies.publish(request(ASKING), result)
    [reply] = published(aws)
    assert reply.json_payload == payload


def test_a_service_replies_by_its_own_rights(aws: Aws, replies: SubscriberReplies) -> None:
    asking = event(metadata={"reply_to": "secret.told"})
    outcome = replies.publish(request(asking), {})
    assert (outcome.code, published(aws)) == ("reply_refused", [])
    assert "not registered to publish secret.told" in (outcome.message or "")


@pytest.mark.parametrize("about", [ASKING, COMMAND])
def test_a_reply_that_is_not_stored_fails_the_attempt(
    aws: Aws, replies: SubscriberReplies, about: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: Any, **__: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(Intake, "take", unanswered)
    monkeypatch.setattr(Replying, "reply", unanswered)
    outcome = replies.publish(request(about), {})
    assert (outcome.code, outcome.message) == ("reply_not_stored", "the reply could not be stored")
    assert published(aws) == []


def test_an_answer_that_others_overtake_fails_the_attempt(
    aws: Aws, replies: SubscriberReplies, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*_: Any) -> None:
        raise Unavailable.overtaken("the command")

    monkeypatch.setattr(Replying, "reply", overtaken)
    outcome = replies.publish(request(COMMAND), {})
    assert outcome.code == "reply_not_stored"
    assert outcome.message == Unavailable.overtaken("the command").detail
    assert published(aws) == []


def test_an_answer_to_a_command_ends_it(
    aws: Aws, replies: SubscriberReplies, records: CommandStore
) -> None:
    assert replies.publish(request(COMMAND), {"paid": True}) == Outcome()
    assert records.get(event()).ended == "succeeded"
    # An earlier attempt replied, and its record was lost; the first reply counts.
    again = replies.publish(request(COMMAND), {"paid": False})
    [reply] = published(aws)
    assert (again.code, again.message) == (
        None,
        f"The service has replied already, by {reply.id}.",
    )
    assert reply.json_payload == b'{"paid":true}'
    assert reply.origin == EventOrigin("worker")
    # The reply is a step of the delivery, and has the same trace.
    assert reply.metadata["traceparent"] == _step_of_the_delivery(COMMAND)


def test_an_answer_that_comes_late_is_no_failure(
    aws: Aws, replies: SubscriberReplies, records: CommandStore
) -> None:
    records.save(command_record.after_cancel(records.get(event()), "planner"))
    outcome = replies.publish(request(COMMAND), {"paid": True})
    assert (outcome.code, published(aws)) == (None, [])
    assert "was cancelled" in (outcome.message or "")


@pytest.mark.parametrize("way", ["too large", "refused"])
def test_an_answer_that_is_no_reply_fails_the_command(
    aws: Aws, replies: SubscriberReplies, records: CommandStore, way: str
) -> None:
    if way == "refused":
        outcome = replies.refuse(request(COMMAND), "it is not JSON")
    else:
        outcome = replies.publish(request(COMMAND), {"a": "x" * 2_000_000})
    assert outcome == Outcome()
    assert records.get(event()).ended == "failed"
    [reply] = published(aws)
    told = orjson.loads(reply.json_payload or b"")
    assert ("it is not JSON" if way == "refused" else "the limit is") in told.pop("detail")
    assert told == {
        "type": "urn:event-bus:problem:reply-refused",
        "title": "The answer of the handler is not a valid reply",
        "status": 502,
    }


def test_a_refused_result_of_an_event_fails_the_attempt(
    aws: Aws, replies: SubscriberReplies
) -> None:
    outcome = replies.refuse(request(ASKING), "it is not JSON")
    assert outcome == Outcome("reply_refused", "it is not JSON")
    assert published(aws) == []
