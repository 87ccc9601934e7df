"""Events as classes: a pydantic model for the payload of each type."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from event_bus_client.errors import ConfigurationError
from event_bus_client.models import Event, NewEvent

Model = TypeVar("Model", bound=BaseModel)

_MODELS: dict[str, type[BaseModel]] = {}
_TYPES: dict[type[BaseModel], str] = {}


class Payload(BaseModel):
    """The base of generated payloads: it is sent by the names of the schema.

    An optional member that was not set is left out, since a schema may refuse null.
    """

    model_config = ConfigDict(populate_by_name=True)

    @model_serializer(mode="wrap")
    def _as_sent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        members: dict[str, Any] = handler(self)
        for name, field in type(self).model_fields.items():
            alias = field.alias or name
            value = members.pop(name, members.pop(alias, None))
            if value is not None or name in self.model_fields_set:
                members[alias] = value
        return members


def event_type(name: str) -> Callable[[type[Model]], type[Model]]:
    """Declares a pydantic model as the payload of events of a type.

    Example:
        ```python
        @event_type("order.placed")
        class OrderPlaced(BaseModel):
            total: int


        bus.publish(OrderPlaced(total=250))
        ```

    Args:
        name: The event type.
    """

    def declare(model: type[Model]) -> type[Model]:
        _MODELS[name] = model
        _TYPES[model] = name
        return model

    return declare


def type_of(payload: BaseModel) -> str:
    """Returns the event type of a payload.

    Raises:
        ConfigurationError: Its class was not declared by `event_type`.
    """
    return declared_type(type(payload))


def declared_type(model: type[BaseModel]) -> str:
    """Returns the event type of a model.

    Raises:
        ConfigurationError: It was not declared by `event_type`.
    """
    for each in model.__mro__:
        if each in _TYPES:
            return _TYPES[each]
    raise ConfigurationError(
        f"{model.__name__} has no event type: declare it with @event_type('...')."
    )


def parse(event: Event) -> BaseModel | None:
    """Reads an event's payload as the model that was declared for its type; None if none was.

    Raises:
        pydantic.ValidationError: The payload does not fit the model.
    """
    model = _MODELS.get(event.type)
    return None if model is None else event.payload_as(model)


def new_event(
    what: str | BaseModel, payload: dict[str, Any] | bytes | None, **members: Any
) -> NewEvent:
    """Makes the event that `publish` sends.

    Args:
        what: An event type, or the payload as a declared model.
        payload: The payload, if `what` is a type.
        members: Further members of the event.

    Raises:
        ConfigurationError: There is a payload beside a model.
    """
    if isinstance(what, BaseModel):
        if payload is not None:
            raise ConfigurationError("Pass either a model or a type with a payload, not both.")
        return NewEvent(type=type_of(what), payload=what.model_dump(mode="json"), **members)
    return NewEvent(type=what, payload={} if payload is None else payload, **members)
