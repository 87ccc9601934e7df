"""Categories of streams that may have a reducer or a read model.

The category of a stream is the part of its id before the first slash.
"""

import re

from event_bus.errors import InvalidRequest

_CATEGORY_WORDS = (
    "1 to 64 letters, digits, '_', '-', '.' and ':', beginning with a letter or a digit"
)

_CATEGORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")


def is_category(text: str) -> bool:
    """Returns whether a reducer or a read model can be registered for a category of this name.

    Streams may also have categories for which neither can be registered.
    """
    return _CATEGORY.fullmatch(text) is not None


def read_category(text: str) -> str:
    """Reads a category from a path.

    Raises:
        InvalidRequest: It is not a category that a reducer or a read model may be for.
    """
    if not is_category(text):
        raise InvalidRequest.at("category", f"must be {_CATEGORY_WORDS}")
    return text
