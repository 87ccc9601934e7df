from event_bus.matching.tables import SEARCH_BELOW, InfixTable

MANY = [f"{n:03}" for n in range(SEARCH_BELOW + 10)]
FEW = ["1", "12", "0120", "9999"]
TEXTS = ["", "0", "120", "x0120x", "012" * SEARCH_BELOW, "".join(MANY)]


def found(table: InfixTable[str], value: object) -> list[str]:
    entries: list[str] = []
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
