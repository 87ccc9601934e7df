"""What a subscription may ask for, so that no filter can cost more than its share.

Each limit but the last is checked when the subscription is made. Together they bound the work of
matching one event: every value of the event meets at most `MAX_OPERATORS` comparisons and one hash
lookup, and every object at most `MAX_FIELDS` lookups.
"""

MAX_EVENT_TYPE_LENGTH = 128
"""Characters of an event type or a type pattern."""

MAX_EVENT_TYPE_SEGMENTS = 16
"""Dotted segments of an event type or a type pattern."""

MAX_EVENT_TYPES = 100
"""Type patterns of one subscription."""

MAX_FILTERS = 50
"""Filters of one subscription."""

MAX_DEPTH = 32
"""Levels of objects in a pattern, those inside `$or` included."""

MAX_FIELDS = 200
"""Different fields that one pattern names."""

MAX_VALUES = 1_000
"""Values and match expressions in one pattern, those inside `anything-but` included."""

MAX_OPERATORS = 100
"""Comparisons in one pattern that are not plain equality, those inside `anything-but` included."""

MAX_OR_COMBINATIONS = 1_000
"""Combinations that the `$or` arrays of one pattern make: the product of their lengths."""

MAX_NAME_LENGTH = 256
"""Characters of a field name."""

MAX_STRING_LENGTH = 1_024
"""Characters of a string in a pattern."""

MAX_WILDCARDS = 16
"""Asterisks in one `wildcard` string."""

MAX_COMPARISONS = 10_000
"""How much of the arrays in an event one pattern looks at.

An element counts as one; a scalar as one more for each comparison that it meets, which counts again
for each `PAGE`; an object as one more for each field that the pattern names inside it.
"""

PAGE = 256
"""Characters of a text, for each of which it counts once more."""
