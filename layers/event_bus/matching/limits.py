"""What a subscription may ask for, so that no filter can cost more than its share.

The limits up to `MAX_WILDCARDS` are checked when the subscription is made. The others bound what
matching one event costs, whatever the event and the filters hold.
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

MAX_ELEMENTS = 10_000
"""Array elements of an event that patterns look at; an object counts once more for each field."""

MAX_NESTING = 64
"""Levels of arrays and objects in an event that patterns look into."""

MAX_WALKED = 32
"""Array elements and nested objects of an event that patterns walk one by one.

To walk so few is faster than to make sets of them.
"""

FIND_WORK = 150_000
"""Steps of finding the subscriptions of one event by their values.

Beyond it, all filters for the event's type are checked.
"""

CHECK_WORK = 32
"""Steps of checking one filter that each is allowed, whatever others take.

An ordinary filter takes fewer, even with an event that is as large as may be.
"""

EVENT_WORK = 100_000
"""Steps of checking that the filters which take more than `CHECK_WORK` share for one event."""

HEAVY_WORK = 25_000
"""Steps that such a filter may take of them in any case, as long as there are any left.

It is enough for one wildcard and a text of 1 MiB.
"""
