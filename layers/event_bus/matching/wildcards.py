"""Strings in which `*` stands for any run of characters, matched without going back."""


def split_wildcard(text: str) -> list[str]:
    r"""The literal parts between the asterisks of a `wildcard` operand.

    Args:
        text: The operand: `\*` is a literal asterisk and `\\` a literal backslash.

    Returns:
        One part more than there are asterisks; parts may be empty at either end.

    Raises:
        ValueError: A backslash stands before another character, or two asterisks side by side.
    """
    parts: list[list[str]] = [[]]
    position = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            position += 1
            if text[position : position + 1] not in ("*", "\\"):
                raise ValueError(
                    r"a backslash in a wildcard escapes an asterisk or a backslash: \* or \\"
                )
            parts[-1].append(text[position])
        elif char == "*":
            if text[position + 1 : position + 2] == "*":
                raise ValueError("a wildcard has no two asterisks side by side")
            parts.append([])
        else:
            parts[-1].append(char)
        position += 1
    return ["".join(part) for part in parts]


class Glob:
    """A compiled `wildcard` operand.

    The first place where a part occurs is as good as any later one, so one pass decides.

    Args:
        parts: What `split_wildcard` returned.

    Attributes:
        head: What the value begins with.
        middle: What follows inside it, in this order.
        tail: What it ends with.
    """

    __slots__ = ("_least", "_plain", "head", "middle", "tail")

    def __init__(self, parts: list[str]) -> None:
        self.head = parts[0]
        self.tail = parts[-1]
        self.middle = tuple(parts[1:-1])
        self._plain = len(parts) == 1
        self._least = sum(map(len, parts))

    def matches(self, value: str) -> bool:
        """Whether the whole value fits."""
        if self._plain:
            return value == self.head
        if len(value) < self._least:
            return False
        if not (value.startswith(self.head) and value.endswith(self.tail)):
            return False
        position = len(self.head)
        end = len(value) - len(self.tail)
        for part in self.middle:
            position = value.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True
