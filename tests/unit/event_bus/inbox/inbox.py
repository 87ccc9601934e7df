"""The time of tests of inboxes, and how they fill one."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from event_bus.inbox.reader import InboxReader

from tests.aws import Aws

Fill = Callable[..., None]
"""Puts events into the inbox of `sub_1`; those that are said to be `gone` are not stored."""


class Time:
    """The time of a test.

    Attributes:
        now: The present time, in Unix seconds.
        waiting: What happens while somebody waits, in turn.
    """

    def __init__(self) -> None:
        self.now = 1_800_000_000.25
        self.waiting: list[Callable[[], object]] = []

    def sleep(self, seconds: float) -> None:
        """Lets seconds pass."""
        self.now += seconds
        if self.waiting:
            self.waiting.pop(0)()


def reader_of(aws: Aws, executor: Executor, **time: Any) -> InboxReader:
    """Reads the inboxes; by the time of the machine, if no other is given."""
    return InboxReader(
        aws.inboxes,
        aws.events,
        aws.readers,
        aws.upcaster,
        aws.rights_reader,
        aws.subscriptions.get,
        executor,
        **time,
    )
