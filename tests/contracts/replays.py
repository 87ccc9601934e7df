"""The contract of the store of replays, on every DynamoDB."""

from dataclasses import replace

from event_bus.stores.replays import DueStep

from tests.aws import Aws
from tests.builders import NOON, replay
from tests.faults import answer_lost


class ReplaysContract:
    """The contract of replays."""

    def test_a_replay_is_found_and_listed_newest_first(self, aws: Aws) -> None:
        made = [replay("rpl_1"), replay("rpl_2", service_id="other"), replay("rpl_3")]
        for each in made:
            aws.replays.add(each)
        assert aws.replays.get("rpl_2") == made[1]
        assert aws.replays.get("rpl_9") is None
        assert aws.replays.page(None, None, 2) == [made[2], made[1]]
        assert aws.replays.page(None, "rpl_2", 2) == [made[0]]
        assert aws.replays.page("planner", None, 9) == [made[2], made[0]]

    def test_a_replay_moves_on_from_where_it_was_read(self, aws: Aws) -> None:
        before = replay()
        aws.replays.add(before)
        after = replay(position="x", sent=3)
        assert aws.replays.move(before, after)
        assert aws.replays.get("rpl_1") == after
        assert not aws.replays.move(before, replay(position="y"))
        cancelled = replace(after, state="cancelled")
        assert aws.replays.move(after, cancelled)
        assert not aws.replays.move(after, replay(position="z"))
        assert aws.replays.get("rpl_1") == cancelled

    def test_a_late_repetition_does_not_begin_a_replay_again(self, aws: Aws) -> None:
        aws.replays.add(replay())
        cancelled = replay(state="cancelled")
        assert aws.replays.move(replay(), cancelled)
        aws.replays.add(replay())
        assert aws.replays.get("rpl_1") == cancelled

    def test_a_move_that_is_repeated_meets_itself(self, aws: Aws) -> None:
        aws.replays.add(replay())
        replays = replace(aws, dynamodb=aws.retrying).replays
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            assert replays.move(replay(), replay(sent=3))

    def test_those_whose_next_step_is_due_are_found(self, aws: Aws) -> None:
        at = "2026-05-01T11:00:00.000Z"
        aws.replays.add(replay("rpl_1", updated_at=at))
        aws.replays.add(replay("rpl_2", updated_at="2026-05-01T13:00:00.000Z"))
        aws.replays.add(replay("rpl_3", updated_at=at, state="completed"))
        aws.replays.add(before := replay("rpl_4", updated_at=at))
        assert aws.replays.move(before, replace(before, sent=1), wait=7_200)
        assert aws.replays.due(NOON, 10) == [DueStep("rpl_1", at)]

    def test_a_due_step_is_postponed_unless_its_replay_has_continued(self, aws: Aws) -> None:
        at, later = "2026-05-01T11:00:00.000Z", "2026-05-01T11:01:00.000Z"
        aws.replays.add(replay("rpl_1", updated_at=at))
        aws.replays.add(before := replay("rpl_2", updated_at=at))
        due = aws.replays.due(NOON, 10)
        assert aws.replays.move(before, replace(before, updated_at=later))
        for each in due:
            aws.replays.postpone(each, NOON)
        assert aws.replays.due(NOON, 10) == [DueStep("rpl_2", later)]
        stands = aws.replays.get("rpl_1")
        assert stands == replay("rpl_1", updated_at=at)
        # A step that was read before can still be stored.
        assert aws.replays.move(stands, replace(stands, sent=1))
