"""Sources of enrichments have circuits of their own."""

from dataclasses import replace

import pytest
from event_bus import times
from event_bus.delivery.circuits import Circuits
from event_bus.delivery.source_circuits import SourceCircuits
from event_bus.enrichment.sources import SourceFailed
from event_bus.model.circuit import CONSECUTIVE_FAILURES, KNOWN_SECONDS, Circuit

from tests.aws import Aws

KEY = "sub_1#enrich#price"


def answering() -> bytes:
    return b"1"


def failing() -> bytes:
    raise SourceFailed("the URL answered 503", again=True)


def lacking() -> bytes:
    raise SourceFailed("the URL answered 404")


def never() -> bytes:
    raise AssertionError("an open circuit was asked")


def sources(aws: Aws) -> SourceCircuits:
    """The sources as a function sees them that has just started."""
    return SourceCircuits(Circuits(aws.circuits))


def ask_in_vain(circuits: SourceCircuits, often: int) -> None:
    for _ in range(often):
        with pytest.raises(SourceFailed):
            circuits.guarded("sub_1", "price", failing)


def test_a_source_that_fails_is_left_alone_and_then_probed(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [times.unix()]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    ask_in_vain(sources(aws), 1)
    now[0] += KNOWN_SECONDS
    ask_in_vain(sources(aws), CONSECUTIVE_FAILURES)
    with pytest.raises(SourceFailed) as refused:
        sources(aws).guarded("sub_1", "price", never)
    said = "too many tries failed, so the circuit of the source is open"
    assert (refused.value.detail, refused.value.again) == (said, False)
    assert refused.value.retry_after is not None
    assert refused.value.retry_after > 0
    # Other parts and other subscriptions are asked.
    assert sources(aws).guarded("sub_1", "score", answering) == b"1"
    assert sources(aws).guarded("sub_2", "price", answering) == b"1"
    # The subscriber itself is not at fault, and no list shows the circuit as its own.
    assert aws.circuits.get_many(["sub_1"]) == aws.circuits.by_subscription() == {}
    opened = aws.circuits.get_many([KEY])[KEY]
    assert opened.last_error
    said = "the URL answered 503"
    assert (opened.last_error.code, opened.last_error.message) == ("enrichment_failed", said)
    over = replace(opened, until=times.unix() - 1, version=opened.version + 1)
    assert aws.circuits.put(KEY, over)
    assert sources(aws).guarded("sub_1", "price", answering) == b"1"
    assert aws.circuits.get_many([KEY]) == {}


def test_a_question_comes_again_when_the_circuit_may_be_probed(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_800_000_000.0]
    monkeypatch.setattr(times, "unix", lambda: now[0])
    monkeypatch.setattr(Circuit, "retry_at", lambda *_: 1_800_000_000.25)
    assert aws.circuits.put(KEY, Circuit(state="open", until=now[0] + 60, version=1))
    for passed, left in ((0.0, 0.25), (0.5, 0.0)):
        now[0] = 1_800_000_000.0 + passed
        with pytest.raises(SourceFailed) as refused:
            sources(aws).guarded("sub_1", "price", never)
        assert refused.value.retry_after == left


def test_a_source_that_lacks_a_value_works(aws: Aws) -> None:
    for _ in range(2 * CONSECUTIVE_FAILURES):
        with pytest.raises(SourceFailed, match="404"):
            sources(aws).guarded("sub_1", "price", lacking)
    assert aws.circuits.get_many([KEY]) == {}


def test_a_source_that_answers_costs_one_read_a_second_and_no_write(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    for name in ("batch_get_item", "get_item", "put_item", "update_item", "delete_item"):
        original = getattr(aws.dynamodb, name)

        def counted(*, name: str = name, original: object = original, **request: object) -> object:
            made.append(name)
            return original(**request)  # type: ignore[operator]

        monkeypatch.setattr(aws.dynamodb, name, counted)
    circuits = sources(aws)
    for _ in range(5):
        circuits.guarded("sub_1", "price", answering)
    assert made == ["batch_get_item"]
