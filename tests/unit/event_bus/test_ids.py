"""Identifiers tell their kind and sort by time."""

import re
import time

from event_bus.ids import new_id


def test_an_id_is_a_prefix_and_a_ulid() -> None:
    assert re.fullmatch(r"evt_[0-9A-HJKMNP-TV-Z]{26}", new_id("evt"))


def test_later_ids_sort_behind_earlier_ones() -> None:
    first = new_id("sub")
    time.sleep(0.002)
    assert first < new_id("sub")


def test_no_two_ids_are_alike() -> None:
    assert len({new_id("evt") for _ in range(1_000)}) == 1_000
