"""Adds to the site what `docs/` does not hold: the generated page and the diagrams' script."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parent.parent
_GENERATED = {
    "reference/api/operations.md": _ROOT / ".build" / "operations.md",
    # Material draws diagrams by the script that is there, and fetches one only where none is.
    "assets/mermaid.js": _ROOT / "website" / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js",
}


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated files."""
    for uri, path in _GENERATED.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files
