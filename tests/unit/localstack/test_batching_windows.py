"""A mapping with a batching window asks for no batch right after one."""

import time
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict  # type: ignore[import-untyped]
from ministack.services import lambda_svc  # type: ignore[import-untyped]

from localstack.batching_windows import Pauses, keep


@pytest.fixture
def mappings(monkeypatch: pytest.MonkeyPatch) -> Any:
    mappings = AccountRegionScopedDict()
    monkeypatch.setattr(lambda_svc, "_esms", mappings)
    monkeypatch.setattr(time, "time", lambda: 1_000.0)
    return mappings


@pytest.mark.parametrize(
    ("mapping", "until"),
    [
        ({"MaximumBatchingWindowInSeconds": 1}, 1_001.0),
        ({"MaximumBatchingWindowInSeconds": 60}, 1_002.0),
        ({"MaximumBatchingWindowInSeconds": 0}, None),
        ({"MaximumBatchingWindowInSeconds": None}, None),
        ({}, None),
        ({"MaximumBatchingWindowInSeconds": 60, "State": "Deleting"}, None),
    ],
)
def test_after_a_batch_the_window_begins(
    mappings: Any, mapping: dict[str, Any], until: float | None
) -> None:
    mappings["one"] = mapping
    pauses = Pauses()
    assert pauses.get("one") is None
    assert pauses.pop("one", None) is None
    assert pauses.get("one") == until


def test_a_batch_ends_the_pause_that_a_failure_began(mappings: Any) -> None:
    pauses = Pauses()
    pauses["gone"] = 1_001.0
    assert pauses.pop("gone", None) == 1_001.0
    assert "gone" not in pauses


def test_the_window_begins_before_the_batch_of_a_queue_ends(
    mappings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert type(lambda_svc._esm_backoff_until) is AccountRegionScopedDict
    monkeypatch.setattr(lambda_svc, "_esm_backoff_until", lambda_svc._esm_backoff_until)
    asked: list[Any] = []
    monkeypatch.setattr(lambda_svc, "_dispatch_esm_batch", lambda *batch: asked.append(batch))
    mappings["one"], mappings["two"] = {"MaximumBatchingWindowInSeconds": 60}, {}
    keep()
    for each in ("one", "two"):
        lambda_svc._dispatch_esm_batch(each, "run", "a batch")
    assert asked == [("one", "run", "a batch"), ("two", "run", "a batch")]
    assert lambda_svc._esm_backoff_until.get("one") == 1_002.0
    assert lambda_svc._esm_backoff_until.get("two") is None
