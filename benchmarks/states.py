"""The cost of the state of a long stream: calls, read and write units, and time.

Tables are in memory. The time is that of reading items and folding them; the answers of DynamoDB
take no time. Run it with `python -m benchmarks.states`; it takes about ten seconds.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from event_bus import times
from event_bus.access.callers import Caller
from event_bus.access.receive_rights import RightsReader
from event_bus.encryption.data_keys import DataKeys
from event_bus.encryption.state_seal import StateSeal
from event_bus.model.reducer import Reducer, ReducerVersion
from event_bus.model.stream_name import StreamName
from event_bus.querying.event_finder import EventFinder
from event_bus.requests.event import EventSubmission, accept
from event_bus.requests.validation import read
from event_bus.states.folding import Snapshots
from event_bus.states.state_reader import StateReader
from event_bus.stores.deliveries import DeliveryStore
from event_bus.stores.event_items import to_item
from event_bus.stores.events import EventStore
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.reducers import ReducerStore
from event_bus.stores.rights import RightsStore
from event_bus.stores.routings import RoutingStore
from event_bus.stores.snapshots import SnapshotStore
from event_bus.stores.streams import StreamStore
from event_bus.stores.table import Table

from benchmarks.prices import READ_UNIT, WRITE_UNIT
from infra.tables import TABLES
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.tables import Tables

EVENTS = 9_950
STREAM = StreamName("planner", "task/1")
PLANNER = Caller("planner", "service")
RETENTION_DAYS = 30
MERGE = Reducer("merge")
COUNT = Reducer(
    "jsonata",
    '$merge([state, event.payload, {"count": (state.count ? state.count : 0) + 1}])',
)


class Meter:
    """A client of DynamoDB that counts its calls and their units.

    Attributes:
        calls: The number of calls, by operation.
        units: The `read` and `write` units.
        seconds: The time that the calls took.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls: Counter[str] = Counter()
        self.units: Counter[str] = Counter()
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return lambda **request: self._call(name, request)

    def _call(self, name: str, request: dict[str, Any]) -> Any:
        began = time.perf_counter()
        answer = getattr(self._client, name)(**request)
        self.seconds += time.perf_counter() - began
        self.calls[name] += 1
        if name == "put_item":
            self.units["write"] += math.ceil(_size(request["Item"]) / 1024)
        elif name == "query":
            # 4 KB of a consistent read are a unit.
            self.units["read"] += _units(sum(map(_size, answer["Items"])))
        elif name == "batch_get_item":
            found = [each for table in answer["Responses"].values() for each in table]
            self.units["read"] += sum(_units(_size(each)) for each in found)
        elif name == "get_item":
            self.units["read"] += _units(_size(answer.get("Item", {})))
        return answer


def main() -> None:
    """Prints the table of docs/architecture/performance.md."""
    print(
        f"| {EVENTS:,} events, read by | calls | read units | write units | cost of a thousand | "
        "time without DynamoDB |"
    )
    print("|---|---|---|---|---|---|")
    client = MemoryDynamoDB(Tables(TABLES))
    _fill(client)
    with ThreadPoolExecutor(8) as executor:
        for number, (name, reducer) in enumerate((("merge", MERGE), ("jsonata", COUNT)), 1):
            version = ReducerVersion("planner", "task", number, reducer, "", "planner")
            ReducerStore(Table(client, "states")).add(version)  # type: ignore[arg-type]
            for what in ("the first time", "again"):
                meter = Meter(client)
                reader = _reader(meter, executor)
                began = time.perf_counter()
                state = reader.read(STREAM, 10**15, PLANNER, lambda event: event)
                took = time.perf_counter() - began - meter.seconds
                assert (state.version, state.events) == (EVENTS, EVENTS)
                units = meter.units
                cost = units["read"] * READ_UNIT + units["write"] * WRITE_UNIT
                print(
                    f"| `{name}`, {what} | {sum(meter.calls.values())} | {units['read']:,} | "
                    f"{units['write']} | ${1000 * cost:.4f} | {took * 1000:,.0f} ms |"
                )


def _fill(client: MemoryDynamoDB) -> None:
    now = times.now()
    for version in range(1, EVENTS + 1):
        submission = {
            "id": f"evt_{version}",
            "type": "task.changed",
            "payload": {"task_id": "task_1", "status": f"status {version % 9}", "note": "x" * 200},
            "metadata": {"stream_id": STREAM.stream_id},
        }
        event = accept(read(EventSubmission, submission), "planner")
        client.put_item(TableName="events", Item=to_item(event, RETENTION_DAYS))
        entry = {
            "stream_id": {"S": STREAM.key},
            "version": {"N": str(version)},
            "event_id": {"S": event.id},
            "created_at": {"S": now},
        }
        client.put_item(TableName="streams", Item=entry)


def _reader(client: Any, executor: ThreadPoolExecutor) -> StateReader:
    nothing: Any = None
    streams = StreamStore(Table(client, "streams"))
    finder = EventFinder(
        EventStore(Table(client, "events"), PayloadStore(nothing, ""), streams),
        RoutingStore(Table(client, "deliveries")),
        DeliveryStore(Table(client, "deliveries")),
        lambda _: (),
        executor,
        RightsReader(RightsStore(Table(client, "rights"), Table(client, "changes")), "everything"),
    )
    return StateReader(
        streams,
        finder,
        ReducerStore(Table(client, "states")),
        Snapshots(
            SnapshotStore(Table(client, "states")), StateSeal(DataKeys(nothing, "")), RETENTION_DAYS
        ),
        # The whole stream is read, however long that takes here.
        clock=lambda: 0.0,
    )


def _units(size: int) -> int:
    return max(1, math.ceil(size / 4096))


def _size(item: Mapping[str, Any]) -> int:
    """Returns the size of an item, as DynamoDB counts it."""
    return sum(
        len(name.encode()) + len(value if isinstance(value, bytes) else str(value).encode())
        for name, attribute in item.items()
        for value in attribute.values()
    )


if __name__ == "__main__":
    main()
