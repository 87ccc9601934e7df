"""Only the stores speak DynamoDB: no other code names an expression, an item or a part."""

import re
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[4] / "layers" / "event_bus"
FUNCTIONS = LAYER.parents[1] / "functions"

WORDS = re.compile(
    r"TransactItems|\w+Expression=|ExpressionAttribute|NewImage|OldImage"
    r"|\[\"(S|N|B|SS|BOOL)\"\]|boto3\.dynamodb|event_bus\.stores\.(items|transactions)"
    r"|\.\w+_parts?\("
)


def speaking(text: str) -> list[str]:
    return [found[0] for found in WORDS.finditer(text)]


def test_no_other_code_speaks_dynamodb() -> None:
    files = [*LAYER.rglob("*.py"), *FUNCTIONS.rglob("*.py")]
    others = [each for each in files if LAYER / "stores" not in each.parents]
    assert len(others) > 200
    found = {str(each): words for each in others if (words := speaking(each.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    "line",
    [
        'item["id"]["S"]',
        'client.put_item(TableName=table, ConditionExpression="attribute_exists(id)")',
        "from event_bus.stores.items import text",
        "from event_bus.stores.transactions import transact",
        "parts = [keys.adding_part(key)]",
        'image = record["dynamodb"]["NewImage"]',
    ],
)
def test_the_words_are_recognised(line: str) -> None:
    assert speaking(line)


def test_every_store_speaks_dynamodb() -> None:
    texts = [each.read_text() for each in (LAYER / "stores").glob("*.py")]
    stores = [each for each in texts if "    table: Table\n" in each]
    assert len(stores) > 30
    assert all("Expression" in each or "self.table.get(" in each for each in stores)
