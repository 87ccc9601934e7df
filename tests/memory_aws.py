"""AWS for a unit test: the stand-ins of the simulator, or moto for what is marked `moto`.

The stand-ins need no time to speak of; moto takes milliseconds for each table and call.
"""

import time

import pytest

from infra.tables import TABLES
from tests.aws import Aws
from tests.sent_messages import RecordingSqs
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.kms import MemoryKms
from tests.simulation.s3 import MemoryS3
from tests.simulation.sqs import MemorySqs, SqsQueues
from tests.simulation.tables import Tables


@pytest.fixture
def aws(request: pytest.FixtureRequest) -> Aws:
    """Empty tables, an empty bucket, no queues."""
    if request.node.get_closest_marker("moto"):
        mocked: Aws = request.getfixturevalue("moto_aws")
        return mocked
    tables = Tables(TABLES)
    return Aws(
        dynamodb=MemoryDynamoDB(tables),  # type: ignore[arg-type]
        retrying=MemoryDynamoDB(tables, attempts=3),  # type: ignore[arg-type]
        s3=MemoryS3({}),  # type: ignore[arg-type]
        sqs=RecordingSqs(MemorySqs(SqsQueues(time.time))),  # type: ignore[arg-type]
        kms=MemoryKms({}),  # type: ignore[arg-type]
        tables={table.name: table.name for table in TABLES},
        bucket="payloads",
        carry_out=lambda request: request(),  # type: ignore[operator]
    )
