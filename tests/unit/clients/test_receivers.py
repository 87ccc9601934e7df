"""Receivers in each framework do the same, with its own test client or, for ASGI, httpx."""

import asyncio
import base64
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import django.test
import flask
import httpx
import pytest
from django.conf import settings as django_settings
from django.urls import path
from event_bus_client import (
    AsyncReceiver,
    ConfigurationError,
    Event,
    Receiver,
    Refused,
    TryLater,
    Webhook,
    event_type,
)
from event_bus_client.integrations import aws_lambda, starlette
from event_bus_client.integrations import django as for_django
from event_bus_client.integrations import flask as for_flask
from event_bus_client.receiving import MAX_BODY_BYTES
from fastapi import FastAPI
from pydantic import BaseModel

from tests.unit.clients.received import SECRET, received
from tests.waiting import join

# Django refuses to be configured twice, and the safeguards import this module anew.
if not django_settings.configured:
    django_settings.configure(
        ROOT_URLCONF="tests.unit.clients.test_receivers", ALLOWED_HOSTS=["*"], SECRET_KEY="test"
    )
urlpatterns: list[Any] = []


@event_type("order.placed")
class OrderPlaced(BaseModel):
    total: int


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str]
    body: str


Send = Callable[[str, Mapping[str, str], bytes], Answered]


def asked(app: Any, method: str, headers: Mapping[str, str], body: bytes) -> httpx.Response:
    """The answer of an ASGI application to a request."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
            return await client.request(method, "/events", headers=dict(headers), content=body)

    return asyncio.run(ask())


def by_fastapi(receiver: Receiver | AsyncReceiver) -> Send:
    app = FastAPI()
    app.add_route("/events", starlette.endpoint(receiver), methods=["POST", "OPTIONS"])

    def send(method: str, headers: Mapping[str, str], body: bytes) -> Answered:
        answer = asked(app, method, headers, body)
        return Answered(answer.status_code, dict(answer.headers), answer.text)

    return send


def by_flask(receiver: Receiver | AsyncReceiver) -> Send:
    assert isinstance(receiver, Receiver)
    app = flask.Flask("shop")
    app.register_blueprint(for_flask.blueprint(receiver, "/events"))
    client = app.test_client()

    def send(method: str, headers: Mapping[str, str], body: bytes) -> Answered:
        answer = client.open("/events", method=method, headers=dict(headers), data=body)
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Answered(answer.status_code, lower, answer.get_data(as_text=True))

    return send


def by_django(receiver: Receiver | AsyncReceiver) -> Send:
    urlpatterns[:] = [path("events", for_django.view(receiver))]
    django.urls.clear_url_caches()
    # Tokens are checked, as outside of tests.
    client = django.test.Client(enforce_csrf_checks=True)

    def send(method: str, headers: Mapping[str, str], body: bytes) -> Answered:
        answer = client.generic(method, "/events", body, headers=dict(headers))
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Answered(answer.status_code, lower, answer.content.decode())

    return send


def by_function_url(receiver: Receiver | AsyncReceiver) -> Send:
    assert isinstance(receiver, Receiver)
    handler = aws_lambda.function_url(receiver)

    def send(method: str, headers: Mapping[str, str], body: bytes) -> Answered:
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
        event = {
            "version": "2.0",
            "headers": {name.lower(): value for name, value in headers.items()},
            "requestContext": {"http": {"method": method, "path": "/events"}},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }
        answer = handler(event, None)
        return Answered(answer["statusCode"], answer["headers"], answer["body"])

    return send


EACH = pytest.mark.parametrize(
    ("framework", "kind"),
    [
        (by_fastapi, AsyncReceiver),
        (by_fastapi, Receiver),
        (by_flask, Receiver),
        (by_django, Receiver),
        (by_django, AsyncReceiver),
        (by_function_url, Receiver),
    ],
)


def post(send: Send, webhook_id: str = "order-1", **members: Any) -> Answered:
    body = json.dumps({**received(), **members}).encode()
    return send("POST", Webhook(SECRET).sign(webhook_id, int(time.time()), body), body)


@EACH
def test_a_typed_event_is_handed_over_once(framework: Any, kind: Any) -> None:
    receiver, seen = kind(SECRET), []
    receiver.on(OrderPlaced)(lambda order, event: seen.append((order, event.id)))
    receiver.on("order.*")(lambda event: seen.append(event.type))
    send = framework(receiver)
    for _ in range(2):
        assert post(send).status == 204
    assert post(send, "order-1:rpl_1").status == 204
    assert post(send, "order-2", type="order.shipped").status == 204
    assert post(send, "order-3", type="user.created").status == 204
    assert seen == [(OrderPlaced(total=250), "order-1")] * 2 + ["order.shipped"]


@EACH
def test_an_unsigned_request_is_refused(framework: Any, kind: Any) -> None:
    receiver = kind(SECRET)
    seen: list[Event] = []
    receiver.on("*")(seen.append)
    send = framework(receiver)
    body = json.dumps(received()).encode()
    signed = Webhook(SECRET).sign("order-1", int(time.time()), body)
    assert send("POST", {}, body).status == 401
    assert send("POST", signed, body + b" ").status == 401
    old = Webhook(SECRET).sign("order-1", int(time.time()) - 400, body)
    assert send("POST", old, body).status == 401
    no_event = b"[" * 100_000
    assert send("POST", Webhook(SECRET).sign("x", int(time.time()), no_event), no_event).status == (
        422
    )
    assert send("GET", {}, b"").status == 405
    assert seen == []
    assert send("POST", signed, body).status == 204
    assert len(seen) == 1


@EACH
def test_a_delivery_that_failed_is_handled_again(framework: Any, kind: Any) -> None:
    failures: list[Exception] = [ValueError("the till is closed"), TryLater("busy", 7)]
    receiver, seen = kind(SECRET), []

    def handle(event: Event) -> None:
        if failures:
            raise failures.pop(0)
        seen.append(event.id)

    receiver.on("order.placed")(handle)
    send = framework(receiver)
    failed = post(send)
    assert failed.status == 500
    assert "till" not in failed.body
    later = post(send)
    assert (later.status, later.headers["retry-after"]) == (503, "7")
    assert post(send).status == 204
    assert seen == ["order-1"]


@EACH
def test_the_result_of_a_handler_is_answered_again(framework: Any, kind: Any) -> None:
    receiver, returned = kind(SECRET), {"order-1": {"billed": 250}, "order-2": OrderPlaced(total=7)}
    receiver.on("order.placed")(lambda event: returned.pop(event.id))
    send = framework(receiver)
    answers = [post(send), post(send), post(send, "order-2", id="order-2")]
    assert [each.status for each in answers] == [200] * 3
    assert [json.loads(each.body) for each in answers] == [{"billed": 250}] * 2 + [{"total": 7}]
    assert answers[0].headers["content-type"].startswith("application/json")


@EACH
def test_a_refusal_is_answered_with_problem_details(framework: Any, kind: Any) -> None:
    receiver = kind(SECRET)

    def handle(event: Event) -> None:
        raise Refused("The till is empty")

    receiver.on("order.placed")(handle)
    answer = post(framework(receiver))
    assert answer.status == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert json.loads(answer.body)["title"] == "The till is empty"


@EACH
def test_a_payload_that_does_not_fit_is_reported(framework: Any, kind: Any) -> None:
    receiver, seen = kind(SECRET), []
    receiver.on(OrderPlaced)(lambda order, event: seen.append((order, event)))
    answer = post(framework(receiver), payload={"total": "much"})
    assert answer.status == 422
    assert "total: " in answer.body
    assert seen == []


@EACH
def test_the_bus_is_told_that_it_may_send(framework: Any, kind: Any) -> None:
    send = framework(kind(SECRET))
    answer = send("OPTIONS", {"WebHook-Request-Origin": "bus.example"}, b"")
    assert answer.status == 200
    assert answer.headers["webhook-allowed-origin"] == "bus.example"


@EACH
def test_a_body_has_a_limit(framework: Any, kind: Any) -> None:
    body = b"x" * (MAX_BODY_BYTES + 1)
    assert framework(kind(SECRET))("POST", {}, body).status == 413


def test_a_coroutine_is_awaited() -> None:
    receiver, seen = AsyncReceiver(SECRET), []

    @receiver.on("order.*")
    async def handle(event: Event) -> None:
        await asyncio.sleep(0)
        seen.append(event.id)

    assert post(by_fastapi(receiver)).status == 204
    assert seen == ["order-1"]
    with pytest.raises(ConfigurationError, match="AsyncReceiver"):
        Receiver(SECRET).on("order.*")(handle)


def test_a_delivery_that_is_being_handled_is_not_handled_twice() -> None:
    receiver, release, begun = Receiver(SECRET), threading.Event(), threading.Event()
    seen = []

    @receiver.on("order.*")
    def handle(event: Event) -> None:
        begun.set()
        release.wait(10)
        seen.append(event.id)

    send = by_function_url(receiver)
    answers: list[Answered] = []
    first = threading.Thread(target=lambda: answers.append(post(send)))
    first.start()
    assert begun.wait(10)
    second = post(send)
    assert (second.status, second.headers["retry-after"]) == (503, "5")
    # Another delivery is not held up.
    release.set()
    join(first)
    assert answers[0].status == post(send).status == 204
    assert seen == ["order-1"]


@pytest.mark.parametrize("kind", [Receiver, AsyncReceiver])
def test_a_receiver_that_is_closed_waits_for_what_runs(kind: Any) -> None:
    receiver, release, begun = kind(SECRET), threading.Event(), threading.Event()

    def handle(event: Event) -> None:
        begun.set()
        release.wait(10)

    receiver.on("order.*")(handle)

    send = by_fastapi(receiver)
    answers: list[Answered] = []
    running = threading.Thread(target=lambda: answers.append(post(send)))
    running.start()
    assert begun.wait(10)

    def close(seconds: float) -> bool:
        if isinstance(receiver, AsyncReceiver):
            return asyncio.run(receiver.aclose(seconds))
        return bool(receiver.close(seconds))

    assert not close(0.05)
    assert post(send, "order-2").status == 503
    release.set()
    assert close(10)
    join(running)
    assert answers[0].status == 204


def test_an_invalid_declaration_is_refused_by_name() -> None:
    class Nameless(BaseModel):
        pass

    with pytest.raises(ConfigurationError, match="Nameless"):
        Receiver().on(Nameless)
    with pytest.raises(ConfigurationError, match="ord"):
        Receiver().on("ord*")
    with pytest.raises(ConfigurationError, match="secret"):
        Receiver().receive("POST", {}, b"")


def test_no_payload_gets_into_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver(SECRET)

    @receiver.on("order.placed")
    def handle(event: Event) -> None:
        raise ValueError("no")

    receiver.on(OrderPlaced)
    with caplog.at_level(logging.DEBUG):
        post(by_flask(receiver), payload={"total": "a secret word"})
    assert "order-1" in caplog.text
    assert "a secret word" not in caplog.text
