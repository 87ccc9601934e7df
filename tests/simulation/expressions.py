"""DynamoDB's expressions, as far as the stores use them, over items in the client's form.

Each is read once, together with the names for its placeholders, and then evaluated many times.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Item = dict[str, Any]
Value = dict[str, Any]
"""A value in the client's form: `{"S": "text"}`."""


class RefusedExpression(Exception):
    """An expression that DynamoDB refuses with a ValidationException."""


Values = Mapping[str, Value]
Condition = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Value | None]
Update = Callable[[Item, Values], Item]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def sortable(value: Value) -> Any:
    """Returns the sort key of a value: numbers by value, strings by their bytes."""
    # Code points sort as their bytes in UTF-8.
    return Decimal(value["N"]) if "N" in value else next(iter(value.values()))


@dataclass
class _ExpressionReader:
    tokens: list[str]
    names: Mapping[str, str]
    place: int = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token.upper() != expected):
            raise RefusedExpression(f"{expected or 'more'} expected at {token!r}")
        self.place += 1
        return token

    def next_is(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.place += 1
        return True

    def attribute(self) -> str:
        """Takes the name of an attribute."""
        return self.named(self.take())

    def named(self, token: str) -> str:
        if not token.startswith("#"):
            return token
        if token not in self.names:
            raise RefusedExpression(f"{token} is not defined")
        return self.names[token]


def tokens(expression: str) -> list[str]:
    """Divides an expression into its parts."""
    found, place = [], 0
    text = expression.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise RefusedExpression(f"{text[place:]!r} cannot be read")
        found.append(match[1])
        place = match.end()
    return found


def condition(expression: str, names: Mapping[str, str]) -> Condition:
    """Reads a condition, or the condition of a key."""
    reader = _ExpressionReader(tokens(expression), names)
    read = _either(reader)
    if reader.peek():
        raise RefusedExpression(f"{reader.peek()!r} is too much")
    return read


def _either(reader: _ExpressionReader) -> Condition:
    parts = [_both(reader)]
    while reader.next_is("OR"):
        parts.append(_both(reader))
    return _combined(parts, until=True)


def _both(reader: _ExpressionReader) -> Condition:
    parts = [_single(reader)]
    while reader.next_is("AND"):
        parts.append(_single(reader))
    return _combined(parts, until=False)


def _combined(parts: list[Condition], *, until: bool) -> Condition:
    """Evaluates conditions one after the other, until one of them decides."""
    if len(parts) == 1:
        return parts[0]

    def combined(item: Item, values: Values) -> bool:
        for part in parts:
            if part(item, values) is until:
                return until
        return not until

    return combined


def _single(reader: _ExpressionReader) -> Condition:
    if reader.next_is("NOT"):
        negated = _single(reader)
        return lambda item, values: not negated(item, values)
    if reader.next_is("("):
        inner = _either(reader)
        reader.take(")")
        return inner
    if reader.peek() in ("attribute_exists", "attribute_not_exists"):
        wanted = reader.take() == "attribute_exists"
        reader.take("(")
        name = reader.attribute()
        reader.take(")")
        return lambda item, _: (name in item) is wanted
    if reader.next_is("BEGINS_WITH"):
        return _beginning(reader)
    return _comparison(reader)


def _beginning(reader: _ExpressionReader) -> Condition:
    reader.take("(")
    whole = _operand(reader)
    reader.take(",")
    begins = _operand(reader)
    reader.take(")")

    def begins_with(item: Item, values: Values) -> bool:
        text = (whole(item, values) or {}).get("S")
        beginning = (begins(item, values) or {}).get("S")
        return text is not None and beginning is not None and text.startswith(beginning)

    return begins_with


def _comparison(reader: _ExpressionReader) -> Condition:
    left = _operand(reader)
    if reader.next_is("BETWEEN"):
        low = _operand(reader)
        reader.take("AND")
        high = _operand(reader)
        return _combined([_compared(left, ">=", low), _compared(left, "<=", high)], until=False)
    if reader.next_is("IN"):
        reader.take("(")
        choices = [_compared(left, "=", _operand(reader))]
        while reader.next_is(","):
            choices.append(_compared(left, "=", _operand(reader)))
        reader.take(")")
        return _combined(choices, until=True)
    comparator = reader.take()
    if comparator not in _COMPARATORS:
        raise RefusedExpression(f"{comparator!r} compares nothing")
    return _compared(left, comparator, _operand(reader))


def _compared(left: Operand, comparator: str, right: Operand) -> Condition:
    compare = _COMPARATORS[comparator]

    def compared(item: Item, values: Values) -> bool:
        one, other = left(item, values), right(item, values)
        # A missing attribute compares with nothing; one of another type only differs.
        if one is None or other is None:
            return False
        if one == other:
            return compare(0, 0)
        if one.keys() != other.keys():
            return comparator == "<>"
        return compare(sortable(one), sortable(other))

    return compared


def _operand(reader: _ExpressionReader) -> Operand:
    token = reader.take()
    if token == "size":
        reader.take("(")
        of = _operand(reader)
        reader.take(")")
        return lambda item, values: _size(of(item, values))
    if token.startswith(":"):
        return lambda _, values: values[token]
    name = reader.named(token)
    return lambda item, _: item.get(name)


def _size(value: Value | None) -> Value | None:
    # The stores only need that of strings.
    return {"N": str(len(value["S"].encode()))} if value and "S" in value else None


@dataclass
class _Parts:
    sets: list[tuple[str, Operand]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)


def _parts(reader: _ExpressionReader) -> _Parts:
    parts = _Parts()
    while reader.peek():
        clause = reader.take().upper()
        if clause not in ("SET", "REMOVE"):
            raise RefusedExpression(f"{clause} is not known here")
        while True:
            name = reader.attribute()
            if clause == "SET":
                reader.take("=")
                parts.sets.append((name, _sum(reader)))
            else:
                parts.removes.append(name)
            if not reader.next_is(","):
                break
    return parts


def _sum(reader: _ExpressionReader) -> Operand:
    left = _term(reader)
    if not reader.next_is("+"):
        return left
    right = _term(reader)

    def added(item: Item, values: Values) -> Value:
        parts = [left(item, values), right(item, values)]
        if not all(part and "N" in part for part in parts):
            raise RefusedExpression("only numbers can be added")
        return {"N": str(sum(Decimal(part["N"]) for part in parts if part))}

    return added


def _term(reader: _ExpressionReader) -> Operand:
    if reader.next_is("IF_NOT_EXISTS"):
        reader.take("(")
        name = reader.attribute()
        reader.take(",")
        otherwise = _sum(reader)
        reader.take(")")
        return lambda item, values: item.get(name) or otherwise(item, values)
    return _operand(reader)


def update(expression: str, names: Mapping[str, str]) -> Update:
    """Reads an update, which returns the updated item."""
    parts = _parts(_ExpressionReader(tokens(expression), names))
    paths = [name for name, _ in parts.sets] + parts.removes
    if len(paths) != len(set(paths)):
        raise RefusedExpression("two parts of the update are about one attribute")

    def updated(item: Item, values: Values) -> Item:
        result = dict(item)
        for name, operand in parts.sets:
            value = operand(item, values)
            if value is None:
                raise RefusedExpression(f"{name} is set to an attribute that is missing")
            result[name] = value
        for name in parts.removes:
            result.pop(name, None)
        return result

    return updated


def check_placeholders(
    expressions: Iterable[str], names: Iterable[str], values: Iterable[str]
) -> None:
    """Refuses placeholders that no expression uses, or that are not defined, as DynamoDB does."""
    used = {token for each in expressions for token in tokens(each) if token[0] in "#:"}
    defined = {*names, *values}
    if unused := defined - used:
        raise RefusedExpression(f"unused: {', '.join(sorted(unused))}")
    if undefined := used - defined:
        raise RefusedExpression(f"not defined: {', '.join(sorted(undefined))}")
