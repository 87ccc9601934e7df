"""Nothing is lost although the processes of functions are killed repeatedly."""

from tests.chaos.load import NEEDED, ChaosTest
from tests.end_to_end.world import World


def test_nothing_is_lost_in_a_chaos_test(world: World) -> None:
    result = ChaosTest(world, seed=1).run(seconds=20, seed=1)
    assert result.accepted > 0
    assert result.deliveries >= 4 * result.accepted
    assert result.lost == []
    assert result.out_of_order == []
    assert result.duplicated["at_most_once"] == 0
    assert result.delivered + result.dead_lettered + result.dropped == result.deliveries
    assert result.killed.keys() >= NEEDED
