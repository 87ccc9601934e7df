"""The repository has no file that somebody made by using it."""

import subprocess

import pytest

from infra.built import ROOT


def test_no_file_is_tracked_that_is_to_be_ignored() -> None:
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if found.returncode:
        pytest.skip(f"Git does not list the files: {found.stderr.strip()}")
    assert found.stdout.splitlines() == []
