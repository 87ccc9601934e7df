"""An attempt that sends nothing, because the bus or AWS failed, is recorded like any other."""

from contextlib import nullcontext
from dataclasses import replace

import pytest
from event_bus.model.retry_policy import RetryPolicy
from event_bus.model.subscription import SealedSecret
from event_bus.targets.http import HttpTransport
from event_bus.targets.shaping import ShapingTransport
from event_bus.transforms.transform import Transform

from tests.aws import Aws
from tests.builders import event, message, subscription
from tests.evaluator import no_evaluator
from tests.faults import not_sent
from tests.unit.event_bus.delivery.lanes import LaneRun, queue_message, run

__all__ = ["run"]

SOON = RetryPolicy(schedule=[5], max_attempts=3)


def test_an_attempt_is_recorded_if_the_bus_cannot_evaluate_its_expression(
    run: LaneRun, aws: Aws
) -> None:
    """Before, the message came back by its queue, until the delivery ended as a crash."""
    shaping = Transform("payload", expression='{"a": 1}')
    to = aws.subscriptions.create(subscription(retry_policy=SOON, transform=shaping))
    runner = replace(run.lane.runner, transport=ShapingTransport(run.target))
    lane = replace(run.lane, runner=runner)
    with no_evaluator():
        assert lane.process([queue_message(message(event(), to))]) == []
    [attempt] = run.outcome().log
    assert (attempt.code, run.outcome().status) == ("expression_not_evaluated", "retrying")
    # The subscriber is not at fault.
    assert (run.target.attempted, aws.circuits.get_many(["sub_1"])) == ([], {})
    [again] = run.sent()
    assert lane.process([queue_message(again)]) == []
    assert (run.outcome().status, run.outcome().attempts) == ("delivered", 2)


@pytest.mark.parametrize(("damaged", "status"), [(False, "retrying"), (True, "exhausted")])
def test_an_attempt_is_recorded_if_its_signing_secret_cannot_be_opened(
    run: LaneRun, aws: Aws, *, damaged: bool, status: str
) -> None:
    signed = aws.signed(subscription())
    if damaged:
        signed = replace(signed, signing_secrets=(SealedSecret("b25l"),))
    to = aws.subscriptions.create(signed)
    transport = HttpTransport(aws.signing_secrets.of)
    runner = replace(run.lane.runner, transport=transport)
    lane = replace(run.lane, runner=runner)
    with nullcontext() if damaged else not_sent(aws.kms, "Decrypt"):
        assert lane.process([queue_message(message(event(), to))]) == []
    [attempt] = run.outcome().log
    assert (attempt.code, run.outcome().status) == ("secret_not_opened", status)
    assert len(run.sent()) == (0 if damaged else 1)
    # The subscriber is not at fault, whether KMS fails or the bus has damaged its secret.
    assert aws.circuits.get_many(["sub_1"]) == {}
