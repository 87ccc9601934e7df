"""The services that carry out the commands of the saga."""

from dataclasses import dataclass, field
from typing import Any

from event_bus_client import Refused

Document = dict[str, Any]

GENERATE, REVIEW, DISCARD = (
    "command.saga.generate_code",
    "command.saga.review_code",
    "command.saga.discard_code",
)


@dataclass
class Generator:
    """Generates code, and discards it.

    Attributes:
        code: The code that it keeps, by the requirement.
    """

    code: dict[str, str] = field(default_factory=dict)

    def generate(self, payload: Document) -> Document:
        """Generates the code of a requirement."""
        requirement = payload["requirement"]
        self.code[requirement] = f"def solve():\n    return {payload['wish']!r}\n"
        return {"requirement": requirement, "lines": self.code[requirement].count("\n")}

    def discard(self, payload: Document) -> Document:
        """Discards the code of a requirement; repeating this changes nothing."""
        self.code.pop(payload["requirement"], None)
        return {"requirement": payload["requirement"]}


def review(payload: Document) -> Document:
    """Reviews code.

    Raises:
        Refused: The review fails.
    """
    if "eval" in payload["wish"]:
        raise Refused("the code evaluates what a user has written")
    return {"requirement": payload["requirement"], "approved": True}
