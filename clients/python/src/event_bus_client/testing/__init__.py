"""A bus in memory, for the unit tests of programs that use the client.

It needs the extra `testing`.
"""

from event_bus_client.testing.fake_bus import FailedDelivery, FakeBus

__all__ = ["FailedDelivery", "FakeBus"]
