"""What every story is put through. Each file runs the stories of one module."""

from tests.simulation.telling import spoil, tell

__all__ = [
    "test_a_story_ends_well",
    "test_a_story_ends_well_if_reads_answer_the_past",
    "test_a_story_ends_well_whichever_call_goes_wrong",
]


def test_a_story_ends_well(name: str) -> None:
    tell(name)


def test_a_story_ends_well_if_reads_answer_the_past(name: str) -> None:
    for seed in range(5):
        tell(name, staleness=1.0, seed=seed)


def test_a_story_ends_well_whichever_call_goes_wrong(name: str) -> None:
    broken = spoil(name)
    assert not broken, "\n".join(broken[:5])
