import pytest
from event_bus.matching.limits import PAGE
from event_bus.matching.tables import SEARCH_BELOW, SEARCHES_PER_KEY, Found, InfixTable

MANY = [f"{n:03}" for n in range(SEARCH_BELOW + 10)]
FEW = ["1", "12", "0120", "9999"]
TEXTS = ["", "0", "120", "x0120x", "012" * SEARCH_BELOW, "".join(MANY)]


def found(table: InfixTable[str], value: object) -> list[str]:
    entries: Found[str] = Found()
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


def test_all_are_found_where_an_event_holds_too_much_to_be_searched() -> None:
    table: InfixTable[str] = InfixTable()
    keys = ["12", "34", "56"]
    for key in keys:
        table.add(key, key)
    entries: Found[str] = Found()
    for searched in range(SEARCHES_PER_KEY):
        table.find("text", entries)
        assert entries == [], searched
    # From here on it would take longer than to check them; and they are found but once.
    for _ in range(3):
        table.find("text", entries)
        assert entries == keys


@pytest.mark.parametrize("keys", [FEW, MANY], ids=["few", "many"])
def test_a_long_text_counts_as_several(keys: list[str]) -> None:
    table: InfixTable[str] = InfixTable()
    for key in keys:
        table.add(key, key)
    entries: Found[str] = Found()
    for _ in range(3):
        table.find("x" * PAGE * SEARCHES_PER_KEY, entries)
    assert sorted(entries) == sorted(keys)
