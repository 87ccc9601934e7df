"""Streams against a model in plain Python: any sequence of appends, deletions and truncations."""

from dataclasses import dataclass, field
from typing import Any

from event_bus.model.stream_name import StreamName
from event_bus.stores.events import EventStore, Put
from event_bus.stores.payloads import PayloadStore
from event_bus.stores.refusals import StreamDeleted, WrongVersion
from event_bus.stores.streams import StreamStore, last_with
from event_bus.stores.table import Table
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from infra.tables import TABLES
from tests.builders import event
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.s3 import MemoryS3
from tests.simulation.tables import Tables

NAMES = ["task/1", "task/2", "order/1"]
STREAMS = st.sampled_from(NAMES)
EXPECTED = st.one_of(st.none(), st.integers(0, 6), st.sampled_from(["none", "exists"]))


@dataclass
class Model:
    """One stream as a list."""

    ids: list[str] = field(default_factory=list)
    deleted: bool = False
    hidden: int = 1

    def takes(self, expected: Any) -> bool:
        """Whether it has the expected version."""
        if expected == "none":
            return not self.ids
        if expected == "exists":
            return bool(self.ids)
        return expected in (None, len(self.ids))


class Streams(RuleBasedStateMachine):
    """The store and the model are told the same, and must say the same."""

    def __init__(self) -> None:
        super().__init__()
        client: Any = MemoryDynamoDB(Tables(TABLES))
        payloads: Any = MemoryS3({})
        self.streams = StreamStore(Table(client, "streams"))
        self.events = EventStore(Table(client, "events"), PayloadStore(payloads, ""), self.streams)
        self.models = {name: Model() for name in NAMES}
        self.made = 0

    @rule(stream=STREAMS, count=st.integers(1, 4), expected=EXPECTED)
    def append(self, stream: str, count: int, expected: Any) -> None:
        ids = [f"evt_{self.made + number}" for number in range(count)]
        self.made += count
        self._append(stream, ids, expected)

    @rule(stream=STREAMS, data=st.data(), expected=EXPECTED)
    def repeat(self, stream: str, data: st.DataObject, expected: Any) -> None:
        stored = self.models[stream].ids
        if stored:
            first = data.draw(st.integers(0, len(stored) - 1))
            some = stored[first : first + 3]
            sent = [event(each, metadata={"stream_id": stream}) for each in some]
            results = self.events.append(sent, 1, expected)
            assert [put for put, _ in results] == [Put.REPEATED] * len(some)
            versions = [each.stream_version for _, each in results]
            assert versions == list(range(first + 1, first + 1 + len(some)))

    @rule(stream=STREAMS, data=st.data())
    def mix(self, stream: str, data: st.DataObject) -> None:
        """A stored event and a new one together: neither is stored once more."""
        model = self.models[stream]
        if model.ids:
            known = data.draw(st.sampled_from(model.ids))
            sent = [event(each, metadata={"stream_id": stream}) for each in (known, "evt_new")]
            results = self.events.append(sent, 1)
            assert [put for put, _ in results] == [Put.REPEATED, Put.FREE]

    @rule(stream=STREAMS)
    def delete(self, stream: str) -> None:
        model, name = self.models[stream], StreamName("planner", stream)
        if model.ids and not model.deleted:
            self.streams.delete(name, len(model.ids))
            model.deleted = True

    @rule(stream=STREAMS, version=st.integers(1, 6))
    def truncate(self, stream: str, version: int) -> None:
        model = self.models[stream]
        if model.ids and not model.deleted:
            self.streams.truncate(StreamName("planner", stream), version)
            model.hidden = max(model.hidden, version)

    def _append(self, stream: str, ids: list[str], expected: Any) -> None:
        model = self.models[stream]
        sent = [event(each, metadata={"stream_id": stream}) for each in ids]
        try:
            results = self.events.append(sent, 1, expected)
        except StreamDeleted:
            said: Any = "deleted"
        except WrongVersion as refused:
            said = refused.version
        else:
            assert {put for put, _ in results} == {Put.STORED}
            said = "stored"
        if model.deleted:
            assert said == "deleted"
        elif model.takes(expected):
            assert said == "stored"
            model.ids += ids
        else:
            assert said == len(model.ids)

    @invariant()
    def both_say_the_same(self) -> None:
        listed = self.streams.listed("planner", " ", last_with(""), None, 9)
        assert [each.name.stream_id for each in listed] == sorted(
            name for name, model in self.models.items() if model.ids
        )
        for name, model in self.models.items():
            stream = StreamName("planner", name)
            entries = self.streams.after(stream, 0, 99)
            places = [(each.version, each.event_id) for each in entries]
            assert places == list(enumerate(model.ids, 1))
            back = self.streams.between(stream, 1, 99, 99, newest_first=True)
            assert back == entries[::-1]
            end = self.streams.end(stream)
            assert (end.version, end.deleted) == (len(model.ids), model.deleted)
            visible = self.streams.marks(stream).first_visible
            assert (visible > 99) if model.deleted else (visible == model.hidden)
        assert self.events.get("evt_new") is None


Streams.TestCase.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
TestStreams = Streams.TestCase
