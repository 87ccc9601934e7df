"""Breaks one safeguard after another and shows that tests notice: `python -m tests.safeguards`.

Each is broken in a copy of the project, in which the fast tests run until the first of them fails.
"""

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.orphans import end_with
from tests.safeguards.patches import Safeguard, safeguards
from tests.safeguards.runs import ROOT, Copy, remember


def renew() -> None:
    """Gives each patch the context and line numbers that its file has today."""
    for each in safeguards():
        text = each.renewed((ROOT / each.file).read_text())
        if text != each.place.read_text():
            each.place.write_text(text)
            sys.stdout.write(f"{each.place.relative_to(ROOT)}\n")


_copy: Copy
_chosen: dict[str, Safeguard] = {}


def _start(scratch: str, parent: int) -> None:
    """Makes the copy in which a process breaks safeguards."""
    end_with(parent)
    # A process that takes the place of another one has inherited the handler of `main`.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    global _copy  # noqa: PLW0603 - one for each process
    _copy = Copy(Path(scratch, str(os.getpid())))


def _caught_by(key: str) -> str | None:
    return _copy.caught_by(_chosen[key])


def main() -> int:
    """Breaks safeguards, and prints for each which test noticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only safeguards with one of these in their name")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    parser.add_argument("--renew", action="store_true", help="give patches today's context")
    arguments = parser.parse_args()
    if arguments.renew:
        renew()
        return 0
    words, every = arguments.words, safeguards()
    chosen = [
        each
        for each in every
        if not words or any(word in f"{each.key} {each.name}" for word in words)
    ]
    if not chosen:
        parser.error(f"no safeguard has in its name: {', '.join(words)}")
    # The processes of the pool inherit these.
    _chosen.update({each.key: each for each in chosen})
    began, survived, found = time.monotonic(), [], {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        multiprocessing.get_context("fork").Pool(
            arguments.jobs, _start, [scratch, os.getpid()]
        ) as pool,
    ):
        # `timeout` sends it. Leaving the block ends the pool, and removes the copies.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        for safeguard, noticed in zip(chosen, pool.imap(_caught_by, _chosen), strict=True):
            sys.stdout.write(f"{'caught' if noticed else 'SURVIVED':9} {safeguard.name}\n")
            if noticed:
                found[safeguard.key] = noticed
                sys.stdout.write(f"{'':9} by {noticed}\n")
            else:
                survived.append(safeguard)
            sys.stdout.flush()
            remember(found)
    took = time.monotonic() - began
    sys.stdout.write(
        f"{len(chosen)} safeguards broken, {len(survived)} not noticed, in {took:.0f} s\n"
    )
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
