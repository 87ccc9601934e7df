"""The modules of the functions' handlers, made anew as often as a test starts a process of one."""

import sys
from functools import cache
from types import CodeType, ModuleType

import pytest
from event_bus.settings import settings

from infra.built import ROOT

_LANE = "deliver_"


def handler_module(function: str) -> ModuleType:
    """Runs a function's handler module from its beginning, as a new process does.

    Args:
        function: The function's folder; for a lane, `deliver_` and its name.
    """
    module = ModuleType(f"functions.{function}.handler")
    sys.modules[module.__name__] = module
    if not function.startswith(_LANE):
        exec(_code(function), module.__dict__)
        return module
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANE", function.removeprefix(_LANE))
        settings.cache_clear()
        exec(_code("deliver"), module.__dict__)
    settings.cache_clear()
    return module


@cache
def _code(folder: str) -> CodeType:
    # Once: the simulator starts some functions thousands of times.
    file = ROOT / "functions" / folder / "handler.py"
    return compile(file.read_bytes(), file, "exec")
