"""The answer of a callback is the reply, where the subscription says so."""

from ipaddress import ip_network
from typing import Any

import orjson
import pytest
from event_bus.callbacks.client import MAX_RESPONSE_BYTES, CallbackClient
from event_bus.model.delivery import DeliveryKey
from event_bus.model.event import Event
from event_bus.model.outcome import Outcome
from event_bus.targets.http import HttpTarget, HttpTransport
from event_bus.targets.transport import DeliveryRequest

from tests.builders import SECRET, event, subscription
from tests.hostile import answering, subscriber
from tests.replies import KeptReplies

COMMAND = event(event_type="command.pay")
ASKING = event(metadata={"reply_to": "order.paid"})
JSON, PROBLEM = "application/json", "application/problem+json; charset=utf-8"


def answer(status: str, body: str = "", media_type: str = JSON) -> str:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {len(body)}"
    return f"{head}\r\n\r\n{body}"


def delivered(
    said: str, sent: Event = COMMAND, *, handles: bool = True, reply: bool = True
) -> tuple[Outcome, list[tuple[Any, bool]]]:
    """What came of a delivery, and what was replied."""
    replies = KeptReplies()
    client = CallbackClient([ip_network("127.0.0.0/8")])
    transport = HttpTransport(lambda _: [SECRET], client, replies=lambda: replies)
    with subscriber(answering(said)) as listening:
        to = subscription(target=HttpTarget(listening.url, reply), handles=handles)
        [outcome] = transport.deliver([DeliveryRequest(DeliveryKey("evt_1", "sub_1"), sent, to)])
    return outcome, replies.kept


def test_the_body_of_a_success_is_the_reply() -> None:
    outcome, kept = delivered(answer("200 OK", '{"paid": 7}'))
    assert kept == [({"paid": 7}, False)]
    assert (outcome.delivered, outcome.status_code, outcome.response) == (True, 200, '{"paid": 7}')


@pytest.mark.parametrize("said", ["204 No Content", "202 Accepted"])
def test_who_answers_nothing_replies_later(said: str) -> None:
    outcome, kept = delivered(answer(said))
    assert (outcome.delivered, kept) == (True, [])


@pytest.mark.parametrize(
    ("status", "media_type", "replied"),
    [
        ("422 Unprocessable", PROBLEM, True),
        ("404 Not Found", "Application/Problem+JSON", True),
        ("422 Unprocessable", JSON, False),
        # These ask for another attempt, or for none ever again.
        ("429 Too Many", PROBLEM, False),
        ("409 Conflict", PROBLEM, False),
        ("410 Gone", PROBLEM, False),
        ("503 Unavailable", PROBLEM, False),
        # A redirect is no answer of the handler, and is not followed.
        ("302 Found", PROBLEM, False),
        ("399 Unknown", PROBLEM, False),
    ],
)
def test_a_problem_of_the_client_is_the_failure_of_a_command(
    status: str, media_type: str, replied: bool
) -> None:
    outcome, kept = delivered(answer(status, '{"title": "No"}', media_type))
    assert kept == ([({"title": "No"}, True)] if replied else [])
    assert outcome.delivered is replied
    assert outcome.status_code == int(status[:3])


@pytest.mark.parametrize("body", ["[]", '"No"', "null", "7"])
def test_a_problem_is_an_object(body: str) -> None:
    outcome, [(problem, failed)] = delivered(answer("422 No", body, PROBLEM))
    assert (outcome.delivered, failed) == (True, True)
    assert problem["type"] == "urn:event-bus:problem:reply-refused"
    assert problem["detail"] == "the problem is not a JSON object"


@pytest.mark.parametrize("body", ["not JSON", "NaN", '{"a": 1, "a": 2}', "[" * 40 + "]" * 40])
def test_a_handler_that_acted_is_not_called_again_for_its_answer(body: str) -> None:
    outcome, [(problem, failed)] = delivered(answer("200 OK", body))
    assert outcome.delivered
    assert failed
    assert problem["type"] == "urn:event-bus:problem:reply-refused"


def test_an_answer_that_is_too_long_is_no_reply() -> None:
    body = orjson.dumps({"text": "x" * MAX_RESPONSE_BYTES}).decode()
    outcome, [(problem, failed)] = delivered(answer("200 OK", body))
    assert (outcome.delivered, failed) == (True, True)
    assert str(MAX_RESPONSE_BYTES) in problem["detail"]


def test_only_who_may_reply_does() -> None:
    said = answer("200 OK", '{"paid": 7}')
    assert delivered(said, handles=False)[1] == []
    assert delivered(said, reply=False)[1] == []
    assert delivered(said, event())[1] == []
    # As the result of a Lambda function.
    assert delivered(said, ASKING, handles=False)[1] == [({"paid": 7}, False)]
    outcome, kept = delivered(answer("422 No", '{"title": "No"}', PROBLEM), ASKING)
    assert (outcome.code, kept) == ("http_status", [])
    outcome, kept = delivered(answer("200 OK", "not JSON"), ASKING)
    assert (outcome.code, kept) == ("reply_refused", [])
