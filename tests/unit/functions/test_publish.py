"""What is published is answered once it is stored."""

import pytest
from event_bus.stores.transactions import transact

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, publisher, service, submission
from tests.faults import not_sent
from tests.handlers import Answer, Functions

ROUTE = "POST /events"


def publish(functions: Functions, body: object, caller: object = AN_ADMIN) -> Answer:
    return functions.request("publish", ROUTE, caller, body)  # type: ignore[arg-type]


def test_an_event_is_accepted_and_then_known(functions: Functions, aws: Aws) -> None:
    sent = submission(id="evt_own", timestamp=NOON)
    first, again = publish(functions, sent), publish(functions, sent)
    assert (first.status, again.status) == (202, 200)
    assert first.body == again.body
    stored = aws.events.get("evt_own")
    assert stored is not None
    assert first.body == {
        "id": "evt_own",
        "type": "task.created",
        "source": "admin",
        "timestamp": NOON,
        "created_at": stored.created_at,
    }


def test_a_conflict_is_a_409(functions: Functions) -> None:
    publish(functions, submission(id="evt_own"))
    answer = publish(functions, submission(id="evt_own", payload={"a": 1}))
    assert answer.status == 409
    assert answer.body["errors"][0]["pointer"] == "/id"


def test_a_service_publishes_what_it_registered_for(functions: Functions, aws: Aws) -> None:
    assert publish(functions, submission(), service("planner")).status == 403
    transact(aws.dynamodb, [aws.publishers.adding(publisher("planner", "task.*"))])
    assert publish(functions, submission(), service("planner")).status == 202


def test_a_batch_that_was_taken_is_a_202(functions: Functions) -> None:
    answer = publish(functions, [submission(id="evt_1"), submission(id="evt_1")])
    assert answer.status == 202
    assert (answer.body["accepted"], answer.body["refused"]) == (2, 0)
    assert [each["status"] for each in answer.body["results"]] == [202, 200]


def test_a_batch_of_which_some_were_refused_is_a_207(functions: Functions) -> None:
    answer = publish(functions, [submission(id="evt_1"), {"type": "x"}])
    assert answer.status == 207
    assert (answer.body["accepted"], answer.body["refused"]) == (1, 1)
    accepted, refused = answer.body["results"]
    assert (accepted["status"], accepted["id"]) == (202, "evt_1")
    assert refused["status"] == refused["error"]["status"] == 422
    assert refused["error"]["errors"][0]["pointer"] == "/1/payload"


@pytest.mark.parametrize("body", [[], [submission()] * 101])
def test_a_batch_has_a_size(functions: Functions, body: object) -> None:
    assert publish(functions, body).status == 422


@pytest.mark.parametrize("body", [7, "text", True])
def test_what_is_no_event_is_a_422(functions: Functions, body: object) -> None:
    assert publish(functions, body).status == 422


def test_what_was_not_stored_may_be_sent_again(functions: Functions, aws: Aws) -> None:
    with not_sent(aws.dynamodb, "PutItem"):
        answer = publish(functions, submission(id="evt_own"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert publish(functions, submission(id="evt_own")).status == 202
