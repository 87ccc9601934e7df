"""A subscriber is slow if its answer takes long, and not if the function is busy itself."""

import io
import time
from collections.abc import Callable
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from event_bus.callbacks.answers import StrictAnswer
from event_bus.callbacks.client import CallbackClient
from event_bus.model.delivery import DeliveryKey
from event_bus.model.outcome import Outcome
from event_bus.model.subscription import Subscription
from event_bus.targets import answer_times as speed
from event_bus.targets.answer_times import AnswerTimes
from event_bus.targets.aws_clients import TargetClients
from event_bus.targets.http import HttpTransport
from event_bus.targets.lambda_function import LambdaTarget, LambdaTransport
from event_bus.targets.transport import DeliveryRequest
from event_bus.timers import Timer, Timers

from tests.builders import SECRET, event, subscription
from tests.clock import Clock
from tests.hostile import HostileConnection, Talk, answering, subscriber
from tests.replies import KeptReplies

SLOW = 0.2
KEY = DeliveryKey("evt_1", "sub_1")
NO_CONTENT = "HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "SLOW_SECONDS", SLOW)


@pytest.fixture
def marked() -> list[str]:
    """Who was marked as slow."""
    return []


def posted(marked: list[str], talk: Talk, secrets: Callable[[Subscription], list[str]]) -> None:
    transport = HttpTransport(
        secrets, CallbackClient([ip_network("127.0.0.0/8")]), answers=AnswerTimes(marked.append)
    )
    with subscriber(talk) as listening:
        to = subscription(callback_url=listening.url)
        [outcome] = transport.deliver([DeliveryRequest(KEY, event(), to)])
        transport.client.pools.clear()
    assert outcome.delivered


def at_once(_: Subscription) -> list[str]:
    return [SECRET]


def after(seconds: float) -> Talk:
    def talk(conversation: HostileConnection) -> None:
        conversation.read()
        time.sleep(seconds)
        conversation.say(NO_CONTENT)

    return talk


def test_an_answer_that_takes_long_marks_its_subscription_once(marked: list[str]) -> None:
    posted(marked, after(2 * SLOW), at_once)
    assert marked == ["sub_1"]


def test_the_time_before_the_request_does_not_count(marked: list[str]) -> None:
    def sealed(_: Subscription) -> list[str]:
        time.sleep(2 * SLOW)
        return [SECRET]

    posted(marked, answering(NO_CONTENT), sealed)
    assert marked == []


def busy(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the function read each answer only after some seconds."""
    begin = StrictAnswer.begin

    def late(answer: StrictAnswer) -> None:
        time.sleep(seconds)
        begin(answer)

    monkeypatch.setattr(StrictAnswer, "begin", late)


def test_an_answer_that_waits_to_be_read_came_in_time(
    marked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(1.5 * SLOW, monkeypatch)
    posted(marked, answering(NO_CONTENT), at_once)
    assert marked == []


def test_an_answer_that_is_not_read_for_long_counts_all_the_same(
    marked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    busy(2.5 * SLOW, monkeypatch)
    posted(marked, answering(NO_CONTENT), at_once)
    assert marked == ["sub_1"]


def test_slow_answers_are_kept_without_a_listener() -> None:
    answers = AnswerTimes()
    for seconds in (0.0, 1.5 * SLOW):
        with answers.waiting("sub_1"):
            time.sleep(seconds)
    with answers.waiting("sub_2") as wait:
        wait.ask(lambda: True)
        time.sleep(1.5 * SLOW)
    fast, slow = answers.taken("sub_1")
    assert fast < SLOW < slow
    assert answers.taken("sub_1") == []
    assert answers.taken("sub_2") == [SLOW]
    with answers.waiting("sub_2"):
        pass
    answers.forget()
    assert answers.taken("sub_2") == []


def test_a_lane_that_takes_no_durations_keeps_none(marked: list[str]) -> None:
    answers = AnswerTimes(marked.append, records=False, clock=(clock := Clock()))
    for seconds in (0.1 * SLOW, 2 * SLOW):
        with answers.waiting("sub_1"):
            clock.now += seconds
    assert marked == ["sub_1"]
    assert answers.taken("sub_1") == []


def test_an_answer_that_is_read_while_its_timer_ends_is_not_slow(marked: list[str]) -> None:
    class Held(Timers):
        acts: ClassVar[list[Callable[[], None]]] = []
        made: ClassVar[list[Timer]] = []

        def after(self, _: float, act: Callable[[], None]) -> Timer:
            self.acts.append(act)
            self.made.append(Timer(act))
            return self.made[-1]

    answers = AnswerTimes(marked.append, timers=Held())
    with answers.waiting("sub_1") as wait:
        wait.ask(lambda: True)
        [look] = Held.acts
    # The thread of the timers began before the answer was read, and went on afterwards.
    look()
    for timer in Held.made:
        timer.run()
    assert (len(Held.made), marked) == (2, [])


def test_an_answer_that_comes_in_small_pieces_is_slow() -> None:
    clock = Clock()
    answers = AnswerTimes(clock=clock)
    for pieces in (1.5, 2.5):
        with answers.waiting("sub_1") as wait:
            wait.in_time = True
            clock.now += pieces * SLOW
    assert answers.taken("sub_1") == [SLOW, pytest.approx(2.5 * SLOW)]


def test_of_a_function_neither_its_client_nor_its_reply_counts(marked: list[str]) -> None:
    class Clients:
        def of(self, _: DeliveryRequest) -> Any:
            time.sleep(1.5 * SLOW)
            payload = io.BytesIO(b"{}")
            return SimpleNamespace(invoke=lambda **_: {"Payload": payload})

    class Slow(KeptReplies):
        def publish(self, *_: Any, **__: Any) -> Outcome:
            time.sleep(1.5 * SLOW)
            return Outcome()

    transport = LambdaTransport(Slow, cast("TargetClients", Clients()), AnswerTimes(marked.append))
    target = LambdaTarget("arn:aws:lambda:us-east-1:000000000000:function:one", "sync", reply=True)
    asking = event(metadata={"reply_to": "task.done"})
    [outcome] = transport.deliver([DeliveryRequest(KEY, asking, subscription(target=target))])
    assert outcome.delivered
    assert marked == []
