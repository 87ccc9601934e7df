"""What is promised of those who follow inboxes."""

import time
from dataclasses import replace

from event_bus.stores.followers import Follower, FollowerKey

from tests.aws import Aws

FIRST = FollowerKey("sub_1", "one")
SECOND = FollowerKey("sub_1", "two")
SOON = 4_000_000_000


def added(aws: Aws, key: FollowerKey = FIRST, sent: int = 0, *, held: float = -1) -> Follower:
    """A follower that stands in the table."""
    follower = Follower(key, sent=sent, acknowledged=0, durable=True)
    aws.followers.add(follower, "adder", held, SOON)
    return follower


class FollowersContract:
    """How followers are kept and lent."""

    def test_followers_are_found_from_both_sides(self, aws: Aws) -> None:
        added(aws, FIRST)
        added(aws, SECOND)
        added(aws, FollowerKey("sub_2", "one"))
        assert set(aws.followers.of_subscription("sub_1")) == {FIRST, SECOND}
        assert {each.subscription_id for each in aws.followers.of_connection("one")} == {
            "sub_1",
            "sub_2",
        }
        aws.followers.remove(FIRST)
        aws.followers.remove(FIRST)
        assert aws.followers.of_subscription("sub_1") == [SECOND]
        assert aws.followers.get(FIRST) is None

    def test_a_follower_is_held_by_one_and_remembers_how_far_it_is(self, aws: Aws) -> None:
        assert aws.followers.hold(FIRST, "a", 60) is None
        follower = replace(added(aws), pushing=True)
        assert aws.followers.hold(FIRST, "a", 60) == follower
        assert aws.followers.hold(FIRST, "b", 60) is None
        # A hold whose answer was lost, and which is repeated, meets itself.
        assert aws.followers.hold(FIRST, "a", 60) == follower
        released = aws.followers.release(FIRST, "a", 7, waiting=True)
        assert released == Follower(FIRST, 7, 0, durable=True, waiting=True)
        assert aws.followers.hold(FIRST, "b", 60) == replace(released, pushing=True)

    def test_one_that_is_added_is_held_by_whoever_added_it(self, aws: Aws) -> None:
        follower = added(aws, held=60)
        assert aws.followers.hold(FIRST, "a", 60) is None
        assert aws.followers.hold(FIRST, "adder", 60) == replace(follower, pushing=True)

    def test_one_that_is_there_is_not_added_again(self, aws: Aws) -> None:
        added(aws, sent=4)
        aws.followers.release(FIRST, "adder", 5, waiting=False)
        again = Follower(FIRST, sent=0, acknowledged=0, durable=True)
        assert not aws.followers.add(again, "other", 60, SOON)
        stands = aws.followers.get(FIRST)
        assert stands
        assert stands.sent == 5

    def test_a_follower_that_was_held_too_long_is_taken_over(self, aws: Aws) -> None:
        added(aws)
        assert aws.followers.hold(FIRST, "a", 0.05)
        time.sleep(0.1)
        assert aws.followers.hold(FIRST, "b", 60)
        assert aws.followers.release(FIRST, "a", 9, waiting=False) is None
        follower = aws.followers.release(FIRST, "b", 3, waiting=False)
        assert follower
        assert follower.sent == 3

    def test_only_what_was_sent_is_acknowledged_and_only_forwards(self, aws: Aws) -> None:
        added(aws, sent=5)
        assert aws.followers.acknowledge(FIRST, 6) is None
        follower = aws.followers.acknowledge(FIRST, 4)
        assert follower
        assert (follower.sent, follower.acknowledged) == (5, 4)
        assert aws.followers.acknowledge(FIRST, 3) is None
        further = aws.followers.acknowledge(FIRST, 6, recorded=False)
        assert further
        assert (further.sent, further.acknowledged) == (5, 6)
        assert aws.followers.acknowledge(FIRST, 6, recorded=False) is None
        assert aws.followers.acknowledge(SECOND, 1) is None
        assert aws.followers.acknowledge(SECOND, 1, recorded=False) is None

    def test_one_whose_connection_has_certainly_ended_is_none(self, aws: Aws) -> None:
        follower = Follower(FIRST, sent=0, acknowledged=0, durable=False)
        aws.followers.add(follower, "adder", -1, int(time.time()) - 1)
        assert aws.followers.get(FIRST) is None
