"""Messages of a batch: reads each, handles it by itself, and sends the message that follows."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from event_bus.delivery.queue_message import QueueMessage
from event_bus.delivery.steps import AttemptResult
from event_bus.log import logger
from event_bus.model.delivery import SETTLED
from event_bus.model.transitions import LONGEST_DELAY_SECONDS
from event_bus.queues.lanes import MAX_RECEIVES, Lanes
from event_bus.queues.message import LaneKind, Message, from_json
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.delivery_items import of_present

_APART_SECONDS = 30
"""The longest delay of messages that must not come together again."""

_Result = TypeVar("_Result")

ReadMessage = tuple[QueueMessage, Message]
"""A message as received from the queue, and what its text says."""

Batch = Sequence[ReadMessage]
"""The messages that a function handles together, as they were read."""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """The result of a message of a batch.

    Attributes:
        queue_message: The message as received from the queue.
        message: What its text says.
        result: The result of its attempt; None if there is none, so that the queue must keep it.
    """

    queue_message: QueueMessage
    message: Message
    result: AttemptResult | None


def read_batch(
    batch: Sequence[QueueMessage], *, enriches: bool = False, lane_kind: LaneKind = "main"
) -> tuple[list[ReadMessage], set[str]]:
    """Reads the messages of a batch.

    Args:
        batch: The messages as received from the queue.
        enriches: Whether the queue is that of the enrichment lane.
        lane_kind: Which of its protocol's lanes the queue belongs to.

    Returns:
        The messages that can be read, and the ids of the others, which the queue must keep.
    """
    readable = [
        (
            replace(
                queue_message,
                receives=message.receives + queue_message.receives,
                origin=message.origin,
            ),
            replace(message, receives=0, origin="", enriches=enriches, lane_kind=lane_kind),
        )
        for queue_message in batch
        if (message := _read(queue_message))
    ]
    kept = {each.id for each in batch} - {each.id for each, _ in readable}
    return readable, kept


def _read(queue_message: QueueMessage) -> Message | None:
    try:
        message = from_json(queue_message.body)
    except Exception:
        # It stays on the queue, and goes to the redrive queue, for a person to look at.
        logger.exception("message cannot be read", message_id=queue_message.id)
        return None
    # A function may have handled an earlier receipt.
    return replace(message, from_router=message.from_router and queue_message.receives == 1)


def sent_back(queue_message: QueueMessage, message: Message) -> Message | None:
    """Returns a message that waits, as it is sent again.

    Args:
        queue_message: The message as received.
        message: The message as it is sent again, without the number of its receipts.

    Returns:
        None if it was received so often that the queue must keep it, and give it up in the end.
    """
    return None if queue_message.receives > MAX_RECEIVES else with_history(queue_message, message)


def with_history(queue_message: QueueMessage, message: Message) -> Message:
    """Returns a message that is sent again, with what the queue does not know of the new one.

    The queue counts the receipts of the new message from 1, so the message itself has the number of
    those that ended without a result. Otherwise, a message that crashes its function would never
    come to the redrive queue if it sometimes waits. At one of them, a function may have recorded an
    attempt and not sent the retry. Then the new message must know that record as its own.

    Args:
        queue_message: The message as received.
        message: The message as it is sent again.
    """
    origin = queue_message.writer if queue_message.receives > 1 else queue_message.origin
    return replace(message, receives=queue_message.receives - 1, origin=origin)


def send_back(lanes: Lanes, batch: Batch, moved: Mapping[int, Message]) -> set[str]:
    """Sends messages of a batch that wait, or that another lane handles.

    Args:
        lanes: The queues.
        batch: The batch.
        moved: The messages as they are sent, by their places in the batch.

    Returns:
        The ids of the messages that the queue must keep.
    """
    kept: set[str] = set()
    following: list[tuple[str, Message, Message]] = []
    for place, message in moved.items():
        queue_message, in_hand = batch[place]
        if again := sent_back(queue_message, message):
            following.append((queue_message.id, in_hand, again))
        else:
            kept.add(queue_message.id)
    return kept | send_following(lanes, following)


def apart(batch: Sequence[tuple[QueueMessage, Message]]) -> dict[int, Message]:
    """Returns messages of a batch that must not come together again, as they are sent back.

    These are the messages that their queue hands out for the second time. One of them may have
    crashed its function. If they came together each time, the queue would give up the others, too.

    Args:
        batch: The batch.

    Returns:
        The messages, each with its own delay, by their places in the batch.
    """
    return {
        place: replace(message, delay=random.randint(0, _APART_SECONDS))  # noqa: S311
        for place, (queue_message, message) in enumerate(batch)
        if queue_message.receives == 2 and not queue_message.origin and len(batch) > 1
    }


def attempted(deliveries: DeliveryStore, queue_message: QueueMessage, message: Message) -> bool:
    """Returns whether the attempt is already recorded, so that this message must finish it."""
    if queue_message.receives == 1:
        return False
    record = of_present(deliveries.get(message.key), message.event)
    return record is not None and (record.status in SETTLED or record.attempts >= message.attempt)


def safely(work: Callable[[], _Result]) -> _Result | None:
    """Handles one message; returns None if that fails."""
    try:
        return work()
    except Exception:
        # A failure of this message must not repeat the others of the batch.
        logger.exception("delivery failed")
        return None


def follow_up(lanes: Lanes, results: Sequence[MessageResult]) -> set[str]:
    """Sends what follows the messages of a batch.

    Args:
        lanes: The queues.
        results: The results of the messages.

    Returns:
        The ids of the messages that the queue must keep: those without a result, and those whose
        follow-up could not be sent.
    """
    kept = {each.queue_message.id for each in results if each.result is None}
    return kept | send_following(
        lanes,
        [
            (each.queue_message.id, each.message, _relied_on(each.message, each.result.follow_up))
            for each in results
            if each.result and each.result.follow_up
        ],
    )


def _relied_on(message: Message, following: Message) -> Message:
    """Returns a follow-up message as one on which other events of its stream may rely.

    Args:
        message: The message that has a result.
        following: Its follow-up.
    """
    # A message that found its stream held was not handled yet.
    held = following.times_held > message.times_held
    return following if held else replace(following, from_router=False)


def send_following(lanes: Lanes, messages: Sequence[tuple[str, Message, Message]]) -> set[str]:
    """Sends the messages that follow others.

    Args:
        lanes: The queues.
        messages: Of each present message its id in the queue, the message, and the one that follows
            it.

    Returns:
        The ids of present messages that the queue must keep, because what follows them could not
        be sent.
    """
    if not messages:
        return set()
    try:
        refused = {message.key for message in lanes.send([each[2] for each in messages])}
    except Exception:
        logger.exception("messages not sent", messages=len(messages))
        return {message_id for message_id, _, _ in messages}
    kept: set[str] = set()
    instead: list[tuple[str, Message, Message]] = []
    for message_id, in_hand, following in messages:
        if following.key not in refused:
            continue
        if following.key == in_hand.key:
            # The present message stays. Its queue moves it to the redrive queue in the end, from
            # where it becomes a dead letter.
            kept.add(message_id)
        else:
            # The following message is about an earlier event of the stream. The present one is sent
            # again in its place, and will ask for that event. A second is added, because delays are
            # rounded.
            delay = min(following.delay + 1, LONGEST_DELAY_SECONDS)
            again = replace(in_hand, delay=delay, lane_kind=following.lane_kind, from_router=False)
            instead.append((message_id, again, again))
    return kept | send_following(lanes, instead)


@dataclass(slots=True)
class FollowUps:
    """Sends what follows the messages of a batch, while others are still handled.

    What ends before `late` is called is sent together, as soon as all awaited messages have ended.
    After that call, each message's follow-up is sent when that message has ended. Threads may share
    it.

    Attributes:
        lanes: The queues. Their executor must not be the one that handles messages: its threads
            may all be waiting here.
        awaited: The places of the messages that the others wait for.
    """

    lanes: Lanes
    awaited: set[int]
    _ended: list[MessageResult] = field(default_factory=list)
    _kept: set[str] = field(default_factory=set)
    _is_late: bool = False
    _changing: threading.Lock = field(default_factory=threading.Lock)
    _sending: threading.Lock = field(default_factory=threading.Lock)

    def ended(self, place: int, result: MessageResult) -> None:
        """Takes the result of a message.

        Args:
            place: The place of the message in the batch.
            result: The result of the message.
        """
        with self._changing:
            self._ended.append(result)
            self.awaited.discard(place)
            waits = bool(self.awaited) and not self._is_late
        if not waits:
            self._send()

    def late(self) -> None:
        """Sends what follows the messages that have ended; the rest is no longer sent together."""
        with self._changing:
            self._is_late = True
        self._send()

    def close(self) -> set[str]:
        """Sends the rest, after all requests that are in progress.

        Returns:
            The ids of the messages that the queue must keep.
        """
        self._send()
        return self._kept

    def _send(self) -> None:
        # The function must not return while a request is in progress: its messages are deleted
        # unless `_kept` has them.
        with self._sending:
            with self._changing:
                ended, self._ended = self._ended, []
            if ended:
                self._kept |= follow_up(self.lanes, ended)
