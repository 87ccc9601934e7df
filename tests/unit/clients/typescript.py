"""The TypeScript client, compiled from the API as it is."""

import json
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "clients" / "typescript"
GENERATE: str = json.loads((SOURCE / "package.json").read_text())["scripts"]["generate"]
TOOLS = ROOT / "node_modules" / ".bin"


def compiled(folder: Path, *more: Path) -> Path:
    """Generates the types and compiles the client.

    Args:
        folder: Where to.
        more: Further files to compile with it.

    Returns:
        The folder of its modules.
    """
    shutil.copytree(SOURCE / "src", folder / "src")
    shutil.copy(SOURCE / "tsconfig.json", folder)
    shutil.copy(SOURCE / "package.json", folder)
    for each in more:
        shutil.copy(each, folder / "src")
    generate, document, *options = GENERATE.split()
    run(folder, TOOLS / generate, SOURCE / document, *options)
    run(folder, TOOLS / "tsc", "--project", "tsconfig.json")
    return folder / "dist"


def run(folder: Path, *command: str | Path) -> str:
    """What a command prints."""
    done = subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
