"""Folders that are built once and cached, each named by a fingerprint of its sources."""

import fcntl
import hashlib
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The root of the repository."""

BUILT = ROOT / ".build"
"""The parent of these folders."""


def fingerprint(parts: Iterable[bytes]) -> str:
    """Returns a name that identifies these parts in this order.

    Args:
        parts: Everything that the folder is built from.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:16]


def files_of(*sources: Path) -> Iterable[bytes]:
    """Returns the names and contents of files, as parts of a fingerprint.

    Args:
        sources: Files, and folders with their content.
    """
    for source in sources:
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield str(file.relative_to(ROOT)).encode()
                yield file.read_bytes()


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Builds a folder unless it exists; other processes that need it wait.

    Args:
        folder: The folder.
        make: Fills the given folder, which does not exist yet.

    Returns:
        The folder.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        # Whoever holds it builds with programs that end in time, and the system frees it at the
        # end of a process.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".unfinished-") as scratch:
                made = Path(scratch, folder.name)
                make(made)
                # In one step, so that a killed process leaves no incomplete folder.
                made.rename(folder)
    return folder
