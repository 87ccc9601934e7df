"""The programs on the pages, as files that mypy checks: `python -m tests.unit.docs.programs`.

`make lint` writes them, and its one run of mypy reads them with everything else.
"""

import re
import shutil

from infra.built import BUILT
from tests.unit.docs.pages import Sample, samples

FOLDER = BUILT / "docs" / "samples"


def name(sample: Sample) -> str:
    """The name of a sample's module, which says where it is."""
    return re.sub(r"\W", "_", f"{sample.page.removesuffix('.md')}_{sample.line}")


def programs(language: str) -> dict[str, str]:
    """The samples of a language by their names, each with those that it continues."""
    found: dict[str, str] = {}
    above = ""
    for sample in samples(language):
        continued = sample.marked("continues") == "above"
        above = f"{above}\n{sample.text}" if continued else sample.text
        found[name(sample)] = above
    return found


def main() -> None:
    """Writes the samples of Python."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for module, text in programs("python").items():
        (FOLDER / f"{module}.py").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
