"""The functions carry an event from the stream to its subscriber on moto."""

from tests.contracts.event_path import EventPathContract


class TestEventPath(EventPathContract): ...
