"""The limits of one expression."""

MAX_EXPRESSION_CHARACTERS = 8192
"""The most characters of an expression."""

MAX_INPUT_BYTES = 4 * 1024 * 1024
"""The largest input of an evaluation, bindings included, as JSON."""

MAX_OUTPUT_BYTES = 1024 * 1024
"""The largest result of an evaluation, as compact JSON in UTF-8."""

PROCESSOR_SECONDS = 0.25
"""The processor time of one evaluation, without the kernel's, after which it is interrupted."""

LAST_PROCESSOR_SECONDS = 0.5
"""The processor time, the kernel's included, after which the process of an evaluation is ended."""

WALL_SECONDS = 3.0
"""The time after which the process of an evaluation is ended, whatever it does."""

START_SECONDS = 10.0
"""The longest time until this process is ready for its first evaluation."""

REST_SECONDS = 5.0
"""The time after a start that took too long in which no other one is tried."""

MEMORY_BYTES = 256 * 1024 * 1024
"""The address space of the process that evaluates, the interpreter included."""
