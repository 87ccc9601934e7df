"""The deployed functions of the bus, in a process with simulated time and randomness."""

import concurrent.futures
import gc
import os
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar

import event_bus.delivery.replayed_stream
import event_bus.ids
import event_bus.recovery.replay_runner
import event_bus.runtime.enrichment
import event_bus.stores.listings
import event_bus.targets.http
import pytest
from event_bus import clients, times
from event_bus.callbacks.client import CallbackClient
from event_bus.log import logger
from event_bus.settings import settings
from event_bus.targets.answer_times import AnswerTimes
from event_bus.timers import Timer, Timers

from infra.tables import TABLES
from tests.aws import TARGETS
from tests.handler_modules import forget_modules, handler_module
from tests.simulation.sources import asked_by
from tests.timed_transport import TimedTransport

if TYPE_CHECKING:
    from event_bus.targets.answers import Replies

    from tests.simulation.world import World

_Item = TypeVar("_Item")

RETENTION_DAYS = 30


QUEUES = (
    "http_lane",
    "http_paced_lane",
    "http_slow_lane",
    "inbox_lane",
    "enrich_lane",
    "unroutable_queue",
    "replay_queue",
    "audit_queue",
)
"""The queues that have a redrive queue, by their names in the settings of functions."""


_ENVIRONMENT = {
    **{table.variable: table.name for table in TABLES},
    **{f"{queue.upper()}_URL": queue for queue in QUEUES},
    "ENRICH_FUNCTION": "enrich",
    "PAYLOADS_BUCKET": "payloads",
    "ADMIN_SECRET_ARN": "admin",
    "SEALING_KEY_ARN": "sealing",
    "RETENTION_DAYS": str(RETENTION_DAYS),
    "ARCHIVE_AFTER_DAYS": "0",
    "PACED_SHARE": "2",
    "WAITING_REQUESTS": "50",
    "KEY_RATE": "200",
    "SERVICE_SUBSCRIPTIONS": "10000",
    "SERVICE_LISTENERS": "10000",
    "API_HOST": "bus.example",
    "STAGE": "local",
    "DEFAULT_RECEIVE": "everything",
    "SOCKET_API_ID": "sockets",
    **TARGETS,
}
"""The environment of all functions."""


class Inline:
    """An executor without threads."""

    def __init__(self, *_: object) -> None: ...

    def map(self, function: Callable[..., Any], *arguments: Iterable[Any]) -> Iterator[Any]:
        return iter([function(*each) for each in zip(*arguments, strict=False)])

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Any:
        result = function(*arguments)
        return SimpleNamespace(result=lambda: result)


class NoTimers(Timers):
    """Timers that never act: time stands still while an attempt is made."""

    def after(self, _seconds: float, act: Callable[[], None]) -> Timer:
        return Timer(act)


class Processes:
    """The processes that run functions at present, one for each function."""

    def __init__(self) -> None:
        self._running: dict[str, ModuleType] = {}

    def handler(self, function: str) -> Callable[[Any, Any], Any]:
        """Returns what Lambda calls; starts the process if it does not run."""
        if function not in self._running:
            self._running[function] = handler_module(function)
            # Otherwise the modules would keep this world until the function's next process starts.
            forget_modules(function)
        handler: Callable[[Any, Any], Any] = self._running[function].handler
        return handler

    def end(self, function: str) -> None:
        """Ends the process of a function, with everything in its memory."""
        self._running.pop(function, None)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keeps the garbage collector out of the block: a simulation is short, and it costs a tenth."""
    _freeze()
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def one_by_one(items: Iterable[_Item]) -> Iterator[_Item]:
    """Yields items, and collects the garbage of each simulation as soon as it has ended.

    Otherwise its world is searched while it is in use, and again with twenty later ones.

    Args:
        items: One for each simulation. Nothing may refer to its world when the next one is taken.
    """
    with _uncollected():
        for item in items:
            yield item
            gc.collect(0)


@cache
def _freeze() -> None:
    """Takes all modules out of later collections."""
    gc.collect()
    gc.freeze()


@contextmanager
def simulated(world: "World", seed: int) -> Iterator[None]:
    """Runs the functions in a world, deterministically, until the end of the block."""
    state = random.getstate()
    level = logger.log_level
    random.seed(seed)
    numbers = iter(range(1, 10**9))
    clock = SimpleNamespace(
        time=lambda: world.clock, monotonic=lambda: world.clock, sleep=world.wait
    )
    with _uncollected(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(times, "time", clock)
        patch.setattr(times, "_steady_clock", times.SteadyClock())
        for name, count in (("ROWS", 2), ("COLUMNS", 1), ("SHARDS", 2)):
            # A call for each cell of a large grid would add no other faults.
            patch.setattr(event_bus.stores.listings, name, count)
        for module in (event_bus.recovery.replay_runner, event_bus.delivery.replayed_stream):
            # A few events of a stream are on several pages.
            patch.setattr(module, "_PAGE", 2)
        # Sorts by time, as a ULID does.
        patch.setattr(event_bus.ids, "ULID", lambda: f"{next(numbers):026d}")
        patch.setattr(concurrent.futures, "ThreadPoolExecutor", Inline)
        # The frozen objects stay: one index for each process of each world.
        patch.setattr(gc, "freeze", lambda: None)
        patch.setattr(
            event_bus.targets.http,
            "HttpTransport",
            partial(_transport, world),
        )
        patch.setattr(CallbackClient, "exchange", asked_by(world))
        patch.setattr(event_bus.runtime.enrichment, "Timers", NoTimers)
        for name, client in world.clients.items():
            patch.setattr(clients, name, lambda *_, client=client: client)
        # A plain dict: each process reads all of it.
        patch.setattr(os, "environ", {**os.environ, **_ENVIRONMENT})
        settings.cache_clear()
        logger.setLevel("CRITICAL")
        try:
            yield
        finally:
            logger.setLevel(level)
            settings.cache_clear()
            random.setstate(state)


def deploy_anew(world: "World", **variables: str) -> None:
    """Changes the settings of functions, until the end of the simulation."""
    os.environ.update(variables)
    settings.cache_clear()
    world.end_processes()


def _transport(world: "World", *_: object, replies: "Callable[[], Replies]") -> TimedTransport:
    """The transport of callbacks in a process: the subscribers of the world."""
    world.replies = replies
    return TimedTransport(world, AnswerTimes(timers=NoTimers()))
