"""What is published is answered once it is stored."""

import json

import orjson
import pytest

from tests.aws import Aws
from tests.builders import AN_ADMIN, NOON, publisher, service, submission
from tests.faults import not_sent
from tests.handlers import FunctionAnswer, Functions
from tests.requests import http_request

ROUTE = "POST /events"


def publish(functions: Functions, body: object, caller: object = AN_ADMIN) -> FunctionAnswer:
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


def test_a_publish_whose_publisher_is_known_reads_nothing(functions: Functions, aws: Aws) -> None:
    described = {"parameters": {"type": "task.described"}}
    path = "POST /schemas/{type}/versions"
    schema = {"schema": {"required": ["title"]}}
    assert functions.request("registry", path, AN_ADMIN, schema, **described).status == 201
    enforce = {"validation": "enforce"}
    changed = functions.request("registry", "PATCH /schemas/{type}", AN_ADMIN, enforce, **described)
    assert changed.status == 200
    payload = {"title": "a"}
    assert publish(functions, submission(type="task.described", payload=payload)).status == 202

    reads: list[str] = []
    for operation in ("BatchGetItem", "GetItem", "Query"):
        event = f"before-send.dynamodb.{operation}"
        aws.dynamodb.meta.events.register(event, lambda name=operation, **_: reads.append(name))
    for sent in ({"type": "task.described", "payload": payload}, {"type": "task.other"}):
        assert publish(functions, submission(**sent)).status == 202
    assert reads == []
    # Before an event is refused, the index is looked at once more.
    assert publish(functions, submission(type="task.described")).status == 422
    assert reads == ["GetItem"]


def test_a_conflict_is_a_409(functions: Functions) -> None:
    publish(functions, submission(id="evt_own"))
    answer = publish(functions, submission(id="evt_own", payload={"a": 1}))
    assert answer.status == 409
    assert answer.body["errors"][0]["pointer"] == "/id"


def test_a_service_publishes_what_it_registered_for(functions: Functions, aws: Aws) -> None:
    assert publish(functions, submission(), service("planner")).status == 403
    aws.add_publishers(publisher("planner", "task.*"))
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


def publish_text(functions: Functions, text: str) -> FunctionAnswer:
    given = functions.invoke("publish", http_request(ROUTE, caller=AN_ADMIN, body=text))
    return FunctionAnswer(given["statusCode"], given["headers"], orjson.loads(given["body"]))


GOOD = '{"id": "evt_%d", "type": "task.created", "payload": {}}'


@pytest.mark.parametrize(
    ("element", "where"),
    [
        ('{"type": "a.b", "payload": {"n": NaN}}', "/1/payload/n"),
        ('{"type": "a.b", "payload": {"n": [0, -Infinity]}}', "/1/payload/n/1"),
        ('{"type": "a.b", "payload": {"n": 1e400}}', "/1/payload/n"),
        ('{"type": "a.b", "payload": {"n": 1, "m": 2, "n": 3}}', "/1/payload"),
        ('{"type": "a.b", "type": "a.c", "payload": {}}', "/1"),
        (r'{"type": "a.b", "payload": {"s": "\ud83d"}}', "/1/payload/s"),
        (r'{"type": "a.b", "payload": {"\udc00": 1}}', "/1/payload"),
        ('{"type": "a.b", "payload": ' + '{"a":' * 32 + "0" + "}" * 33, "/1"),
        ("NaN", "/1"),
    ],
)
def test_an_element_that_cannot_be_read_is_refused_alone(
    functions: Functions, element: str, where: str
) -> None:
    body = f"[{GOOD % 1}, {element}, {GOOD % 2}]"
    answer = publish_text(functions, body)
    assert answer.status == 207
    assert [each["status"] for each in answer.body["results"]] == [202, 400, 202]
    assert [each["pointer"] for each in answer.body["results"][1]["error"]["errors"]] == [where]


@pytest.mark.parametrize("element", ["{'a': 1}", "{", '"tab\there"', '{"a":' * 100_000, "\ufffd"])
def test_a_batch_that_is_no_json_is_refused_at_its_element(
    functions: Functions, element: str
) -> None:
    body = f" [ {GOOD % 1} ,{GOOD % 2},\n {element}, {GOOD % 3}]"
    answer = publish_text(functions, body)
    assert answer.status == 400
    assert [each["pointer"] for each in answer.body["errors"]] == ["/2"]


@pytest.mark.parametrize("body", [[], [submission()] * 101])
def test_a_batch_has_a_size(functions: Functions, body: object) -> None:
    assert publish(functions, body).status == 422


@pytest.mark.parametrize("body", [7, "text", True])
def test_an_invalid_event_is_refused_with_422(functions: Functions, body: object) -> None:
    assert publish(functions, body).status == 422


def test_an_event_that_was_not_stored_may_be_sent_again(functions: Functions, aws: Aws) -> None:
    with not_sent(aws.dynamodb, "PutItem"):
        answer = publish(functions, submission(id="evt_own"))
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert publish(functions, submission(id="evt_own")).status == 202


def test_the_results_of_a_batch_fit_into_an_answer(functions: Functions) -> None:
    # Each fault is shown with the name of its member, which Lambda escapes once more.
    wrong = {"type": "task.created", "payload": {}}
    names = [str(number) + '"' * 990 for number in range(20)]
    faulty = [{**wrong, **dict.fromkeys(names, 1)} for _ in range(99)]
    answer = publish(functions, [submission(id="evt_1"), *faulty])
    assert len(json.dumps(json.dumps(answer.body))) < 6_000_000
    accepted, *refused = answer.body["results"]
    assert (answer.status, accepted["id"], answer.body["refused"]) == (207, "evt_1", 99)
    errors = [each["error"] for each in refused]
    assert all(each["detail"].startswith("/") for each in errors)
    assert "errors" in errors[0]
    assert "errors" not in errors[-1]
