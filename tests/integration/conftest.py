"""Empty tables on the emulator, apart from those of the deployed bus."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.tables import TABLES
from localstack.bus import LocalBus
from tests.tables import create


@pytest.fixture
def tables(bus: LocalBus) -> Iterator[dict[str, str]]:
    """Every table of the bus, made for one test: their names by what they hold."""
    suffix = uuid4().hex[:8]
    names = {table.name: f"{table.name}-{suffix}" for table in TABLES}
    for table in TABLES:
        create(bus.dynamodb, table, names[table.name])
    yield names
    for name in names.values():
        bus.dynamodb.delete_table(TableName=name)
