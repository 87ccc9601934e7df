"""Targets of subscriptions, made from the registry of targets."""

from dataclasses import fields
from inspect import getdoc
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, NotRequired, Union, get_args, get_type_hints

from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from event_bus.api.schemas import Schema
from event_bus.targets.registry import TARGETS
from event_bus.targets.requests.target_request import TargetRequest
from event_bus.targets.target_type import TargetType

_TYPE = {"type": "The type of target."}


def _document(target: TargetType, request: type[TargetRequest]) -> Any:
    """Makes the model of a target as answers show it."""
    hints = get_type_hints(target.settings)
    members: dict[str, Any] = {}
    for name in ("type", *(each.name for each in fields(target.settings))):
        present = [kind for kind in get_args(hints[name]) if kind is not NoneType]
        if NoneType in get_args(hints[name]):
            # A member that is None is left out.
            members[name] = NotRequired[_described(target, name, Union[tuple(present)])]  # noqa: UP007
        else:
            members[name] = _described(target, name, hints[name])
    for name, kind in request.derived.items():
        members[name] = NotRequired[kind]
    make: Any = TypedDict
    document = make(target.settings.__name__, members)
    document.__doc__ = (getdoc(target.settings) or "").partition("\n")[0]
    return document


def _described(target: TargetType, name: str, kind: Any) -> Any:
    said = ({**_TYPE, **target.members}).get(name)
    return Annotated[kind, Field(description=said)] if said else kind


def describe_requests(schemas: dict[str, Schema]) -> None:
    """Adds the meaning of each member to the schemas of targets as clients send them.

    Args:
        schemas: The schemas of the OpenAPI document, by name.
    """
    for target, request in zip(TARGETS.all(), TARGETS.requests(), strict=True):
        properties, members = schemas[request.__name__]["properties"], {**_TYPE, **target.members}
        for name in properties.keys() & members.keys():
            properties[name]["description"] = members[name]


if TYPE_CHECKING:
    Target = dict[str, Any]
else:
    Target = TypeAliasType(
        "Target",
        Annotated[
            Union[tuple(map(_document, TARGETS.all(), TARGETS.requests()))],  # noqa: UP007
            Field(discriminator="type"),
        ],
    )
"""A target as answers show it."""
