"""A request with an Idempotency-Key is carried out once, and answered again as it was."""

from threading import Barrier, Thread
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.api import idempotency
from event_bus.encryption.data_keys import DataKeys
from event_bus.model.api_keys import ApiKey
from event_bus.stores.idempotency import IdempotencyStore
from event_bus.stores.subscriptions import SubscriptionStore

from tests.builders import AN_ADMIN, NOON, service
from tests.faults import broken
from tests.handlers import FunctionAnswer, Functions

WORKER = service("worker")
SUBSCRIPTION = {"event_types": ["task.*"], "callback_url": "https://worker.example/events"}
PUBLISHER = {"service_id": "planner", "event_types": ["task.*"]}


def post(
    functions: Functions,
    body: Any,
    key: str = '"first"',
    caller: Caller = WORKER,
    route: str = "POST /subscriptions",
    function: str = "registry",
    **more: Any,
) -> FunctionAnswer:
    headers = {"content-type": "application/json", "idempotency-key": key}
    return functions.request(function, route, caller, body, headers=headers, **more)


def fail(*_: Any, **_more: Any) -> None:
    raise broken()


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = times.unix
    monkeypatch.setattr(times, "unix", lambda: now() + seconds)


def subscriptions(functions: Functions) -> list[str]:
    return [each.id for each in functions.aws.subscriptions.of_service("worker")]


def test_a_repeated_request_is_answered_as_the_first(functions: Functions) -> None:
    first, again = post(functions, SUBSCRIPTION), post(functions, SUBSCRIPTION)
    assert first.status == again.status == 201
    assert first.body == again.body
    assert first.body["signing_secret"]
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert subscriptions(functions) == [first.body["id"]]


def test_without_a_key_two_requests_make_two(functions: Functions) -> None:
    for _ in range(2):
        functions.request("registry", "POST /subscriptions", WORKER, SUBSCRIPTION)
    assert len(subscriptions(functions)) == 2


def test_another_request_with_the_key_is_refused(functions: Functions) -> None:
    post(functions, SUBSCRIPTION)
    other = post(functions, {**SUBSCRIPTION, "name": "Other"})
    assert other.status == 422
    assert other.body["errors"][0]["pointer"] == "idempotency-key"
    at_another_path = post(
        functions, SUBSCRIPTION, route="POST /replays", function="recovery", path="/replays"
    )
    assert at_another_path.status == 422


@pytest.mark.parametrize("service_id", ["worker", "stranger"])
def test_a_key_belongs_to_the_api_key_that_sent_it(functions: Functions, service_id: str) -> None:
    functions.aws.add_keys(ApiKey("ebk_one", "worker", NOON), ApiKey("ebk_other", service_id, NOON))
    first = post(functions, SUBSCRIPTION, caller=service("worker", "ebk_one"))
    second = post(functions, SUBSCRIPTION, caller=service(service_id, "ebk_other"))
    assert (first.status, second.status) == (201, 201)
    assert "idempotent-replayed" not in second.headers
    assert second.body["id"] != first.body["id"]
    assert second.body["signing_secret"] != first.body["signing_secret"]
    again = post(functions, SUBSCRIPTION, caller=service("worker", "ebk_one"))
    assert again.body == first.body


def test_a_refused_request_frees_its_key(functions: Functions) -> None:
    assert post(functions, {**SUBSCRIPTION, "event_types": []}).status == 422
    assert post(functions, SUBSCRIPTION).status == 201


def test_a_request_in_flight_is_a_conflict(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    barrier, answers = Barrier(2), []
    answer = IdempotencyStore.answer

    def slowly(store: IdempotencyStore, *arguments: Any) -> None:
        barrier.wait(5)
        barrier.wait(5)
        answer(store, *arguments)

    monkeypatch.setattr(IdempotencyStore, "answer", slowly)
    first = Thread(target=lambda: answers.append(post(functions, SUBSCRIPTION)))
    first.start()
    barrier.wait(5)
    second = post(functions, SUBSCRIPTION)
    barrier.wait(5)
    first.join(5)
    assert second.status == 409
    assert 1 <= int(second.headers["retry-after"]) <= idempotency.CLAIM_SECONDS
    assert [each.status for each in answers] == [201]
    assert len(subscriptions(functions)) == 1


def test_two_at_once_make_one(functions: Functions) -> None:
    functions.load("registry")
    barrier, answers = Barrier(2), []

    def send() -> None:
        barrier.wait(5)
        answers.append(post(functions, SUBSCRIPTION))

    threads = [Thread(target=send) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(10)
    assert 201 in [each.status for each in answers]
    assert {each.status for each in answers} <= {201, 409}
    assert len(subscriptions(functions)) == 1


def test_a_request_that_failed_can_be_repeated(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as not_sent:
        not_sent.setattr(SubscriptionStore, "create", fail)
        assert post(functions, SUBSCRIPTION).status == 503
    assert post(functions, SUBSCRIPTION).status == 201
    assert len(subscriptions(functions)) == 1


def test_a_request_that_took_effect_unanswered_is_not_repeated(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = SubscriptionStore.create

    def unanswered(*arguments: Any, **more: Any) -> None:
        create(*arguments, **more)
        raise TimeoutError

    with monkeypatch.context() as lost:
        lost.setattr(SubscriptionStore, "create", unanswered)
        assert post(functions, SUBSCRIPTION).status == 503
    [made] = subscriptions(functions)
    again = post(functions, SUBSCRIPTION)
    assert again.status == 409
    assert made in again.body["detail"]
    assert subscriptions(functions) == [made]


def test_an_answer_that_is_not_kept_is_given_all_the_same(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DataKeys, "for_sealing", fail)
    assert post(functions, SUBSCRIPTION).status == 201


def test_a_key_is_forgotten_after_a_day(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(functions, SUBSCRIPTION)
    later(monkeypatch, idempotency.KEPT_SECONDS - 5)
    assert post(functions, SUBSCRIPTION).headers["idempotent-replayed"] == "true"
    later(monkeypatch, 10)
    assert "idempotent-replayed" not in post(functions, SUBSCRIPTION).headers
    assert len(subscriptions(functions)) == 2


def test_a_request_that_was_cut_off_is_carried_out_after_its_claim(
    functions: Functions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as cut_off:
        cut_off.setattr(IdempotencyStore, "answer", lambda *_: None)
        cut_off.setattr(IdempotencyStore, "give_up", lambda *_: None)
        cut_off.setattr(SubscriptionStore, "create", fail)
        assert post(functions, SUBSCRIPTION).status == 503
    assert post(functions, SUBSCRIPTION).status == 409
    later(monkeypatch, idempotency.CLAIM_SECONDS + 1)
    assert post(functions, SUBSCRIPTION).status == 201


def test_keys_publishers_and_replays_are_made_once(functions: Functions) -> None:
    publishers = {"caller": AN_ADMIN, "route": "POST /publishers"}
    first = post(functions, PUBLISHER, key="p", **publishers)  # type: ignore[arg-type]
    again = post(functions, PUBLISHER, key="p", **publishers)  # type: ignore[arg-type]
    assert (first.status, again.status) == (201, 201)
    assert first.body["authentication"]["api_key"] == again.body["authentication"]["api_key"]
    keys = {
        "caller": AN_ADMIN,
        "function": "keys",
        "route": "POST /publishers/{id}/keys",
        "parameters": {"id": "planner"},
    }
    made = [post(functions, {"name": "x"}, key="k", **keys) for _ in range(2)]  # type: ignore[arg-type]
    assert made[0].status == 201
    assert made[0].body == made[1].body
    replays = {"caller": AN_ADMIN, "function": "recovery", "route": "POST /replays"}
    asked = {"from": "2020-01-01T00:00:00Z"}
    begun = [post(functions, asked, key="r", **replays) for _ in range(2)]  # type: ignore[arg-type]
    assert begun[0].status == 202
    assert begun[0].body == begun[1].body


def test_the_table_holds_neither_keys_nor_secrets(functions: Functions) -> None:
    made = post(functions, {**PUBLISHER}, "a-secret-name", AN_ADMIN, "POST /publishers")
    table = functions.aws.tables["idempotency"]
    text = str(functions.aws.dynamodb.scan(TableName=table)["Items"])
    assert made.body["authentication"]["api_key"] not in text
    assert "a-secret-name" not in text


@pytest.mark.parametrize(
    "key", ['"a b"', "a-b_c.d:e/f+g=", r'"quoted \" and \\"', '"' + "k" * 255 + '"']
)
def test_a_key_is_a_string_in_quotes_or_a_bare_one(functions: Functions, key: str) -> None:
    assert post(functions, SUBSCRIPTION, key).status == 201


def test_quotes_make_no_difference(functions: Functions) -> None:
    first = post(functions, SUBSCRIPTION, "same")
    assert post(functions, SUBSCRIPTION, '"same"').body == first.body


@pytest.mark.parametrize(
    "key", ["", '""', "a b", '"a', 'a"b', '"a", "b"', "ü", '"' + "k" * 256 + '"']
)
def test_an_invalid_key_is_refused(functions: Functions, key: str) -> None:
    answer = post(functions, SUBSCRIPTION, key)
    assert answer.status == 400
    assert answer.body["errors"][0]["pointer"] == "idempotency-key"


def test_an_operation_that_needs_no_key_ignores_it(functions: Functions) -> None:
    headers = {"content-type": "application/json", "idempotency-key": "x"}
    event = {"type": "task.created", "payload": {}}
    for _ in range(2):
        answer = functions.request("publish", "POST /events", AN_ADMIN, event, headers=headers)
        assert answer.status == 202
