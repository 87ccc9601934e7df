"""Asks jsonschema-rs whether one schema accepts every document that another one accepts.

The answer takes seconds for some small schemas, and the library has no bound for the time. So it
runs in a process of its own, which ends when its time is up; then there is no answer.
"""

import contextlib
import os
import resource
import subprocess
import sys

import jsonschema_rs
import orjson

from event_bus.schemas.limits import COVER_BYTES, COVER_SECONDS, MAX_PATTERN_BYTES
from event_bus.schemas.structure import Schema

_INHERITED = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")


def library_covers(new: Schema, old: Schema) -> bool:
    """Returns whether the library proves in time that a new schema accepts what an old one does.

    Args:
        new: The schema that is to accept more, or the same.
        old: The schema that is to accept less, or the same.

    Returns:
        True if it proves it; False if it disproves it, does not know, or takes too long.
    """
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    # The process gets no credentials, because the schemas come from clients.
    environment["PYTHONPATH"] = os.pathsep.join(each for each in sys.path if each)
    try:
        answer = subprocess.run(
            [sys.executable, "-S", "-m", "event_bus.schemas.covering"],
            input=orjson.dumps([new, old]),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            timeout=COVER_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return answer.returncode == 0 and answer.stdout == b"yes"


def proves(new: Schema, old: Schema) -> bool:
    """Returns whether the library proves that a new schema accepts whatever an old one accepts.

    It may take any time and memory, so only the process of this module calls it.
    """
    wide, narrow = (
        jsonschema_rs.canonicalize(
            each,
            draft=jsonschema_rs.Draft202012,
            validate_formats=True,
            pattern_options=jsonschema_rs.RegexOptions(size_limit=MAX_PATTERN_BYTES),
            offline=True,
        )
        for each in (new, old)
    )
    return str(wide.covers(narrow)) == "yes"


def _main() -> None:
    # macOS refuses this; functions run on Linux.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (COVER_BYTES, COVER_BYTES))
    sys.stdout.write("yes" if proves(*orjson.loads(sys.stdin.buffer.read())) else "no")


if __name__ == "__main__":
    _main()
