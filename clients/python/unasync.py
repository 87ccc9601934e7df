"""Makes the client without asyncio from the one with it: `python clients/python/unasync.py`.

`--check` only says whether `_sync` is what `_async` makes.
"""

import argparse
import re
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent / "src" / "event_bus_client"

REPLACED = (
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"from anyio import", "from time import"),
    (r"AsyncBaseTransport", "BaseTransport"),
    (r"httpx\.AsyncClient", "httpx.Client"),
    (r"AsyncIterator", "Iterator"),
    (r"AsyncGenerator\[(\w+), None\]", r"Generator[\1, None, None]"),
    (r"\baclosing\b", "closing"),
    (r"\banext\(", "next("),
    (r"\ba(call|shielded)\b", r"\1"),
    (r"coroutines=True", "coroutines=False"),
    (r"\bAsync(?!API)([A-Z]\w+)", r"\1"),
    (r"__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\baiter_(sse|bytes)\b", r"iter_\1"),
    (r"_async\b", "_sync"),
    (r"The client for asyncio\.", "The client without asyncio."),
    (r"from another task or", "from another thread or"),
)


def without_asyncio(source: str) -> str:
    """Returns the same code without asyncio."""
    for pattern, replacement in REPLACED:
        source = re.sub(pattern, replacement, source, flags=re.MULTILINE)
    return source


def main() -> int:
    """Writes `_sync`, or only compares it; returns 1 if it was compared and is not current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare")
    check = parser.parse_args().check
    stale = []
    for source in sorted((PACKAGE / "_async").glob("*.py")):
        target = PACKAGE / "_sync" / source.name
        made = without_asyncio(source.read_text())
        if target.exists() and target.read_text() == made:
            continue
        stale.append(target.name)
        if not check:
            target.parent.mkdir(exist_ok=True)
            target.write_text(made)
    return 1 if stale and check else 0


if __name__ == "__main__":
    sys.exit(main())
