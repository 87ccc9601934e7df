"""Functions run in processes that are forked, and each is like one that was started."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from localstack import function_processes
from localstack.function_processes import NUMBER, start
from tests.waiting import at_most

SCRIPT = """
import json, os, subprocess, sys
for line in sys.stdin:
    print(json.dumps({
        "line": line.strip(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "name": __name__,
        "argv": sys.argv,
        "path": sys.path[0],
        "child": subprocess.run(["true"]).returncode,
    }), flush=True)
    print("told", file=sys.stderr)
sys.exit(3)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    written = tmp_path / "script.py"
    written.write_text(SCRIPT)
    return written


@pytest.fixture
def process(script: Path) -> Iterator[Any]:
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    environment = {"PATH": os.environ["PATH"], "OWN": "value"}
    started = start(
        [sys.executable, str(script)],
        **{**streams, "cwd": str(script.parent), "env": environment, "text": True, "bufsize": 1},
    )
    with at_most(120, started.kill, "what the process prints"):
        yield started
    started.kill()
    started.wait(10)


def test_it_has_its_streams_environment_folder_and_script(process: Any, script: Path) -> None:
    for line in ("one", "two"):
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        told = json.loads(process.stdout.readline())
        assert told["line"] == line
        assert told["environment"]["OWN"] == "value"
        assert set(told["environment"]) <= {"PATH", "OWN", "LC_CTYPE"}
        assert told["folder"] == told["path"] == str(script.parent)
        assert told["name"] == "__main__"
        assert told["argv"] == [str(script)]
        assert told["child"] == 0
        assert process.stderr.readline() == "told\n"
    assert script.with_name(NUMBER).read_text() == str(process.pid)


def test_it_ends_by_itself(process: Any) -> None:
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(10)
    assert process.poll()
    assert process.stdout.read() == ""


def test_it_can_be_ended(process: Any) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    process.terminate()
    assert process.wait(10)
    process.kill()


def test_a_process_that_fails_to_start_prints_its_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise ValueError('no')")
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    failed: Any = start(
        [sys.executable, str(broken)],
        **{**streams, "cwd": str(tmp_path), "env": {}, "text": True, "bufsize": 1},
    )
    assert failed.wait(10)
    assert "ValueError: no" in failed.stderr.read()


@pytest.mark.parametrize(
    ("template", "seconds", "error"),
    [
        ("import signal; signal.pause()", 0.2, "which forks those of functions, did not answer"),
        ("", 60.0, "which forks those of functions, has ended"),
    ],
    ids=["hangs", "ends"],
)
def test_a_template_that_does_not_answer_is_replaced(
    script: Path, monkeypatch: pytest.MonkeyPatch, template: str, seconds: float, error: str
) -> None:
    file = script.with_name("template.py")
    file.write_text(template)
    function_processes._template.cache_clear()
    command, members = [sys.executable, str(script)], {"cwd": str(script.parent), "env": {}}
    with monkeypatch.context() as patch:
        patch.setattr(function_processes, "_TEMPLATE", file)
        patch.setattr(function_processes, "_ANSWER_SECONDS", seconds)
        before = set(os.listdir("/proc/self/fd"))
        with pytest.raises(OSError, match=error):
            start(command, **members)
        assert set(os.listdir("/proc/self/fd")) <= before
    again = start(command, **members)
    again.kill()
    assert again.wait(10)


def test_another_program_is_started() -> None:
    started = start(["true"], stdout=subprocess.DEVNULL)
    assert isinstance(started, subprocess.Popen)
    assert started.wait(10) == 0


def test_threads_that_see_its_end_close_nothing_of_others(process: Any) -> None:
    def opened_after_its_end(_: int) -> int:
        while process.poll() is None:
            pass
        return os.open(os.devnull, os.O_RDONLY)

    with ThreadPoolExecutor(8) as executor:
        opening = [executor.submit(opened_after_its_end, number) for number in range(8)]
        process.kill()
        numbers = [each.result() for each in opening]
    for number in numbers:
        os.close(number)  # OSError, had another thread closed it
