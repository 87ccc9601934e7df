"""Comparing strings without regard to case, one character of the operand at a time.

Each character of the operand stands for its lower or its upper case form, as in event-ruler. A
form may be longer than the character: the operand `straße` accepts `STRASSE`. The relation is not
symmetric, so comparing two folded strings would accept too much.
"""


def fold(text: str) -> str:
    """A key that an operand shares with every string it accepts, for finding candidates.

    Character by character, so that folding a prefix gives a prefix of the folded whole.

    Args:
        text: An operand or a value.
    """
    return text.upper().casefold()


class CaseInsensitiveText:
    """An operand that accepts either case of each of its characters.

    Args:
        text: The operand as written.

    Attributes:
        text: The operand as written.
        steps: What comparing it costs, in steps of `Work`.
    """

    __slots__ = ("_common", "_forms", "_lower", "_reversed_forms", "steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        # Both cases of an ASCII character are ASCII: one comparison settles it.
        self._lower = text.lower() if text.isascii() else None
        self.steps = 4 if text.isascii() else 4 + 2 * len(text)
        self._common = (text, text.lower(), text.upper())
        forms = [tuple({char.lower(), char.upper()}) for char in text]
        self._forms = forms
        self._reversed_forms = forms[::-1]

    def equals(self, value: str) -> bool:
        """Whether the whole value is accepted."""
        if self._lower is not None:
            return value.isascii() and value.lower() == self._lower
        return value in self._common or len(value) in self._ends(value)

    def begins(self, value: str) -> bool:
        """Whether the beginning of the value is accepted."""
        if self._lower is not None:
            head = value[: len(self._lower)]
            return head.isascii() and head.lower() == self._lower
        return bool(self._ends(value))

    def ends(self, value: str) -> bool:
        """Whether the end of the value is accepted."""
        if self._lower is not None:
            tail = value[len(value) - len(self._lower) :] if len(value) >= len(self._lower) else ""
            return tail.isascii() and tail.lower() == self._lower
        return bool(self._starts(value))

    def _ends(self, value: str) -> set[int]:
        """Where in the value the operand may end when it begins at the start."""
        reached = {0}
        for forms in self._forms:
            if not reached:
                break
            reached = {
                position + len(form)
                for position in reached
                for form in forms
                if value.startswith(form, position)
            }
        return reached

    def _starts(self, value: str) -> set[int]:
        """Where in the value the operand may begin when it ends at the end."""
        reached = {len(value)}
        for forms in self._reversed_forms:
            if not reached:
                break
            reached = {
                position - len(form)
                for position in reached
                for form in forms
                if position >= len(form) and value.startswith(form, position - len(form))
            }
        return reached
