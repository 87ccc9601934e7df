"""The tables of the bus, made from the same descriptions as the deployed ones."""

import threading
from typing import TYPE_CHECKING

from infra.tables import EXPIRY_ATTRIBUTE, TABLES, Attribute, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import (
        AttributeDefinitionTypeDef,
        CreateTableInputTypeDef,
        GlobalSecondaryIndexTypeDef,
        KeySchemaElementTypeDef,
        ProjectionTypeDef,
    )


class MadeTables(dict[str, str]):
    """The names of tables by what they hold; each is made when it is first asked for.

    Args:
        dynamodb: Where.
        suffix: What their names end with.
    """

    def __init__(self, dynamodb: "DynamoDBClient", suffix: str = "") -> None:
        super().__init__()
        self._dynamodb = dynamodb
        self._suffix = suffix
        self._making = threading.Lock()

    def __missing__(self, name: str) -> str:
        [table] = [each for each in TABLES if each.name == name]
        with self._making:
            if name not in self:
                create(self._dynamodb, table, name + self._suffix)
                self[name] = name + self._suffix
        return self[name]


def create(dynamodb: "DynamoDBClient", table: Table, name: str) -> None:
    """Makes a table.

    Args:
        dynamodb: Where.
        table: Its description.
        name: Its name.
    """
    request: CreateTableInputTypeDef = {
        "TableName": name,
        "KeySchema": _key(table.partition_key, table.sort_key),
        "AttributeDefinitions": _attributes(table),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if table.indexes:
        request["GlobalSecondaryIndexes"] = _indexes(table)
    dynamodb.create_table(**request)
    if table.expires:
        dynamodb.update_time_to_live(
            TableName=name,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRY_ATTRIBUTE},
        )


def _key(partition: Attribute, sort: Attribute | None) -> "list[KeySchemaElementTypeDef]":
    key: list[KeySchemaElementTypeDef] = [
        {"AttributeName": partition.name, "KeyType": "HASH"},
    ]
    if sort:
        key.append({"AttributeName": sort.name, "KeyType": "RANGE"})
    return key


def _attributes(table: Table) -> "list[AttributeDefinitionTypeDef]":
    used = [table.partition_key, table.sort_key]
    for index in table.indexes:
        used += [index.partition_key, index.sort_key]
    return [
        {"AttributeName": attribute.name, "AttributeType": attribute.type}
        for attribute in dict.fromkeys(used)
        if attribute
    ]


def _indexes(table: Table) -> "list[GlobalSecondaryIndexTypeDef]":
    indexes: list[GlobalSecondaryIndexTypeDef] = []
    for index in table.indexes:
        projection: ProjectionTypeDef = {"ProjectionType": "ALL"}
        if index.include == ():
            projection = {"ProjectionType": "KEYS_ONLY"}
        elif index.include is not None:
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.include)}
        indexes.append(
            {
                "IndexName": index.name,
                "KeySchema": _key(index.partition_key, index.sort_key),
                "Projection": projection,
            }
        )
    return indexes
