"""A program that the local environment runs cannot hold it up for ever."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localstack import assembly, programs
from localstack.errors import LocalError


def test_a_program_that_ends_is_returned(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os; print(os.getcwd()); exit(3)"]
    done = programs.run(command, "It", 60, cwd=tmp_path, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout) == (3, f"{tmp_path}\n")


def test_a_program_that_hangs_is_named_with_what_it_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def late(command: list[str], *, timeout: float, **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, timeout, b"half\n")

    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(LocalError) as caught:
        programs.run(["cdk"], "cdk deploy", 900, stdout=subprocess.PIPE)
    assert str(caught.value) == "cdk deploy did not end within 900 s and was killed:\nhalf"


def test_a_synthesis_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "app.py").write_text("import time; time.sleep(300)")
    (tmp_path / "cdk.json").write_text('{"context": {}}')
    monkeypatch.setattr(assembly, "ROOT", tmp_path)
    monkeypatch.setattr(assembly, "_LONGEST_SECONDS", 0.1)
    with pytest.raises(LocalError, match=r"app\.py\) did not end within 0\.1 s and was killed"):
        assembly._synthesise(tmp_path / "made")
