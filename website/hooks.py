"""Adds generated pages, the changelog, the script for diagrams and the version to the site."""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parent.parent
_GENERATED = {
    "reference/api/operations.md": _ROOT / ".build" / "operations.md",
    # Without this script, Material would load one from another server to draw diagrams.
    "assets/mermaid.js": _ROOT / "website" / "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js",
}


def on_config(config: Any) -> Any:
    """Shows the version at the foot of every page."""
    code = (_ROOT / "layers" / "event_bus" / "version.py").read_text(encoding="utf-8")
    found = re.search(r'^VERSION = "(.+)"$', code, re.MULTILINE)
    if found is None:
        raise ValueError("version.py defines no VERSION")
    config.copyright = f"Version {found[1]}"
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the generated files, and the changelog, which is outside of `docs`."""
    for uri, path in _GENERATED.items():
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    changelog = (_ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    content = changelog.replace("](docs/", "](")
    files.append(File.generated(config, "changelog.md", content=content))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Makes links to the changelog lead to its page."""
    return re.sub(r"\]\(((?:\.\./)*)\.\./CHANGELOG\.md", r"](\1changelog.md", markdown)
