"""The common part of receivers: handlers by type, answers to the bus, calls of functions."""

import asyncio
import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ParamSpec, TypeVar, cast, overload

from anyio import CancelScope, to_thread
from pydantic import BaseModel, ValidationError

from event_bus_client.errors import ConfigurationError, EventBusError, SignatureError
from event_bus_client.event_types import declared_type
from event_bus_client.models import Event
from event_bus_client.webhooks import Webhook

logger = logging.getLogger("event_bus_client")

Model = TypeVar("Model", bound=BaseModel)
Returned = TypeVar("Returned")
Parameters = ParamSpec("Parameters")
EventHandler = Callable[[Event], Any]
ModelHandler = Callable[[Model, Event], Any]

MAX_BODY_BYTES = 4 * 1024 * 1024
"""How large a webhook may be. The bus sends payloads of up to 1 MiB."""

BUSY_SECONDS = 5
"""When the bus should come again with a delivery that is being handled."""


class TryLater(EventBusError):
    """A handler raises this to have the event delivered again.

    Attributes:
        seconds: How long the bus should wait.
    """

    def __init__(self, message: str, seconds: int = 30) -> None:
        super().__init__(message)
        self.seconds = seconds


class Refused(EventBusError):
    """A handler raises this to refuse an event for good.

    A command then fails with this message. Other events are delivered again, unless the retry
    policy of the subscription says that a 4xx is final.
    """


@dataclass(frozen=True)
class Answer:
    """The HTTP answer to a webhook.

    Attributes:
        status: The HTTP status.
        body: What to say. The bus keeps its beginning with the attempt.
        media_type: The content type of the body.
        headers: Headers beside the content type.
    """

    status: int
    body: str = ""
    media_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Handler:
    pattern: str
    model: type[BaseModel] | None
    function: Callable[..., Any]


class Handlers:
    """Handler functions by event type; the first one that fits is called."""

    def __init__(self, *, coroutines: bool) -> None:
        """Begins without handlers.

        Args:
            coroutines: Whether a handler may be a coroutine function.
        """
        self._handlers: list[_Handler] = []
        self._coroutines = coroutines

    @overload
    def on(self, what: type[Model]) -> Callable[[ModelHandler[Model]], ModelHandler[Model]]: ...

    @overload
    def on(self, what: str) -> Callable[[EventHandler], EventHandler]: ...

    def on(self, what: str | type[BaseModel]) -> Callable[[Any], Any]:
        """Declares a function as the handler of events.

        Args:
            what: A type or a pattern, such as `order.*`: the function takes the event. Or a model
                declared by `event_type`: the function takes the payload as the model, and the
                event.

        Raises:
            ConfigurationError: The pattern is not valid, the model is not declared, or the
                function is a coroutine function where none is called.
        """
        pattern = what if isinstance(what, str) else declared_type(what)
        model = None if isinstance(what, str) else what
        try:
            _types().validate_type_pattern(pattern)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            if inspect.iscoroutinefunction(function) and not self._coroutines:
                raise ConfigurationError(f"{function.__name__} is async: use an AsyncReceiver.")
            self._handlers.append(_Handler(pattern, model, function))
            return function

        return declare

    def find(self, event: Event) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
        """Finds the function for an event and its arguments; None if none handles its type.

        Raises:
            pydantic.ValidationError: The payload does not fit the model.
        """
        for each in self._handlers:
            if _types().matches_type(each.pattern, event.type):
                typed = () if each.model is None else (event.payload_as(each.model),)
                return each.function, (*typed, event)
        return None


def _types() -> ModuleType:
    # Only receivers need it, and in the repository the bus's own code must be there.
    from event_bus_client._bus.matching import event_types  # noqa: PLC0415

    return event_types


def opened(
    webhook: Webhook | None, method: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, Event] | Answer:
    """Checks a request.

    Args:
        webhook: Verifies it.
        method: Its HTTP method.
        headers: Its headers.
        body: Its body as it came.

    Returns:
        The id of the delivery and its event, or what to answer instead.

    Raises:
        ConfigurationError: There is no secret to verify it with.
    """
    if webhook is None:
        raise ConfigurationError("A receiver of webhooks needs their signing secret.")
    lower = {name.lower(): value for name, value in headers.items()}
    if method == "OPTIONS":
        origin = lower.get("webhook-request-origin")
        allowed = {"webhook-allowed-origin": origin} if origin else {}
        return Answer(200, headers={"allow": "POST, OPTIONS", **allowed})
    if method != "POST":
        return Answer(405, "Webhooks are sent by POST.", headers={"allow": "POST, OPTIONS"})
    if len(body) > MAX_BODY_BYTES:
        return Answer(413, f"A webhook has at most {MAX_BODY_BYTES} bytes.")
    try:
        delivery_id = webhook.check(lower, body)
    except SignatureError as refusal:
        return Answer(401, str(refusal))
    try:
        return delivery_id, Event.model_validate(json.loads(body))
    except (ValueError, RecursionError):
        said = "The body is signed, but it is not an event."
        return Answer(422, f"{said} A receiver needs a subscription without a transform.")


def delivery_id_of(event: Event) -> str:
    """Returns the id of a delivery that did not come by HTTP: the same if it is repeated."""
    replay_id = event.metadata.replay_id
    return f"{event.id}:{replay_id}" if replay_id else event.id


def failure_answer(event: Event, failure: Exception) -> Answer:
    """Makes the answer for an event that was not handled."""
    if isinstance(failure, TryLater):
        return Answer(503, str(failure), headers={"retry-after": str(failure.seconds)})
    if isinstance(failure, Refused):
        return _problem(str(failure))
    if isinstance(failure, ValidationError):
        faults = "; ".join(
            f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in failure.errors()[:5]
        )
        logger.error("event %s (%s) has another payload: %s", event.id, event.type, faults)
        return _problem("The payload is not as expected", faults)
    logger.error("event %s (%s) was not handled", event.id, event.type, exc_info=failure)
    return Answer(500, "The event was not handled.")


def returned_answer(returned: str) -> Answer:
    """Makes the answer for a handled event, with the result of the function as the reply."""
    return Answer(200, returned, "application/json") if returned else Answer(204)


def as_json(returned: Any) -> str:
    """Returns the result of a function in the form that is stored and sent; empty for None."""
    if returned is None:
        return ""
    if isinstance(returned, BaseModel):
        return returned.model_dump_json()
    return json.dumps(returned)


def _problem(title: str, detail: str | None = None) -> Answer:
    # To the bus, problem details say that a command has failed for good.
    document = {"title": title, "status": 422, **({"detail": detail} if detail else {})}
    return Answer(422, json.dumps(document), "application/problem+json")


async def acall(
    function: Callable[Parameters, Awaitable[Returned] | Returned],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> Returned:
    """Calls a function from asyncio; one without `async` runs in a thread, so that it may block."""
    if inspect.iscoroutinefunction(function):
        return cast("Returned", await function(*args, **kwargs))
    returned = await to_thread.run_sync(lambda: function(*args, **kwargs))
    return cast("Returned", await returned if inspect.isawaitable(returned) else returned)


async def ashielded(
    function: Callable[Parameters, Awaitable[None] | None],
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> None:
    """Calls a function from asyncio, and lets it end even if the caller's task is cancelled.

    Raises:
        asyncio.CancelledError: The task was cancelled meanwhile. The function has ended.
    """
    work = asyncio.ensure_future(acall(function, *args, **kwargs))
    cancelled: asyncio.CancelledError | None = None
    # Anyio would cancel this task again and again until the function ends. The scope prevents it.
    with CancelScope(shield=True):
        while not work.done():
            try:
                await asyncio.wait((work,))
            except asyncio.CancelledError as error:  # noqa: PERF203 - there may be several
                cancelled = error
    if cancelled:
        raise cancelled
    work.result()


def call(
    function: Callable[Parameters, Returned], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Returned:
    """Calls a function."""
    return function(*args, **kwargs)


# Without asyncio, a request is not cancelled.
shielded = call
