"""Simulated AWS around the functions, where any call may fail, and a clock that tests set."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from event_bus.access.callers import Caller
from event_bus.inbox.sse_format import MEDIA_TYPE
from event_bus.queues.sending import NotSent

from infra.tables import TABLES
from tests.permitted_uses import permitted
from tests.requests import http_request
from tests.simulation.dynamodb import MemoryDynamoDB
from tests.simulation.faults import AwsCall, CallFault, ProcessExit, running_lines
from tests.simulation.functions import MemoryFunctions
from tests.simulation.kms import MemoryKms
from tests.simulation.known import FunctionCall, Knowledge, Violation
from tests.simulation.process import QUEUES, Processes
from tests.simulation.s3 import MemoryS3
from tests.simulation.seam import error
from tests.simulation.sockets import GapFound, MemoryConnections, SimulatedSocketClient
from tests.simulation.sources import SimulatedSource
from tests.simulation.sqs import MemorySqs, SqsQueue, SqsQueues
from tests.simulation.tables import REMEMBERED_SECONDS, Tables

NOON = 1_777_636_800.0
"""The start of the clock: 2026-05-01T12:00:00Z."""

UNSENDABLE = "unsendable"
"""The prefix of ids of events whose messages SQS always refuses."""

_VISIBILITY_SECONDS = 360.0

DELAY_SECONDS = 1_000.0

STREAM_SHARDS = 3

_EXPECTED = (ClientError, BotoCoreError, TimeoutError, NotSent, RuntimeError)
"""The errors that a function may raise when AWS fails; any other is a fault of the function."""


class Surroundings(Knowledge):
    """Simulated AWS around the functions, beside the knowledge of clients and subscribers.

    Attributes:
        now: The time, in Unix seconds.
        running: The function that runs.
        clock_errors: The errors of the functions' clocks, in seconds.
        calls: How many calls to AWS were made by functions so far.
        made: Which calls they were.
        traced: Whether each of them is recorded with the lines that made it.
        spoiled: Whether any of them went wrong.
        staleness: How many of the reads that need not be consistent answer the past, from 0 to 1.
        forgetful: How many of the messages that were deleted a queue hands over again, from 0 to 1.
        rival: What somebody else does, once, while a process stands still.
        archives: Whether old events are archived.
        source: What enrichments of the type `http` ask.
    """

    def __init__(
        self,
        seed: int = 0,
        faults: tuple[CallFault, ...] = (),
        chaos: float = 0.0,
        staleness: float = 0.0,
        forgetful: float = 0.05,
    ) -> None:
        super().__init__()
        self.now = NOON
        self.running = ""
        self.clock_errors: dict[str, float] = {}
        self.rng = random.Random(seed)
        self.faults = {fault.call: fault.mode for fault in faults}
        self.chaos = chaos
        self.staleness = staleness
        self.forgetful = forgetful
        self.calls = 0
        self.made: list[AwsCall] = []
        self.traced = False
        self.happened: Counter[str] = Counter()
        self.standstills: list[tuple[float, float]] = []
        self.spoiled = False
        self.tables = Tables(TABLES, lambda: self.now)
        self.queues = SqsQueues(lambda: self.now)
        self.queues.refuses = _unsendable
        self.objects: dict[tuple[str, str], bytes] = {}
        for name in QUEUES:
            self.queues.create(f"{name}_redrive", SqsQueue(_VISIBILITY_SECONDS))
            self.queues.create(name, SqsQueue(_VISIBILITY_SECONDS, f"{name}_redrive"))
        self.sockets: list[SimulatedSocketClient] = []
        self.clients = {
            "dynamodb": MemoryDynamoDB(
                self.tables, self.intercept, age=self._age, check=self._check_grant
            ),
            "sqs": MemorySqs(self.queues, self.intercept, check=self._check_grant),
            "s3": MemoryS3(self.objects, self.intercept, check=self._check_grant),
            "connections": MemoryConnections(self.sockets, self.intercept),
            "kms": MemoryKms({}, self.intercept, check=self._check_grant),
            "functions": MemoryFunctions(self._call, self.intercept, self._check_grant),
        }
        self.moves = 0
        self.rival: Callable[[], object] | None = None
        self.archives = False
        self.source = SimulatedSource()
        self._processes = Processes()
        self._shards: list[list[tuple[list[dict[str, Any]], int]]] = [
            [] for _ in range(STREAM_SHARDS)
        ]
        self._pushes: list[list[tuple[list[dict[str, Any]], int]]] = [[] for _ in range(2)]
        self._streamed = self._pushed = 0
        self._nested = False
        self._dead = False
        self._swept = self.now

    def intercept(self, service: str, operation: str, carry_out: Callable[[], Any]) -> Any:
        """Carries out a call, unless it gets a fault."""
        if self._dead:
            # Code of a crashed process that still runs makes no calls.
            raise ProcessExit
        self.hand_over()
        self.calls += 1
        lines = running_lines() if self.traced else ()
        call = AwsCall(f"{service}.{operation}", self.moves, self.now, self.running, lines)
        self.made.append(call)
        mode = self.faults.get(self.calls)
        if mode is None and self.chaos and self.rng.random() < self.chaos:
            mode = self.rng.choice(
                ("refused", "lost", "repeated", "exit_before", "exit_after", "throttled", "delayed")
            )
        if mode is None:
            return carry_out()
        self.happened[mode] += 1
        self.spoiled = True
        return self._spoil(mode, operation, carry_out)

    def _check_grant(self, action: str, resource: str) -> None:
        """Demands that the role of the running function permits an action on a resource.

        Raises:
            Violation: AWS would refuse the call.
        """
        if self.running and not permitted(self.running, action, resource, archives=self.archives):
            raise Violation(f"{self.running} has no permission for {action} on {resource}")

    def _age(self) -> float:
        if self.staleness and self.rng.random() < self.staleness:
            return self.rng.uniform(0, REMEMBERED_SECONDS)
        return 0.0

    def _spoil(self, mode: str, operation: str, carry_out: Callable[[], Any]) -> Any:
        if mode == "refused":
            raise ConnectionClosedError(endpoint_url="https://aws.example")
        if mode == "exit_before":
            self._dead = True
            raise ProcessExit
        if mode == "throttled":
            raise error("ThrottlingException", operation)
        if mode == "delayed":
            self._stand_still()
            return carry_out()
        answer = carry_out()
        if mode == "lost":
            raise ConnectionClosedError(endpoint_url="https://aws.example")
        if mode == "exit_after":
            self._dead = True
            raise ProcessExit
        return carry_out() if mode == "repeated" else answer

    def _stand_still(self) -> None:
        if self._nested:
            return
        self._nested = True
        own, self._processes = self._processes, Processes()
        began = self.now
        self.now += DELAY_SECONDS
        rival, self.rival = self.rival, None
        try:
            if rival:
                rival()
            for _ in range(40):
                if not self._step():
                    break
        finally:
            self._processes, self._nested = own, False
            self.standstills.append((began, self.now))

    def before(self, seconds: float) -> float:
        """Returns the time some seconds ago, without those for which a fault stopped a function."""
        then, left = self.now, seconds
        for began, ended in reversed(self.standstills):
            if then - ended >= left:
                break
            left -= then - ended
            then = began
        return then - left

    def has_expired(self, item: dict[str, Any], at: float | None = None) -> bool:
        """Returns whether an item counts as gone at a time, though DynamoDB has not deleted it."""
        moment = self.now if at is None else at
        return "expires_at" in item and int(item["expires_at"]["N"]) <= moment

    def event_has_expired(self, event_id: str) -> bool:
        """Returns whether an event counts as gone."""
        item = self.tables.items["events"].get((event_id,))
        return item is not None and self.has_expired(item)

    def end_processes(self) -> None:
        """Ends all processes, with everything in their memory."""
        self._processes = Processes()

    def wait(self, seconds: float) -> None:
        """Lets time pass."""
        self.now += seconds
        self.hand_over()

    def hand_over(self) -> None:
        """Continues other operations, if functions and clients overlap; here they do not."""

    def running_call(self) -> FunctionCall | None:
        """Returns the running call of a function, if functions overlap; None if they do not."""
        return None

    def invoke(self, function: str, event: dict[str, Any]) -> Any:
        """Calls a function; returns None if it failed or crashed."""
        return self._call(function, event)[1]

    def _call(self, function: str, event: dict[str, Any]) -> tuple[bool, Any]:
        """Calls a function; returns whether it succeeded, and its answer."""
        self.moves += 1
        self.now += 0.01
        processes = self._processes
        before, self.running = self.running, function
        try:
            return True, processes.handler(function)(event, None)
        except ProcessExit:
            self._dead = False
            processes.end(function)
        except (Violation, GapFound):
            raise
        except Exception as failure:
            self.happened[type(failure).__name__] += 1
        finally:
            self.running = before
        return False, None

    @property
    def clock(self) -> float:
        """Returns the time on the clock of the running function, in Unix seconds."""
        return self.now + self.clock_errors.get(self.running, 0.0)

    def request(
        self, function: str, route: str, caller: Caller, body: Any = None, **members: Any
    ) -> tuple[int, Any]:
        """Makes a request to the API once; the status is 0 if no answer came."""
        text = None if body is None else orjson.dumps(body).decode()
        answer = self.invoke(function, http_request(route, caller=caller, body=text, **members))
        if answer is None:
            return 0, None
        if answer["headers"].get("content-type") == MEDIA_TYPE:
            return answer["statusCode"], answer["body"]
        return answer["statusCode"], orjson.loads(answer["body"] or "null")

    def insist(
        self, function: str, route: str, caller: Caller, body: Any = None, **members: Any
    ) -> tuple[int, Any]:
        """Repeats a request until it is answered."""
        for _ in range(20):
            status, answer = self.request(function, route, caller, body, **members)
            if status not in (0, 500, 502, 503):
                return status, answer
            if status == 500:
                raise Violation(f"{route} was answered 500")
            self.now += 1
        raise Violation(f"{route} is never answered")

    # What the world does.

    def settle(self) -> None:
        """Runs the world until nothing is left to do."""
        raise NotImplementedError

    def _step(self) -> bool:
        """Runs one step, if there is any."""
        raise NotImplementedError


def _unsendable(url: str, body: str) -> bool:
    return url.endswith(("_lane", "_paced", "_slow")) and f'"event_id":"{UNSENDABLE}' in body
