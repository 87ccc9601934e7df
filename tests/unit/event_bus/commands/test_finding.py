"""Who sees, answers and cancels commands, and what each of them is shown."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from event_bus import times
from event_bus.access.callers import Caller
from event_bus.commands import finding
from event_bus.commands.finding import Commands
from event_bus.commands.sending import Patience
from event_bus.errors import Conflict, Forbidden, NotFound, Unavailable
from event_bus.model import command_record
from event_bus.model.command_record import Command, Reply
from event_bus.model.delivery import Delivery, DeliveryKey
from event_bus.model.event import EventOrigin
from event_bus.model.subscription import Subscription
from event_bus.publishing.client_request import NO_REQUEST, ClientRequest
from event_bus.publishing.replying import ReplyContent
from event_bus.stores.commands import CommandStore
from event_bus.stores.refusals import Outdated
from event_bus.stores.routings import RoutingStore
from event_bus.stores.transactions import transact

from tests.aws import Aws
from tests.builders import (
    AN_ADMIN,
    LARGE_PAYLOAD,
    NOON,
    delivery,
    event,
    routing,
    service,
    subscription,
)
from tests.unit.event_bus.commands.mocked_commands import (
    changed,
    commands,
    records,
    sent,
    waiter,
    waiting,
)

__all__ = ["commands", "records", "waiter", "waiting"]

SENDER, HANDLER, OBSERVER = service("planner"), service("worker"), service("auditor")
STRANGER = service("stranger")
AT_ONCE = Patience()


def routed(aws: Aws, handler: str | None = "sub_1") -> None:
    """Routes the command to `worker` and `auditor`."""
    record = routing(sub_1="worker", sub_2="auditor")
    aws.routings.record([replace(record, handler=handler)])


def delivered(aws: Aws, *deliveries: Delivery) -> None:
    for each in deliveries:
        assert aws.deliveries.record(each, each.attempts) is None


def reply(commands: Commands, caller: Caller) -> None:
    commands.reply("evt_1", ReplyContent({"paid": True}), caller, NO_REQUEST)


def state(commands: Commands) -> str:
    return commands.get("evt_1", SENDER, AT_ONCE).state


@pytest.mark.parametrize("caller", [SENDER, HANDLER, OBSERVER, AN_ADMIN])
def test_sender_and_receivers_find_a_command(aws: Aws, commands: Commands, caller: Caller) -> None:
    command = sent(aws)
    routed(aws)
    found = commands.get("evt_1", caller, AT_ONCE)
    assert (found.event, found.record) == (command, Command("evt_1"))


def test_a_former_command_with_the_id_says_nothing_about_the_present_one(
    aws: Aws, commands: Commands, records: CommandStore
) -> None:
    command = sent(aws)
    routed(aws)
    before = times.at(times.seconds(command.created_at) - 90_000)
    delivered(aws, delivery("exhausted", stored_at=before))
    records.save(Command("evt_1", "failed", before))
    assert state(commands) == "accepted"
    assert commands.get("evt_1", SENDER, AT_ONCE).deliveries == ()
    reply(commands, HANDLER)
    assert state(commands) == "succeeded"


def test_other_services_do_not_find_a_command(aws: Aws, commands: Commands) -> None:
    sent(aws)
    routed(aws)
    asks: list[Callable[[], object]] = [
        lambda: commands.get("evt_1", STRANGER, AT_ONCE),
        lambda: commands.get("evt_2", SENDER, AT_ONCE),
        lambda: commands.cancel("evt_1", STRANGER),
        lambda: reply(commands, STRANGER),
    ]
    for ask in asks:
        with pytest.raises(NotFound, match=r"no command evt_\d"):
            ask()


def test_an_event_that_asks_for_no_reply_is_no_command(aws: Aws, commands: Commands) -> None:
    sent(aws, "task.created")
    with pytest.raises(NotFound):
        commands.get("evt_1", SENDER, AT_ONCE)


@pytest.mark.parametrize("caller", [SENDER, OBSERVER, AN_ADMIN])
def test_only_its_handler_replies_to_a_command(
    aws: Aws, commands: Commands, caller: Caller
) -> None:
    sent(aws)
    routed(aws)
    with pytest.raises(Forbidden) as refusal:
        reply(commands, caller)
    assert refusal.value.reason == "other_service"
    assert refusal.value.detail == (
        f"{caller.service_id} is not the service that handles the command evt_1; only that service "
        "replies."
    )
    reply(commands, HANDLER)
    assert state(commands) == "succeeded"


def test_a_reply_says_who_sent_it(aws: Aws, commands: Commands) -> None:
    sent(aws)
    routed(aws)
    answer, trace = ReplyContent({"paid": True}), {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    request = ClientRequest(trace, "192.0.2.1")
    made = commands.reply("evt_1", answer, service("worker", "key_1"), request).event
    assert made.origin == EventOrigin("worker", "key_1", "192.0.2.1")
    assert made.metadata["traceparent"] == trace["traceparent"]


def test_nobody_replies_to_a_command_that_was_routed_without_a_handler(
    aws: Aws, commands: Commands
) -> None:
    sent(aws)
    transact(commands.handlers.claiming_parts(_handling()))
    routed(aws, handler=None)
    with pytest.raises(Forbidden):
        reply(commands, HANDLER)


def test_a_routing_that_was_recorded_a_moment_ago_counts(
    aws: Aws, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(aws)
    transact(commands.handlers.claiming_parts(_handling()))
    routed(aws, handler=None)
    get_many = RoutingStore.get_many

    def of_the_past(store: RoutingStore, ids: Any, *, consistent: bool = False) -> Any:
        return get_many(store, ids, consistent=True) if consistent else {}

    monkeypatch.setattr(RoutingStore, "get_many", of_the_past)
    with pytest.raises(Forbidden):
        reply(commands, HANDLER)


def test_a_handler_replies_before_the_routing_is_recorded(aws: Aws, commands: Commands) -> None:
    sent(aws)
    with pytest.raises(NotFound):
        reply(commands, HANDLER)
    transact(commands.handlers.claiming_parts(_handling()))
    with pytest.raises(NotFound):
        reply(commands, OBSERVER)
    reply(commands, HANDLER)
    assert state(commands) == "succeeded"


def test_each_receiver_replies_to_a_request_but_not_its_sender(
    aws: Aws, commands: Commands
) -> None:
    sent(aws, "price.asked", replies=2)
    routed(aws, handler=None)
    for caller, refusal in ((SENDER, Forbidden), (AN_ADMIN, Forbidden), (STRANGER, NotFound)):
        with pytest.raises(refusal):
            reply(commands, caller)
    reply(commands, HANDLER)
    assert state(commands) == "accepted"
    reply(commands, OBSERVER)
    assert state(commands) == "succeeded"


def test_a_receiver_sees_its_own_replies_alone(aws: Aws, commands: Commands) -> None:
    sent(aws, "price.asked", replies=2)
    routed(aws, handler=None)
    for each in (HANDLER, OBSERVER):
        reply(commands, each)

    def seen(caller: Caller) -> list[str]:
        return [each.source for each in commands.get("evt_1", caller, AT_ONCE).replies]

    assert seen(SENDER) == seen(AN_ADMIN) == ["worker", "auditor"]
    assert (seen(HANDLER), seen(OBSERVER)) == (["worker"], ["auditor"])


def test_replies_are_shown_whole_up_to_a_size_and_then_without_payload(
    aws: Aws, commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(aws, "price.asked", replies=2)
    routed(aws, handler=None)
    for each in (HANDLER, OBSERVER):
        reply(commands, each)

    def whole() -> list[bool]:
        found = commands.get("evt_1", SENDER, AT_ONCE)
        return [each.payload is not None for each in found.replies]

    both = 2 * len(b'{"paid":true}')
    for limit, expected in ((both, [True, True]), (both - 1, [True, False]), (1, [True, False])):
        monkeypatch.setattr(finding, "MAX_REPLIES_BYTES", limit)
        assert whole() == expected


def test_a_reply_whose_payload_is_lost_is_left_out(aws: Aws, commands: Commands) -> None:
    sent(aws, "price.asked", replies=2)
    routed(aws, handler=None)
    commands.reply("evt_1", ReplyContent(LARGE_PAYLOAD), HANDLER, NO_REQUEST)
    reply(commands, OBSERVER)
    [large, _] = commands.get("evt_1", SENDER, AT_ONCE).replies
    aws.lose_payload(large.id)
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert [each.source for each in found.replies] == ["auditor"]


def test_a_command_is_delivered_when_its_handler_has_it(aws: Aws, commands: Commands) -> None:
    sent(aws)
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert (found.routed, found.handler, found.state) == (False, None, "accepted")
    routed(aws)
    delivered(
        aws,
        delivery(subscription_id="sub_2"),
        delivery(key=DeliveryKey("evt_1", "sub_1", "rpl_1")),
    )
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert (found.routed, found.deliveries, found.state) == (True, (), "accepted")
    assert found.handler
    assert (found.handler.subscription_id, found.handler.service_id) == ("sub_1", "worker")
    delivered(aws, delivery())
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert [each.key.subscription_id for each in found.deliveries] == ["sub_1"]
    assert (found.state, found.error) == ("delivered", None)


def test_a_request_is_delivered_when_anybody_has_it(aws: Aws, commands: Commands) -> None:
    sent(aws, "price.asked", replies=2)
    routed(aws, handler=None)
    delivered(aws, delivery(subscription_id="sub_2"), delivery("exhausted"))
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert (len(found.deliveries), found.state, found.handler) == (2, "delivered", None)


def test_a_command_that_was_given_up_shows_the_error(aws: Aws, commands: Commands) -> None:
    sent(aws)
    routed(aws)
    dead = delivery("exhausted", dead_letter_id="dl_1")
    delivered(aws, dead)
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert (found.state, found.error) == ("failed", dead.last_error)


def test_a_command_that_its_handler_failed_shows_its_reply(aws: Aws, commands: Commands) -> None:
    sent(aws)
    routed(aws)
    delivered(aws, delivery("exhausted", dead_letter_id="dl_1"))
    commands.reply("evt_1", ReplyContent({"title": "No money"}, failed=True), HANDLER, NO_REQUEST)
    found = commands.get("evt_1", SENDER, AT_ONCE)
    assert (found.state, found.error) == ("failed", None)
    assert [each.source for each in found.replies] == ["worker"]


class TestCancelling:
    """Only the sender cancels, and only what has not ended."""

    @pytest.mark.parametrize("caller", [HANDLER, OBSERVER])
    def test_others_do_not(self, aws: Aws, commands: Commands, caller: Caller) -> None:
        sent(aws)
        routed(aws)
        with pytest.raises(Forbidden, match="Only planner") as refusal:
            commands.cancel("evt_1", caller)
        assert refusal.value.reason == "other_service"
        assert state(commands) == "accepted"

    @pytest.mark.parametrize("caller", [SENDER, AN_ADMIN])
    def test_it_may_be_repeated(
        self, aws: Aws, commands: Commands, records: CommandStore, caller: Caller
    ) -> None:
        sent(aws)
        for _ in range(2):
            assert commands.cancel("evt_1", caller).state == "cancelled"
        record = records.get(event())
        assert (record.ended_by, record.version) == (caller.service_id, 1)

    @pytest.mark.parametrize(
        ("end", "said"),
        [
            (lambda each: command_record.after_reply(each, _replied(failed=False), 1), "succeeded"),
            (lambda each: command_record.after_reply(each, _replied(failed=True), 1), "failed"),
            (command_record.after_deadline, "has expired"),
        ],
    )
    def test_an_end_stays(
        self,
        aws: Aws,
        commands: Commands,
        records: CommandStore,
        end: Callable[[Command], Command],
        said: str,
    ) -> None:
        sent(aws)
        ended = changed(records, end)
        with pytest.raises(Conflict, match=said):
            commands.cancel("evt_1", SENDER)
        assert records.get(event()) == ended

    def test_nothing_is_cancelled_after_its_deadline(
        self, aws: Aws, commands: Commands, records: CommandStore
    ) -> None:
        sent(aws, deadline=NOON)
        with pytest.raises(Conflict, match="has expired"):
            commands.cancel("evt_1", SENDER)
        assert records.get(event()).ended == "expired"

    def test_a_change_at_the_same_time_counts(
        self,
        aws: Aws,
        commands: Commands,
        records: CommandStore,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        sent(aws)
        routed(aws)
        save = CommandStore.save

        def overtaken(store: CommandStore, command: Command) -> Command:
            monkeypatch.setattr(CommandStore, "save", save)
            reply(commands, HANDLER)
            return save(store, command)

        monkeypatch.setattr(CommandStore, "save", overtaken)
        with pytest.raises(Conflict, match="it succeeded"):
            commands.cancel("evt_1", SENDER)
        assert records.get(event()).ended == "succeeded"

    def test_it_gives_up(
        self, aws: Aws, commands: Commands, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent(aws)

        def refused(_store: CommandStore, command: Command) -> Command:
            raise Outdated(command.event_id)

        monkeypatch.setattr(CommandStore, "save", refused)
        monkeypatch.setattr(finding, "attempts", lambda: range(2))
        with pytest.raises(
            Unavailable, match="Other requests changed the command at the same time"
        ):
            commands.cancel("evt_1", SENDER)


def _handling() -> Subscription:
    return subscription(event_types=["command.pay"], handles=True)


def _replied(*, failed: bool) -> Reply:
    return Reply("evt_2", "worker", failed, NOON)
