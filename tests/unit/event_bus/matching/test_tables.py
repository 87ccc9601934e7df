from typing import Any

import pytest
from event_bus.matching.access_keys import BLOCK, INTERVAL, PRESENT
from event_bus.matching.field_tables import FieldTables
from event_bus.matching.limits import FIND_WORK
from event_bus.matching.tables import FoundEntries, PresentTable
from event_bus.matching.text_tables import SEARCH_BELOW, InfixTable
from event_bus.matching.value_index import ValueIndex
from event_bus.matching.work import PAGE, OutOfWork, SharedWork, Work

MANY = [f"{n:03}" for n in range(SEARCH_BELOW + 10)]
FEW = ["1", "12", "0120", "9999"]
TEXTS = ["", "0", "120", "x0120x", "012" * SEARCH_BELOW, "".join(MANY)]


def found(table: InfixTable[str], value: object) -> list[str]:
    entries: FoundEntries[str] = FoundEntries(Work(FIND_WORK))
    table.find(value, entries)
    return sorted(entries)


def test_finds_each_key_inside_a_text_once() -> None:
    table: InfixTable[str] = InfixTable()
    for key in [*MANY, *FEW]:
        table.add(key, key)
    for text in TEXTS:
        assert found(table, text) == sorted(key for key in [*MANY, *FEW] if key in text)
    assert found(table, 12) == []


def test_forgets_what_is_discarded() -> None:
    table: InfixTable[str] = InfixTable()
    for key in [*MANY, *FEW]:
        table.add(key, key)
    for key in [*MANY[::2], *FEW]:
        table.discard(key)
    for text in TEXTS:
        assert found(table, text) == [key for key in MANY[1::2] if key in text]


@pytest.mark.parametrize(
    ("keys", "text", "steps"),
    [
        (["12", "34", "5"], "x" * 10 * PAGE, 3 * 11),
        (MANY, "x" * 10 * PAGE, 10 * PAGE - 2),
    ],
    ids=["searched for", "looked up at each place"],
)
def test_searching_a_text_counts_its_length(keys: list[str], text: str, steps: int) -> None:
    table: InfixTable[str] = InfixTable()
    for key in keys:
        table.add(key, key)
    entries: FoundEntries[str] = FoundEntries(Work(steps))
    table.find(text, entries)
    assert entries.work.left == 0
    with pytest.raises(OutOfWork):
        table.find(text, entries)


@pytest.mark.parametrize("kind", [kind for kind in FieldTables._KINDS if kind != PRESENT])
def test_many_values_find_what_each_of_them_finds(kind: str) -> None:
    texts = ["ab", "abc", "b", "10.0.0.9", "STRASSE", *(f"{n:03}" for n in range(200))]
    values = ValueIndex(SharedWork())
    for number, value in enumerate([*texts, *range(7, 90, 9), None, True]):
        values.add(number, value)
    keys: dict[str, list[Any]] = {
        INTERVAL: [(1, 2), (7, 7), (17, 24), (26, 200)],
        BLOCK: [(32, 24, 0x0A0000), (32, 24, 0x0A0001)],
    }
    few, many = FieldTables[Any](), FieldTables[Any]()
    for key in keys.get(kind, ["a", "abc", "bc", "c", "199", "strasse", "9"]):
        few.add(kind, key, key)
        many.add(kind, key, key)
    one_by_one: FoundEntries[Any] = FoundEntries(Work(FIND_WORK))
    counted: FoundEntries[Any] = FoundEntries(Work(FIND_WORK))
    for value in values.by_key:
        few.find(value, one_by_one)
        few.find_one(value, counted)
    assert counted == one_by_one
    assert FIND_WORK - counted.work.left >= 3 * len(values.by_key)
    at_once: FoundEntries[Any] = FoundEntries(Work(FIND_WORK))
    many.find_any(values, at_once)
    assert set(at_once) == set(one_by_one) != set()


def test_all_that_any_value_finds_are_found_once_for_many_values() -> None:
    table: PresentTable[str] = PresentTable()
    table.add(None, "entry")
    entries: FoundEntries[str] = FoundEntries(Work(FIND_WORK))
    values = ValueIndex(SharedWork())
    table.find_any(values, entries)
    assert entries == []
    for number in range(3):
        values.add(number, number)
    table.find_any(values, entries)
    assert entries == ["entry"]
