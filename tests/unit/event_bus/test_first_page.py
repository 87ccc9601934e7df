"""A filtered page of a list that is read in portions."""

from collections.abc import Iterator

import pytest
from event_bus import times
from event_bus.paging import PAGE_SECONDS, Portion, chosen_page, first_page

LIST = [f"{number:02d}" for number in range(20)]


def portions(behind: str | None, size: int, reads: list[int]) -> Iterator[Portion[str]]:
    """Reads a list, and chooses every third element."""
    start = 0 if behind is None else LIST.index(behind) + 1
    for begin in range(start, len(LIST), size):
        reads.append(begin)
        read = LIST[begin : begin + size]
        reached = None if begin + size >= len(LIST) else read[-1]
        chosen = ((each, each if int(each) % 3 == 0 else None) for each in read)
        yield Portion(chosen, len(read), reached)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("size", [1, 3, 5, 20])
@pytest.mark.parametrize("budget", [1, 4, 100])
def test_paging_through_shows_each_chosen_element_once(limit: int, size: int, budget: int) -> None:
    found: list[str] = []
    position: str | None = None
    for _ in range(len(LIST) + 1):
        page, position = first_page(portions(position, size, []), limit, budget)
        assert len(page) <= limit
        found += page
        if position is None:
            break
    assert position is None
    assert found == LIST[::3]


def test_no_more_is_read_than_the_page_needs() -> None:
    reads: list[int] = []
    assert first_page(portions(None, 4, reads), 2, 100) == (["00", "03"], "03")
    assert reads == [0]


def test_a_page_ends_when_its_budget_is_used_up() -> None:
    reads: list[int] = []
    assert first_page(portions(None, 4, reads), 10, 8) == (["00", "03", "06"], "07")
    assert reads == [0, 4]


def test_a_page_ends_when_reading_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(times, "steady", lambda: now)

    def slow(behind: str | None) -> Iterator[Portion[str]]:
        def read(each: str) -> str | None:
            nonlocal now
            now += PAGE_SECONDS * 0.3
            return each if int(each) % 3 == 0 else None

        for portion in portions(behind, 8, []):
            found = ((place, read(place)) for place, _ in portion.elements)
            yield Portion(found, portion.size, portion.reached)

    pages, position = [], None
    while True:
        page, position = first_page(slow(position), 100, 100)
        pages.append(page)
        if position is None:
            break
    assert pages == [["00", "03"], ["06"], ["09"], ["12", "15"], ["18"]]


def test_the_time_of_all_portions_counts_and_that_of_reading_them_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(times, "steady", lambda: now)

    def slow() -> Iterator[Portion[str]]:
        def shown(place: str) -> str:
            nonlocal now
            now += PAGE_SECONDS * 0.4
            return place

        nonlocal now
        for place in LIST:
            # A busy machine must not make pages short.
            now += PAGE_SECONDS * 2
            yield Portion(((each, shown(each)) for each in [place]), 1, place)

    assert first_page(slow(), 5, 100) == (["00", "01", "02"], "02")


def test_a_full_page_at_the_end_of_the_list_is_the_last() -> None:
    last = Portion(iter([("18", "18"), ("19", "19")]), 2, None)
    assert first_page([last], 2, 100) == (["18", "19"], None)


def test_an_empty_list_is_one_empty_page() -> None:
    empty: Portion[str] = Portion((), 0, None)
    assert first_page([empty], 5, 100) == ([], None)


@pytest.mark.parametrize("limit", range(1, 8))
def test_a_chosen_page_passes_over_the_others(limit: int) -> None:
    numbers = list(range(20))

    def read(after: str | None, most: int) -> list[int]:
        begin = 0 if after is None else int(after) + 1
        return numbers[begin : begin + most]

    found: list[int] = []
    after = None
    while page := chosen_page(read, str, lambda each: each % 5 == 4, after, limit):
        assert len(page) <= limit
        found += page
        after = str(page[-1])
    assert found == [4, 9, 14, 19]


@pytest.mark.parametrize(("limit", "requests"), [(1, 34), (2, 35), (100, 34), (150, 23)])
def test_many_others_are_passed_over_in_few_requests(limit: int, requests: int) -> None:
    asked = []

    def read(after: str | None, most: int) -> list[int]:
        asked.append(most)
        return list(range(int(after or 0) + 1, 3_301))[:most]

    page = chosen_page(read, str, lambda each: each > 3_299, None, limit)
    assert (page, len(asked)) == ([3_300], requests)
    assert asked[0] == limit
