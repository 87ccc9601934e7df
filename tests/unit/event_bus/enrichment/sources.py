"""Sources of every type that answer what a test says."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from botocore.exceptions import ClientError
from event_bus.callbacks.client import CallbackAnswer
from event_bus.enrichment.enricher import Enricher
from event_bus.enrichment.function import FunctionAsker
from event_bus.enrichment.http import HttpAsker
from event_bus.enrichment.lookup import LookupAsker
from event_bus.model.contexts import ContextEntry
from event_bus.model.delivery import DeliveryKey
from event_bus.model.enrichment import (
    HttpSource,
    LambdaSource,
    LookupSource,
    Source,
)
from event_bus.model.outcome import Outcome
from event_bus.model.schemas import SchemaVersion
from event_bus.targets.upcasting import Upcaster

from tests.builders import NOON, event, subscription

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:score"
LOOKUP = LookupSource(context="customers", key="$.payload.customer")
HTTP = HttpSource(url="https://prices.example/{sku}?in={sku}", variables={"sku": "$.payload.sku"})
SCORE = LambdaSource(function=FUNCTION)

Answered = Callable[[], Any]


@dataclass
class World:
    """Contexts, functions and URLs that answer in turn what a test says."""

    answers: list[Any] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    now: float = 1_000.0
    upcasts: dict[int, str] = field(default_factory=dict)
    guarded_sources: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.enricher = Enricher(
            {
                "lookup": LookupAsker(cast("Any", self)),
                "lambda": FunctionAsker(cast("Any", self)),
                "http": HttpAsker(cast("Any", self), lambda _: [], lambda: 1_700_000_000.5),
            },
            Upcaster(self._version),
            self,
            lambda: self.now,
            self.slept.append,
        )

    def next(self, asked: Any) -> Any:
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    # Circuits, a store of contexts, clients of Lambda and a client of callbacks.

    def guarded(self, subscription_id: str, name: str, ask: Callable[[], bytes]) -> bytes:
        self.guarded_sources.append((subscription_id, name))
        return ask()

    def get(self, service_id: str, context: str, key: str) -> ContextEntry | None:
        value = self.next((service_id, context, key))
        return value and ContextEntry(service_id, context, key, value, 1, NOON)

    def by_role(self, role_arn: str | None, external: str, seconds: float) -> Any:
        self.asked.append((role_arn, external if role_arn else None, seconds))
        return self

    def invoke(self, **asked: Any) -> Any:
        answer = self.next(asked)
        return {"Payload": io.BytesIO(answer)} if isinstance(answer, bytes) else answer

    def exchange(self, method: str, url: str, headers: Any, seconds: float) -> CallbackAnswer:
        self.headers = headers
        answer = self.next((method, url, seconds))
        return answer if isinstance(answer, CallbackAnswer) else CallbackAnswer(200, {}, "", answer)

    def _version(self, event_type: str, number: int) -> SchemaVersion | None:
        if number not in self.upcasts:
            return None
        return SchemaVersion(event_type, number, {}, None, self.upcasts[number])

    def enriched(self, payload: Any = None, service_id: str = "billing", **sources: Source) -> Any:
        """What is added to an event, parsed, or the failed outcome."""
        sent = event(payload=payload or {"customer": 42, "sku": "a/b c"})
        to = subscription(service_id=service_id, enrichment=sources)
        found = self.enricher.enriched(DeliveryKey("evt_1", "sub_1"), sent, to)
        return found if isinstance(found, Outcome) else orjson.loads(found)


def throttled(code: str = "TooManyRequestsException") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "secret"}}, "Invoke")
