"""The fake bus handles commands and replies as the real bus does."""

import threading
from typing import Any

import pytest
from event_bus_client import (
    Answer,
    Command,
    CommandFailed,
    Event,
    EventBus,
    Receiver,
    Refused,
)
from event_bus_client.testing import FakeBus

from tests.unit.clients.fake_buses import SECRET, bus, fake, pulled

__all__ = ["bus", "fake"]


def test_a_command_is_answered_by_a_receiver(fake: FakeBus, bus: EventBus) -> None:
    receiver = Receiver(SECRET)

    @receiver.on("command.pay")
    def pay(event: Event) -> Any:
        assert event.payload
        if event.payload["total"] > 100:
            raise Refused("Too much")
        if event.payload["total"] < 0:
            raise ValueError("how?")
        return {"paid": event.payload["total"]}

    fake.connect(receiver, "command.pay", handles=True, service_id="bank")
    heard = pulled(bus, "shop.commands.responses")
    assert bus.commands.request("command.pay", {"total": 20}).payload == {"paid": 20}
    with pytest.raises(CommandFailed, match="Too much"):
        bus.commands.request("command.pay", {"total": 250})
    with pytest.raises(CommandFailed, match="expired"):
        bus.commands.request("command.pay", {"total": -1}, timeout=0.05)
    assert [each.status for each in fake.failed_deliveries] == [500]
    # What has expired is not delivered again.
    assert fake.deliver() == []
    replies = [each.event for each in bus.inbox(heard).receive(until_empty=True)]
    assert [each.source for each in replies] == ["bank", "bank"]


class Answering(Receiver):
    """Gives one answer to every webhook."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(SECRET)
        self._answer = answer

    def receive(self, *_: Any) -> Answer:
        return self._answer


def answered_command(fake: FakeBus, bus: EventBus, answer: Answer) -> tuple[Command, list[int]]:
    """A command after the answer of its handler, and the statuses of failed deliveries."""
    fake.connect(Answering(answer), "command.pay", handles=True, service_id="bank")
    sent = bus.commands.send("command.pay", {})
    return bus.commands.get(sent.id), [each.status for each in fake.failed_deliveries]


@pytest.mark.parametrize("status", [400, 404, 422, 499])
def test_problem_details_fail_a_command(fake: FakeBus, bus: EventBus, status: int) -> None:
    answer = Answer(status, '{"title": "Too much"}', "application/problem+json")
    command, failures = answered_command(fake, bus, answer)
    assert (command.state, command.ended_at is not None, failures) == ("failed", True, [])


@pytest.mark.parametrize("status", [408, 409, 410, 425, 429, 500, 503])
def test_an_answer_after_which_the_bus_tries_again_is_no_reply(
    fake: FakeBus, bus: EventBus, status: int
) -> None:
    answer = Answer(status, '{"title": "Later"}', "application/problem+json")
    command, failures = answered_command(fake, bus, answer)
    assert (command.ended_at, command.replies, failures) == (None, [], [status])


def test_problem_details_without_a_body_are_no_reply(fake: FakeBus, bus: EventBus) -> None:
    command, failures = answered_command(fake, bus, Answer(422, "", "application/problem+json"))
    assert (command.ended_at, failures) == (None, [422])


def test_an_answer_that_is_no_valid_reply_fails_a_command(fake: FakeBus, bus: EventBus) -> None:
    command, failures = answered_command(fake, bus, Answer(200, "done"))
    assert (command.state, failures) == ("failed", [])
    assert command.error
    assert command.error["type"] == "urn:event-bus:problem:reply-refused"


def test_a_command_is_answered_from_another_thread(fake: FakeBus, bus: EventBus) -> None:
    bank = fake.client("bank")
    inbox = pulled(bank, "command.pay", handles=True)

    def work() -> None:
        for received in bank.inbox(inbox).receive(until_empty=True):
            bank.commands.reply(received.event.id, {"paid": True})

    sent = bus.commands.send("command.pay", {})
    assert sent.state == "delivered"
    worker = threading.Thread(target=work)
    worker.start()
    assert bus.commands.get(sent.id, wait_seconds=10).state == "succeeded"
    # It would take the next command as well.
    worker.join(10)
    assert not worker.is_alive()
    cancelled = bus.commands.send("command.pay", {})
    bus.commands.cancel(cancelled.id)
    assert list(bank.inbox(inbox).receive(until_empty=True)) == []


def test_several_receivers_answer_a_request(fake: FakeBus, bus: EventBus) -> None:
    for name in ("one", "two"):
        receiver = Receiver(SECRET)
        receiver.on("price.asked")(lambda event: {"asked": event.id})
        fake.connect(receiver, "price.asked", reply=True, service_id=name)
    metadata = {"expect_replies": 2, "deadline": "2040-01-01T00:00:00Z"}
    ended = bus.commands.send("price.asked", {}, require_handler=False, metadata=metadata)
    assert (ended.state, [each["service_id"] for each in ended.replies]) == (
        "succeeded",
        ["one", "two"],
    )
