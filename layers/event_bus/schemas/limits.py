"""The limits of a schema: its size, and the work that it may cause."""

MAX_SCHEMA_BYTES = 64 * 1024
"""The largest schema, as compact JSON in UTF-8."""

MAX_SUBSCHEMAS = 2_000
"""How many schemas a schema may contain, itself included."""

MAX_DEPTH = 28
"""How deep arrays and objects may be nested in a schema."""

MAX_PATTERNS = 100
"""How many regular expressions a schema may contain."""

MAX_PATTERN_CHARACTERS = 512
"""The longest regular expression."""

MAX_PATTERN_BYTES = 1024 * 1024
"""The largest compiled regular expression."""

MAX_CHAIN = 100
"""The longest chain of references and nested schemas that may apply to one value."""

MAX_CHECKS = 1_000
"""How many schemas may apply to one value of a payload."""

PAYLOAD_DEPTH = 32
"""How deep a payload can be nested, as `strict_json` reads it."""

MAX_WORK = 100_000_000
"""The largest product of a payload's bytes and of the schemas that may apply to one value of it."""

MAX_FAULTS = 20
"""How many faults of a payload or of a schema are named."""

COVER_SECONDS = 3.0
"""How long the comparison of two schemas by jsonschema-rs may take, in seconds."""

COVER_BYTES = 256 * 1024 * 1024
"""The address space of the process that compares two schemas by jsonschema-rs, in bytes."""
