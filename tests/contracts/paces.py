"""The contract of paces, on every DynamoDB."""

from dataclasses import replace

import pytest
from event_bus.model.circuit import Circuit
from event_bus.model.pace import Pace

from tests.aws import Aws
from tests.faults import answer_lost


class PacesContract:
    """The contract of paces, which are beside the circuits."""

    def test_a_pace_comes_back_as_it_was_and_with_the_circuits(self, aws: Aws) -> None:
        assert aws.paces.get("sub_1") is None
        pace = Pace(
            state="slow", since=1_000.5, next_turn=7.25, leases={"fn_1": (1_060.5, 3)}, version=1
        )
        assert aws.paces.put("sub_1", pace)
        circuit = Circuit(failures=1, version=1)
        assert aws.circuits.put("sub_2", circuit)
        assert aws.paces.get("sub_1") == pace
        found = aws.circuits.with_paces(["sub_1", "sub_2", "sub_3"])
        assert found == ({"sub_2": circuit}, {"sub_1": pace})
        # Reading one kind alone gives the same result.
        assert aws.circuits.get_many(["sub_1", "sub_2"]) == {"sub_2": circuit}
        assert list(aws.circuits.all()) == [circuit]

    def test_a_version_replaces_the_one_before_and_no_other(self, aws: Aws) -> None:
        assert aws.paces.put("sub_1", Pace(version=1))
        assert not aws.paces.put("sub_1", Pace(version=1))
        assert aws.paces.put("sub_1", Pace(state="slow", version=2))
        assert not aws.paces.put("sub_1", Pace(version=4))
        aws.paces.put_anew("sub_1", Pace(state="trial", version=1))
        assert aws.paces.get("sub_1") == Pace(state="trial", version=3)
        assert not aws.paces.put("sub_1", Pace(version=3))

    def test_a_write_whose_answer_was_lost_counts_once(self, aws: Aws) -> None:
        with answer_lost(aws.retrying, "PutItem", aws.carry_out):
            paces = replace(aws, dynamodb=aws.retrying).paces
            changed = paces.change("sub_1", _taking_a_turn, None)
        assert changed == Pace(next_turn=1, version=1)
        assert aws.paces.get("sub_1") == changed

    def test_a_change_builds_on_what_another_function_wrote(self, aws: Aws) -> None:
        known = Pace(next_turn=1, version=1)
        assert aws.paces.put("sub_1", known)
        assert aws.paces.put("sub_1", Pace("slow", next_turn=7, version=2))
        changed = aws.paces.change("sub_1", _taking_a_turn, known)
        assert changed == Pace("slow", next_turn=8, version=3)
        assert aws.paces.get("sub_1") == changed

    def test_a_change_that_changes_nothing_is_not_written(self, aws: Aws) -> None:
        same = aws.paces.change("sub_1", lambda pace: pace, None, new=Pace("trial"))
        assert same == Pace("trial")
        assert aws.paces.get("sub_1") is None

    @pytest.mark.parametrize(
        ("patient", "attempts", "seconds", "longest"),
        [(False, 8, (0.0, 0.14), 0.02), (True, 40, (5.0, 15.0), 0.5)],
    )
    def test_a_change_ends_if_others_always_write_first(
        self,
        aws: Aws,
        patient: bool,
        attempts: int,
        seconds: tuple[float, float],
        longest: float,
    ) -> None:
        waited: list[float] = []
        paces, tried = replace(aws.paces, sleep=waited.append), 0

        def overtaken(pace: Pace) -> Pace:
            nonlocal tried
            tried += 1
            assert aws.paces.put("sub_1", replace(pace, version=pace.version + 1))
            return _taking_a_turn(pace)

        assert paces.change("sub_1", overtaken, None, patient=patient) is None
        assert (tried, len(waited)) == (attempts, attempts - 1)
        assert seconds[0] <= sum(waited) <= seconds[1]
        assert max(waited) <= longest
        assert aws.paces.get("sub_1") == Pace(version=attempts)


def _taking_a_turn(pace: Pace) -> Pace:
    return replace(pace, next_turn=pace.next_turn + 1)
