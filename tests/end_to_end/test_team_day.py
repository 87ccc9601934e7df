"""The example plays to its end on a deployed bus, and again on the same one."""

from examples.team_day.day import play
from examples.team_day.screen import Screen
from localstack.bus import LocalBus


def test_the_engineering_day_loses_nothing_however_often_it_is_played(bus: LocalBus) -> None:
    for _ in range(2):
        summary = play(bus, Screen())
        assert summary.faults() == []
        assert len(summary.types) == 18
        assert (summary.published, summary.matched, summary.filtered) == (60, 37, 3)
        assert summary.delivered == len(summary.latencies) == 37
