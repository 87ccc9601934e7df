"""JSONata expressions, as clients send them."""

from event_bus.errors import InvalidRequest
from event_bus.expressions.evaluator import InvalidExpression, check


def check_expression(expression: str, at: str) -> None:
    """Refuses an expression that cannot be parsed.

    Args:
        expression: The expression.
        at: The JSON pointer of the expression in the request.

    Raises:
        InvalidRequest: It is too long, or not JSONata.
        EvaluatorNotStarted: The process that evaluates did not start.
    """
    try:
        check(expression)
    except InvalidExpression as error:
        detail = f"{error.detail}, at character {error.position}"
        raise InvalidRequest.at(at, detail) from None
