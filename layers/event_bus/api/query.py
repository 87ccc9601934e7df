"""The query parameters of a request."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from event_bus.api.parameters import MAX_PARAMETER_CHARACTERS, Parameter, Value
from event_bus.errors import Fault, MalformedRequest


class Query:
    """The query parameters of a request, each read as the operation declares it.

    Attributes:
        sent: The parameters as they were sent.
        members: Those of them that the operation does not declare.
    """

    __slots__ = ("_values", "members", "sent")

    def __init__(
        self,
        sent: Mapping[str, str],
        declared: tuple[Parameter[Any], ...],
        *,
        members: bool = False,
        repeated: Collection[str] = (),
    ) -> None:
        """Reads the parameters.

        Args:
            sent: The parameters as they were sent.
            declared: The parameters that the operation knows.
            members: Whether it takes others.
            repeated: The names of those that were sent several times.

        Raises:
            MalformedRequest: A parameter is not known, is missing, cannot be read, or was sent
                several times.
        """
        self.sent = sent
        self._values: dict[str, Any] = {}
        known = {each.name: each for each in declared}
        others = f"known are {', '.join(sorted(known))}" if known else "there are no parameters"
        self.members = {name: text for name, text in sent.items() if name not in known}
        faults = [Fault(name, f"is not known; {others}") for name in self.members if not members]
        single = [name for name in repeated if not (name in known and known[name].repeatable)]
        faults += [Fault(name, "must be sent only once") for name in single]
        for name, parameter in known.items():
            if name in single:
                continue
            try:
                if name in sent:
                    self._values[name] = _read(sent[name], parameter)
                elif parameter.required:
                    faults.append(Fault(name, "is required"))
            except ValueError as error:
                faults.append(Fault(name, str(error)))
        faults += [
            Fault(name, f"must have at most {MAX_PARAMETER_CHARACTERS} characters")
            for name, text in self.members.items()
            if members and len(text) > MAX_PARAMETER_CHARACTERS
        ]
        if faults:
            raise MalformedRequest(f"{faults[0].pointer}: {faults[0].detail}.", faults)

    def __contains__(self, parameter: Parameter[Any]) -> bool:
        return parameter.name in self.sent

    def __getitem__(self, parameter: Parameter[Value]) -> Value:
        """Returns the value of a parameter that is required or has a default."""
        return cast("Value", self._values.get(parameter.name, parameter.default))

    def get(self, parameter: Parameter[Value]) -> Value | None:
        """Returns the value of a parameter; its default, or None, if it was not sent."""
        value: Value | None = self._values.get(parameter.name, parameter.default)
        return value


def _read(text: str, parameter: Parameter[Value]) -> Value:
    if not 1 <= len(text) <= parameter.longest:
        raise ValueError(f"must have 1 to {parameter.longest} characters")
    return parameter.read(text)
