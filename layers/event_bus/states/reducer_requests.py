"""Reads the registration of a reducer from a request."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Discriminator, Field, RootModel

from event_bus.expressions.limits import MAX_EXPRESSION_CHARACTERS
from event_bus.model.reducer import Reducer
from event_bus.requests.validation import RequestModel, checked
from event_bus.targets.lambda_function import FUNCTIONS
from event_bus.targets.requests.target_request import RoleArn


def _check_version(arn: str) -> None:
    FUNCTIONS.check(arn)
    name, _, version = arn.rpartition(":")
    if not version.isdecimal() or name.endswith(":function"):
        raise ValueError(
            "must end in the number of a published version, such as :1. The code of $LATEST and of "
            "an alias can change, and the same events must always make the same state"
        )


class MergeReducer(RequestModel):
    """Merges payloads in order, as JSON Merge Patches.

    Attributes:
        type: The kind of reducer.
    """

    type: Literal["merge"]

    def reducer(self) -> Reducer:
        """Returns the reducer."""
        return Reducer("merge")


class JsonataReducer(RequestModel):
    """Makes each state from the one before and an event, by an expression.

    Attributes:
        type: The kind of reducer.
        expression: The JSONata expression, whose result is the next state.
    """

    type: Literal["jsonata"]
    expression: Annotated[str, Field(min_length=1, max_length=MAX_EXPRESSION_CHARACTERS)]

    def reducer(self) -> Reducer:
        """Returns the reducer."""
        return Reducer("jsonata", expression=self.expression)


class LambdaReducer(RequestModel):
    """Makes a state from the one before and the events that follow, by a function.

    Attributes:
        type: The kind of reducer.
        function: The ARN of a published version of a function.
        role_arn: The role with which the bus reaches the function.
    """

    type: Literal["lambda"]
    function: Annotated[str, AfterValidator(checked(_check_version))]
    role_arn: RoleArn | None = None

    def reducer(self) -> Reducer:
        """Returns the reducer."""
        return Reducer("lambda", function=self.function, role_arn=self.role_arn)


class ReducerRegistration(
    RootModel[Annotated[MergeReducer | JsonataReducer | LambdaReducer, Discriminator("type")]]
):
    """The reducer of a category."""
