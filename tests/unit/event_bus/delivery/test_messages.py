"""What becomes of a message whose follow-up is sent, refused or lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from event_bus.delivery.messages import send_following
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.message import LaneKind, Message

FIRST = Message("evt_1", "sub_1", "shop", 1)
LATER = Message("evt_3", "sub_1", "shop", 1)


@dataclass
class FakeLanes:
    """Lanes that refuse events, or that are down."""

    refuses: set[str] = field(default_factory=set)
    down: bool = False
    sent: list[Message] = field(default_factory=list)

    def send(self, messages: Sequence[Message]) -> list[Message]:
        if self.down:
            raise TimeoutError
        self.sent += [each for each in messages if each.event_id not in self.refuses]
        return [each for each in messages if each.event_id in self.refuses]


def following(lanes: FakeLanes, *messages: tuple[str, Message, Message]) -> set[str]:
    """Sends the follow-ups of messages; returns the ids of messages that the queue must keep."""
    used: Any = lanes
    return send_following(used, messages)


def test_a_message_ends_when_its_follow_up_is_sent() -> None:
    lanes, retry = FakeLanes(), replace(FIRST, attempt=2, delay=7)
    assert following(lanes, ("m-1", FIRST, retry)) == set()
    assert lanes.sent == [retry]


def test_the_queue_keeps_messages_that_could_not_be_sent_on() -> None:
    lanes = FakeLanes(down=True)
    assert following(lanes, ("m-1", FIRST, FIRST), ("m-3", LATER, FIRST)) == {"m-1", "m-3"}


def test_nothing_is_sent_when_nothing_follows() -> None:
    assert following(FakeLanes(down=True)) == set()


def test_the_queue_keeps_a_message_whose_own_retry_is_refused() -> None:
    lanes, retry = FakeLanes(refuses={"evt_1"}), replace(FIRST, attempt=2)
    other = replace(LATER, attempt=2)
    assert following(lanes, ("m-1", FIRST, retry), ("m-3", LATER, other)) == {"m-1"}
    assert lanes.sent == [other]


@pytest.mark.parametrize(
    ("delay", "again"),
    [(0, 1), (7, 8), (LONGEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS)],
)
@pytest.mark.parametrize("lane_kind", ["main", "paced", "slow"])
def test_a_message_asks_again_when_the_event_before_it_is_refused(
    delay: int, again: int, lane_kind: LaneKind
) -> None:
    lanes = FakeLanes(refuses={"evt_1"})
    first = replace(FIRST, delay=delay, lane_kind=lane_kind)
    assert following(lanes, ("m-3", LATER, first)) == set()
    assert lanes.sent == [replace(LATER, delay=again, lane_kind=lane_kind)]


def test_the_queue_keeps_a_message_that_is_refused_as_well() -> None:
    lanes = FakeLanes(refuses={"evt_1", "evt_3"})
    assert following(lanes, ("m-3", LATER, FIRST)) == {"m-3"}
