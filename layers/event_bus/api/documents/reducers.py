"""Reducers of stream categories."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from event_bus.api.documents.members import Page, Time
from event_bus.model.reducer import ReducerType, ReducerVersion
from event_bus.targets.aws_target import MEMBERS


class Reducer(TypedDict):
    """A version of the reducer of a category.

    Attributes:
        source: The service that owns the streams.
        category: The category of the streams.
        created_by: The service that registered the version, or `admin`.
        created_at: When the version was registered.
    """

    source: str
    category: str
    version: Annotated[int, Field(ge=1, description="No number is used twice.")]
    type: Annotated[
        ReducerType | None, Field(description="Null if the version removed the reducer.")
    ]
    expression: Annotated[
        str | None, Field(description="The JSONata expression, of the type `jsonata`.")
    ]
    function: Annotated[
        str | None,
        Field(description="The ARN of a version of a function, of the type `lambda`."),
    ]
    role_arn: Annotated[str | None, Field(description=MEMBERS["role_arn"])]
    external_id: Annotated[str | None, Field(description=MEMBERS["external_id"])]
    created_by: str
    created_at: Time


class ReducerPage(Page):
    """A page of reducers, or of versions of one."""

    items: list[Reducer]


def reducer_document(version: ReducerVersion) -> Reducer:
    """Returns a version of a reducer."""
    reducer = version.reducer
    return {
        "source": version.source,
        "category": version.category,
        "version": version.number,
        "type": reducer.type if reducer else None,
        "expression": reducer.expression if reducer else None,
        "function": reducer.function if reducer else None,
        "role_arn": reducer.role_arn if reducer else None,
        "external_id": reducer.external_id if reducer else None,
        "created_by": version.created_by,
        "created_at": version.created_at,
    }
