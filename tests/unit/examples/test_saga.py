"""The saga, on the bus in memory."""

from contextlib import ExitStack, closing

from event_bus_client.testing import FakeBus

from examples.saga.handler import Handler
from examples.saga.services import DISCARD, GENERATE, REVIEW, Generator, review
from examples.saga.story import ANALYST, GENERATOR, REVIEWER, Saga


def test_a_refused_review_undoes_the_earlier_steps() -> None:
    fake, generator, steps = FakeBus(), Generator(), list[str]()
    with ExitStack() as open_:
        for name, work in (
            (GENERATOR, {GENERATE: generator.generate, DISCARD: generator.discard}),
            (REVIEWER, {REVIEW: review}),
        ):
            open_.enter_context(closing(Handler(fake.client(name), work)))
        saga = Saga(fake.client(ANALYST), "run", steps.append)
        assert saga.play("req-1", "a list of open tasks")
        assert not saga.play("req-2", "eval of a formula")
    assert [*generator.code] == ["req-1"]
    assert steps[-3:] == [
        f"{REVIEW} → failed: the code evaluates what a user has written",
        f"{DISCARD} → succeeded: {{'requirement': 'req-2'}}",
        "requirement.rejected",
    ]
    assert [each.type for each in fake.published("requirement.*")] == [
        "requirement.approved",
        "requirement.completed",
        "requirement.approved",
        "requirement.rejected",
    ]
    assert list(fake.client().subscriptions.list()) == []
