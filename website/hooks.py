"""Adds a generated page and the script for diagrams to the site."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parent.parent
_GENERATED = {
    "reference/api/operations.md": _ROOT / ".build" / "operations.md",
    # Without this script, Material would load one from another server to draw diagrams.
    "assets/mermaid.js": _ROOT / "website" / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js",
}


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated files."""
    for uri, path in _GENERATED.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files
