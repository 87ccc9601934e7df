"""The repository has no file that somebody made by using it."""

import subprocess

from infra.built import ROOT


def test_no_file_is_tracked_that_is_to_be_ignored() -> None:
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert found.stdout.splitlines() == []
