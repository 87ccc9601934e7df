"""A metered bus waits for deliveries, which are not all that the function of a lane updates."""

from pathlib import Path
from typing import cast

import pytest

from benchmarks.metered import bus as metered_bus
from benchmarks.metered.bus import MeteredBus
from benchmarks.metered.wire import Call, Wire
from localstack.bus import LocalBus


def update(function: str, table: str) -> Call:
    return Call(function, "DynamoDB", "UpdateItem", 0.0, 0.0, 1, {table: 1.0}, {})


def test_the_cursor_of_an_ordered_subscription_is_not_taken_for_a_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metered_bus, "_PATIENCE_SECONDS", 0.0)
    cursor, delivery = update("deliver_http", "cursors"), update("deliver_http", "deliveries")
    wire = Wire(_calls=[cursor, delivery, cursor, update("route", "deliveries")])
    metered = MeteredBus(cast("LocalBus", None), wire, tmp_path)
    metered.delivered(1)
    with pytest.raises(TimeoutError, match="1 deliveries"):
        metered.delivered(2)
