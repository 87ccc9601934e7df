"""The contract of WebSocket subscribers."""

import time
from dataclasses import replace

from event_bus.stores.socket_subscribers import SocketSubscriber, SocketSubscriberKey

from tests.aws import Aws

FIRST = SocketSubscriberKey("sub_1", "one")
SECOND = SocketSubscriberKey("sub_1", "two")
SOON = 4_000_000_000


def added(
    aws: Aws, key: SocketSubscriberKey = FIRST, sent: int = 0, *, held: float = -1
) -> SocketSubscriber:
    """Returns a WebSocket subscriber that is in the table."""
    subscriber = SocketSubscriber(key, sent=sent, acknowledged=0, durable=True)
    aws.socket_subscribers.add(subscriber, "adder", held, SOON)
    return subscriber


class SocketSubscribersContract:
    """The contract of storing and claiming WebSocket subscribers."""

    def test_socket_subscribers_are_found_from_both_sides(self, aws: Aws) -> None:
        added(aws, FIRST)
        added(aws, SECOND)
        added(aws, SocketSubscriberKey("sub_2", "one"))
        assert set(aws.socket_subscribers.of_subscription("sub_1")) == {FIRST, SECOND}
        assert {each.subscription_id for each in aws.socket_subscribers.of_connection("one")} == {
            "sub_1",
            "sub_2",
        }
        aws.socket_subscribers.remove(FIRST)
        aws.socket_subscribers.remove(FIRST)
        assert aws.socket_subscribers.of_subscription("sub_1") == [SECOND]
        assert aws.socket_subscribers.get(FIRST) is None

    def test_a_socket_subscriber_has_one_holder_and_keeps_its_progress(self, aws: Aws) -> None:
        assert aws.socket_subscribers.hold(FIRST, "a", 60) is None
        subscriber = replace(added(aws), pushing=True)
        assert aws.socket_subscribers.hold(FIRST, "a", 60) == subscriber
        assert aws.socket_subscribers.hold(FIRST, "b", 60) is None
        # A hold that is repeated, because its answer was lost, recognises itself.
        assert aws.socket_subscribers.hold(FIRST, "a", 60) == subscriber
        released = aws.socket_subscribers.release(FIRST, "a", 7, waiting=True)
        assert released == SocketSubscriber(FIRST, 7, 0, durable=True, waiting=True)
        assert aws.socket_subscribers.hold(FIRST, "b", 60) == replace(released, pushing=True)

    def test_a_new_socket_subscriber_is_leased_by_its_creator(self, aws: Aws) -> None:
        subscriber = added(aws, held=60)
        assert aws.socket_subscribers.hold(FIRST, "a", 60) is None
        assert aws.socket_subscribers.hold(FIRST, "adder", 60) == replace(subscriber, pushing=True)

    def test_an_existing_socket_subscriber_is_not_added_again(self, aws: Aws) -> None:
        added(aws, sent=4)
        aws.socket_subscribers.release(FIRST, "adder", 5, waiting=False)
        again = SocketSubscriber(FIRST, sent=0, acknowledged=0, durable=True)
        assert not aws.socket_subscribers.add(again, "other", 60, SOON)
        stands = aws.socket_subscribers.get(FIRST)
        assert stands
        assert stands.sent == 5

    def test_a_socket_subscriber_that_was_held_too_long_is_taken_over(self, aws: Aws) -> None:
        added(aws)
        assert aws.socket_subscribers.hold(FIRST, "a", 0.05)
        time.sleep(0.1)
        assert aws.socket_subscribers.hold(FIRST, "b", 60)
        assert aws.socket_subscribers.release(FIRST, "a", 9, waiting=False) is None
        subscriber = aws.socket_subscribers.release(FIRST, "b", 3, waiting=False)
        assert subscriber
        assert subscriber.sent == 3

    def test_only_what_was_sent_is_acknowledged_and_only_forwards(self, aws: Aws) -> None:
        added(aws, sent=5)
        assert aws.socket_subscribers.acknowledge(FIRST, 6) is None
        subscriber = aws.socket_subscribers.acknowledge(FIRST, 4)
        assert subscriber
        assert (subscriber.sent, subscriber.acknowledged) == (5, 4)
        assert aws.socket_subscribers.acknowledge(FIRST, 3) is None
        further = aws.socket_subscribers.acknowledge(FIRST, 6, recorded=False)
        assert further
        assert (further.sent, further.acknowledged) == (5, 6)
        assert aws.socket_subscribers.acknowledge(FIRST, 6, recorded=False) is None
        assert aws.socket_subscribers.acknowledge(SECOND, 1) is None
        assert aws.socket_subscribers.acknowledge(SECOND, 1, recorded=False) is None

    def test_an_expired_socket_subscriber_is_not_found(self, aws: Aws) -> None:
        subscriber = SocketSubscriber(FIRST, sent=0, acknowledged=0, durable=False)
        aws.socket_subscribers.add(subscriber, "adder", -1, int(time.time()) - 1)
        assert aws.socket_subscribers.get(FIRST) is None
