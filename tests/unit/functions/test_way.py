"""The functions carry an event from the stream to its subscriber on moto."""

from tests.contracts.way import WayContract


class TestWay(WayContract): ...
