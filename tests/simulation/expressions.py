"""DynamoDB's expressions, as far as the stores use them, over items in the client's form.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any

Item = dict[str, Any]
Value = dict[str, Any]
"""A value in the client's form: `{"S": "text"}`."""


class InvalidExpression(Exception):
    """An expression that DynamoDB refuses with a ValidationException."""


@dataclass(frozen=True)
class Scope:
    """The item, names and values with which an expression is evaluated."""

    item: Mapping[str, Value]
    names: Mapping[str, str]
    values: Mapping[str, Value]

    def name(self, token: str) -> str:
        if not token.startswith("#"):
            return token
        if token not in self.names:
            raise InvalidExpression(f"{token} is not defined")
        return self.names[token]

    def value(self, token: str) -> Value:
        if token not in self.values:
            raise InvalidExpression(f"{token} is not defined")
        return self.values[token]


Condition = Callable[[Scope], bool]
Operand = Callable[[Scope], Value | None]

_TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),+-]|[#:]?[A-Za-z_][A-Za-z0-9_]*)")
_COMPARATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def sortable(value: Value) -> Any:
    """Returns the sort key of a value: numbers by value, strings by their bytes."""
    # Code points sort as their bytes in UTF-8.
    return Decimal(value["N"]) if "N" in value else next(iter(value.values()))


@dataclass
class _Reader:
    tokens: list[str]
    place: int = 0

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if not token or (expected and token.upper() != expected):
            raise InvalidExpression(f"{expected or 'more'} expected at {token!r}")
        self.place += 1
        return token

    def next_is(self, word: str) -> bool:
        if self.peek().upper() != word:
            return False
        self.place += 1
        return True


def _read(expression: str) -> _Reader:
    tokens, place = [], 0
    text = expression.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if not match:
            raise InvalidExpression(f"{text[place:]!r} cannot be read")
        tokens.append(match[1])
        place = match.end()
    return _Reader(tokens)


@cache
def condition(expression: str) -> Condition:
    """Reads a condition, or the condition of a key."""
    reader = _read(expression)
    read = _either(reader)
    if reader.peek():
        raise InvalidExpression(f"{reader.peek()!r} is too much")
    return read


def _either(reader: _Reader) -> Condition:
    parts = [_both(reader)]
    while reader.next_is("OR"):
        parts.append(_both(reader))
    return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)


def _both(reader: _Reader) -> Condition:
    parts = [_single(reader)]
    while reader.next_is("AND"):
        parts.append(_single(reader))
    return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)


def _single(reader: _Reader) -> Condition:
    if reader.next_is("NOT"):
        negated = _single(reader)
        return lambda scope: not negated(scope)
    if reader.next_is("("):
        inner = _either(reader)
        reader.take(")")
        return inner
    if reader.peek() in ("attribute_exists", "attribute_not_exists"):
        wanted = reader.take() == "attribute_exists"
        reader.take("(")
        name = reader.take()
        reader.take(")")
        return lambda scope: (scope.name(name) in scope.item) is wanted
    if reader.next_is("BEGINS_WITH"):
        return _beginning(reader)
    return _comparison(reader)


def _beginning(reader: _Reader) -> Condition:
    reader.take("(")
    whole = _operand(reader)
    reader.take(",")
    begins = _operand(reader)
    reader.take(")")

    def begins_with(scope: Scope) -> bool:
        text, beginning = (whole(scope) or {}).get("S"), (begins(scope) or {}).get("S")
        return text is not None and beginning is not None and text.startswith(beginning)

    return begins_with


def _comparison(reader: _Reader) -> Condition:
    left = _operand(reader)
    if reader.next_is("BETWEEN"):
        low = _operand(reader)
        reader.take("AND")
        high = _operand(reader)
        return lambda scope: (
            _compare(left(scope), ">=", low(scope)) and _compare(left(scope), "<=", high(scope))
        )
    if reader.next_is("IN"):
        reader.take("(")
        choices = [_operand(reader)]
        while reader.next_is(","):
            choices.append(_operand(reader))
        reader.take(")")
        return lambda scope: any(_compare(left(scope), "=", choice(scope)) for choice in choices)
    comparator = reader.take()
    if comparator not in _COMPARATORS:
        raise InvalidExpression(f"{comparator!r} compares nothing")
    right = _operand(reader)
    return lambda scope: _compare(left(scope), comparator, right(scope))


def _compare(left: Value | None, comparator: str, right: Value | None) -> bool:
    # An attribute that is missing, or of another type, compares with nothing; it does differ.
    if left is None or right is None or left.keys() != right.keys():
        return comparator == "<>" and left is not None and right is not None
    if comparator == "=" and left == right:
        return True
    return _COMPARATORS[comparator](sortable(left), sortable(right))


def _operand(reader: _Reader) -> Operand:
    token = reader.take()
    if token == "size":
        reader.take("(")
        of = _operand(reader)
        reader.take(")")
        return lambda scope: _size(of(scope))
    if token.startswith(":"):
        return lambda scope: scope.value(token)
    return lambda scope: scope.item.get(scope.name(token))


def _size(value: Value | None) -> Value | None:
    # The stores only need that of strings.
    return {"N": str(len(value["S"].encode()))} if value and "S" in value else None


@dataclass
class _Update:
    sets: list[tuple[str, Operand]] = field(default_factory=list)
    removes: list[str] = field(default_factory=list)


@cache
def _update(expression: str) -> _Update:
    reader, update = _read(expression), _Update()
    while reader.peek():
        clause = reader.take().upper()
        if clause not in ("SET", "REMOVE"):
            raise InvalidExpression(f"{clause} is not known here")
        while True:
            name = reader.take()
            if clause == "SET":
                reader.take("=")
                update.sets.append((name, _sum(reader)))
            else:
                update.removes.append(name)
            if not reader.next_is(","):
                break
    return update


def _sum(reader: _Reader) -> Operand:
    left = _term(reader)
    if not reader.next_is("+"):
        return left
    right = _term(reader)

    def added(scope: Scope) -> Value:
        parts = [left(scope), right(scope)]
        if not all(part and "N" in part for part in parts):
            raise InvalidExpression("only numbers can be added")
        return {"N": str(sum(Decimal(part["N"]) for part in parts if part))}

    return added


def _term(reader: _Reader) -> Operand:
    if reader.next_is("IF_NOT_EXISTS"):
        reader.take("(")
        name = reader.take()
        reader.take(",")
        otherwise = _sum(reader)
        reader.take(")")
        return lambda scope: scope.item.get(scope.name(name)) or otherwise(scope)
    return _operand(reader)


def updated(expression: str, scope: Scope) -> Item:
    """Returns the updated item."""
    update = _update(expression)
    paths = [scope.name(name) for name, _ in update.sets] + [
        scope.name(name) for name in update.removes
    ]
    if len(paths) != len(set(paths)):
        raise InvalidExpression("two parts of the update are about one attribute")
    result = dict(scope.item)
    for name, operand in update.sets:
        value = operand(scope)
        if value is None:
            raise InvalidExpression(f"{name} is set to an attribute that is missing")
        result[scope.name(name)] = value
    for name in update.removes:
        result.pop(scope.name(name), None)
    return result


@cache
def _tokens(expression: str) -> frozenset[str]:
    return frozenset(_read(expression).tokens)


def check_placeholders(
    expressions: list[str], names: Mapping[str, str], values: Mapping[str, Value]
) -> None:
    """Refuses placeholders that no expression uses, as DynamoDB does."""
    used = {token for each in expressions for token in _tokens(each)}
    if unused := (names.keys() | values.keys()) - used:
        raise InvalidExpression(f"unused: {', '.join(sorted(unused))}")
