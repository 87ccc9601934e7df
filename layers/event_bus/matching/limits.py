"""The limits of filters and of matching, so that no filter costs more than its share.

The limits up to `MAX_WILDCARDS` are checked when a subscription is created. The others bound what
it costs to match one event, whatever the event and the filters contain.
"""

MAX_EVENT_TYPE_LENGTH = 128
"""Characters of an event type or a type pattern."""

MAX_EVENT_TYPE_SEGMENTS = 16
"""Dotted segments of an event type or a type pattern."""

MAX_TYPE_WILDCARDS = 4
"""Segments of a type pattern, before its last one, that are `*`.

Each doubles the places where a pattern for an event's type may stand in the trie of type patterns.
"""

MAX_EVENT_TYPES = 100
"""Type patterns of one subscription."""

MAX_FILTERS = 50
"""Filters of one subscription."""

MAX_DEPTH = 32
"""Levels of objects in a pattern, including those inside `$or`."""

MAX_FIELDS = 200
"""Different fields that one pattern names."""

MAX_VALUES = 1_000
"""Values and match expressions in one pattern, including those inside `anything-but`."""

MAX_OPERATORS = 100
"""Comparisons other than equality in one pattern, including those inside `anything-but`."""

MAX_OR_COMBINATIONS = 1_000
"""Combinations of the `$or` arrays of one pattern: the product of their lengths."""

MAX_ALL_OR_COMBINATIONS = 2_000
"""Combinations of `$or` in all filters of one subscription that is registered.

The router reads the filters of all subscriptions, and holds them.
"""

MAX_ALL_COMBINED = 20_000
"""Fields in all combinations of `$or` of one subscription that is registered, once for each."""

MAX_ALL_FIELDS = 3_000
"""Fields in all filters of one subscription that is registered, with those that hold others."""

MAX_NAME_LENGTH = 256
"""Characters of a field name."""

MAX_STRING_LENGTH = 1_024
"""Characters of a string in a pattern."""

MAX_WILDCARDS = 16
"""Asterisks in one `wildcard` string."""

MAX_INDEX_ENTRIES = 2_000
"""Entries of the index for one rule, those for its type patterns included.

A rule that needs more entries is left out of the index. It is checked against each event of its
types.
"""

MAX_ELEMENTS = 10_000
"""Array elements of an event that patterns look at; an object counts once more for each field."""

MAX_NESTING = 64
"""Levels of arrays and objects in an event that patterns look into."""

MAX_WALKED = 32
"""Arrays, array elements and nested objects of a payload that patterns walk one by one.

An array or object in an array counts twice. Up to this number, a walk is faster than making sets.
If `MANY_RULES` are found, sets are made nevertheless.
"""

MANY_RULES = 500
"""If so many rules are found for an event, even few elements are compared as sets.

Patterns with more than two combinations of `$or` still walk an event of few elements.

A walk takes steps for each element of an array, which are not foreseen. With sets, the steps of
most comparisons do not depend on the array. For so many rules, sets take hardly more time.
"""

ALWAYS_WALKED = 2
"""Arrays, array elements and nested objects that patterns walk even if there are `MANY_RULES`.

The steps of walking so few are foreseen.
"""

UNSEEN_PER_STEP = 5
"""Elements beyond `MAX_ELEMENTS`, and fields of these, that are read for a step of work."""

SORTED_PER_STEP = 2
"""Values of a field that are sorted for a step of work."""

COLUMN_WORK = 10
"""Steps of work for collecting the values of one field of all objects in an array."""

FIND_WORK = 30_000
"""Steps of work for finding the rules that one event may match.

A longer search would cost more than it saves: to check 10,000 rules costs about as much.

If the steps are used up, all filters for the event's type are checked.
"""

START_WORK = 1
"""Steps of work for starting the check of one filter."""

CHECK_WORK = 32
"""Steps of work that the check of a light filter may use, while they suffice for all.

Filters that may need more are heavy, and are checked after the light ones.
"""

EVENT_WORK = 120_000
"""Steps of work for checking the filters that one event may match.

Reading elements beyond `MAX_ELEMENTS`, collecting and sorting values take steps from these as well.

These steps take up to 75 ms, and finding the filters up to 20 ms.
"""

FULL_RULES = 10_000
"""Rules for which `EVENT_WORK` suffices if each makes one or two comparisons other than wildcards.

The compared fields are on the first two levels of objects; each further level takes more steps.
What else takes more is in `docs/reference/filters.md`.

If more rules are found, there are more steps in proportion.
"""

REFUSAL_WORK = 4
"""Steps of work for ending a check that needs more than it may use."""

HEAVY_WORK = 30_000
"""The least steps of `EVENT_WORK` that each heavy filter may use, while any are left.

They suffice for one wildcard and a text of 1 MiB.
"""
