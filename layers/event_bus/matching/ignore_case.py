"""Comparing strings without regard to case, one character of the operand at a time.

Each character of the operand stands for its lower and its upper case form, as in event-ruler. A
form may be longer than the character: the operand `straße` accepts `STRASSE`. The operand `STRASSE`
does not accept `straße`, so a comparison of two folded strings would accept too much.
"""

from collections.abc import Iterable
from functools import lru_cache

from event_bus.matching.limits import MAX_STRING_LENGTH

LONGEST_FOLDED = 3 * MAX_STRING_LENGTH
"""The most characters of an operand that is folded; one character becomes at most three."""

# A step folds this many characters that are not ASCII, or compares them while texts are sorted.
_CHARACTERS_PER_STEP = 64


def fold(text: str) -> str:
    """Returns a key that an operand shares with every string that it accepts; finds candidates.

    It folds character by character, so a folded prefix is a prefix of the folded text.

    Args:
        text: An operand or a value.
    """
    return text.upper().casefold()


def folding_steps(texts: Iterable[str]) -> int:
    """Returns the steps of folding texts, or of sorting them: ASCII takes a fraction of a step."""
    read = sum(min(len(text), LONGEST_FOLDED) for text in texts if not text.isascii())
    return read // _CHARACTERS_PER_STEP


@lru_cache(4_096)
def _forms(char: str) -> tuple[str, ...]:
    """Returns the forms of a character."""
    return tuple({char.lower(), char.upper()})


class CaseInsensitiveText:
    """An operand that accepts each of its characters in either case.

    Args:
        text: The operand as written.

    Attributes:
        folded: The operand, folded.
        steps: What a comparison costs, in steps of `Work`.
    """

    __slots__ = ("_common", "_lower", "folded", "steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.folded = fold(text)
        # Both cases of an ASCII character are ASCII, so one comparison decides.
        self._lower = self.folded if text.isascii() else None
        self.steps = 4 if text.isascii() else 4 + len(text)
        self._common = (text, text.lower(), text.upper())

    def equals(self, value: str) -> bool:
        """Returns whether it accepts the whole value."""
        if self._lower is not None:
            # A long value is not copied: it may have a million characters.
            same_length = len(value) == len(self._lower)
            return same_length and value.isascii() and value.lower() == self._lower
        return value in self._common or len(value) in self._ends(value)

    def begins(self, value: str) -> bool:
        """Returns whether it accepts the beginning of the value."""
        if self._lower is not None:
            head = value[: len(self._lower)]
            return head.isascii() and head.lower() == self._lower
        return bool(self._ends(value))

    def ends(self, value: str) -> bool:
        """Returns whether it accepts the end of the value."""
        if self._lower is not None:
            tail = value[len(value) - len(self._lower) :] if len(value) >= len(self._lower) else ""
            return tail.isascii() and tail.lower() == self._lower
        return bool(self._starts(value))

    def _ends(self, value: str) -> set[int]:
        """Returns the places in the value where the operand may end if it begins at the start."""
        reached = {0}
        for forms in map(_forms, self.text):
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
        """Returns the places in the value where the operand may begin if it ends at the end."""
        reached = {len(value)}
        for forms in map(_forms, reversed(self.text)):
            if not reached:
                break
            reached = {
                position - len(form)
                for position in reached
                for form in forms
                if position >= len(form) and value.startswith(form, position - len(form))
            }
        return reached
