"""The modules of the functions' handlers, made anew as often as a test starts a process of one."""

import sys
from functools import cache
from types import CodeType, ModuleType

from infra.built import ROOT


def handler_module(function: str) -> ModuleType:
    """Runs a function's handler module from its beginning, as a new process does.

    Args:
        function: The function's folder.
    """
    module = ModuleType(f"functions.{function}.handler")
    sys.modules[module.__name__] = module
    exec(_code(function), module.__dict__)
    return module


@cache
def _code(function: str) -> CodeType:
    # Once: the simulator starts some functions thousands of times.
    file = ROOT / "functions" / function / "handler.py"
    return compile(file.read_bytes(), file, "exec")
