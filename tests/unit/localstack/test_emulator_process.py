"""What a process starts and stops of emulators, without one."""

import os

import pytest

from localstack import emulator_process


def test_a_forked_process_does_not_hold_the_emulators_of_its_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched, held = os.pipe()
    # No process has this number.
    monkeypatch.setitem(emulator_process._held_by, -1, held)
    child = os.fork()
    if not child:
        try:
            os.fstat(held)
        except OSError:
            os._exit(0)
        finally:
            os._exit(1)
    os.close(watched)
    os.close(held)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
