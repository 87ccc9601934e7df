"""Strings in which `*` stands for any characters, matched in one pass without backtracking."""

from event_bus.matching.work import LONG_PART, pair_steps


def split_wildcard(text: str) -> list[str]:
    r"""Splits a `wildcard` operand into the literal parts between its asterisks.

    Args:
        text: The operand: `\*` is a literal asterisk and `\\` a literal backslash.

    Returns:
        One part more than there are asterisks; the first and the last may be empty.

    Raises:
        ValueError: A backslash precedes another character, or two asterisks are adjacent.
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

    The first occurrence of a part is as good as any later one, so one pass decides.

    Args:
        parts: What `split_wildcard` returned.

    Attributes:
        head: The text that the value begins with.
        middle: The texts that follow, in this order.
        tail: The text that the value ends with.
    """

    __slots__ = ("_least", "_long", "_plain", "_short", "head", "middle", "tail")

    def __init__(self, parts: list[str]) -> None:
        self.head = parts[0]
        self.tail = parts[-1]
        self.middle = tuple(parts[1:-1])
        self._plain = len(parts) == 1
        self._least = sum(map(len, parts))
        lengths = sorted(map(len, self.middle), reverse=True)
        self._long = lengths[0] if lengths else 0
        # A shorter part may take longer to find in a long text.
        self._short = next((each for each in lengths if each < LONG_PART), 0)

    def searching_steps(self, length: int) -> int:
        """Returns the steps of searching a value of some length, beyond those of `text_steps`."""
        # What a part has passed, the next parts do not search again.
        places = length - self._least + len(self.middle)
        steps = pair_steps(self._long, places)
        return steps if self._short == self._long else steps + pair_steps(self._short, places)

    def matches(self, value: str) -> bool:
        """Returns whether the whole value matches."""
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
