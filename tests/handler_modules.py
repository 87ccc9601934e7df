"""The modules of the functions, made anew as often as a test starts a process of one."""

import sys
from functools import cache
from types import CodeType, ModuleType

import pytest
from event_bus.settings import settings

from infra.built import ROOT

_LANE = "deliver_"


def handler_module(function: str) -> ModuleType:
    """Runs the modules of a function from their beginning, as a new process does.

    Args:
        function: The function's folder; for a lane, `deliver_` and its name.

    Returns:
        The handler's module.
    """
    forget_modules(function)
    if not function.startswith(_LANE):
        _run_modules_beside(function)
        return _run(function, "handler", function)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANE", function.removeprefix(_LANE))
        settings.cache_clear()
        module = _run(function, "handler", "deliver")
    settings.cache_clear()
    return module


def forget_modules(function: str) -> None:
    """Forgets the modules of a function, which keep what they have built.

    Args:
        function: As for `handler_module`.
    """
    package = f"functions.{function}"
    beside = [] if function.startswith(_LANE) else _beside(function)
    for name in (package, *(f"{package}.{each}" for each in ("handler", *beside))):
        sys.modules.pop(name, None)


def _run_modules_beside(folder: str) -> None:
    package = sys.modules[f"functions.{folder}"] = ModuleType(f"functions.{folder}")
    # If one of the modules imports another that has not run yet, Python finds it by this path.
    package.__path__ = [str(ROOT / "functions" / folder)]
    for name in _beside(folder):
        if f"{package.__name__}.{name}" not in sys.modules:
            setattr(package, name, _run(folder, name, folder))


def _run(function: str, name: str, folder: str) -> ModuleType:
    module = ModuleType(f"functions.{function}.{name}")
    sys.modules[module.__name__] = module
    exec(_code(folder, name), module.__dict__)
    return module


@cache
def _beside(folder: str) -> list[str]:
    files = (ROOT / "functions" / folder).glob("*.py")
    return sorted(file.stem for file in files if file.stem != "handler")


@cache
def _code(folder: str, name: str) -> CodeType:
    # Once: the simulator starts some functions thousands of times.
    file = ROOT / "functions" / folder / f"{name}.py"
    return compile(file.read_bytes(), file, "exec")
