"""Breaks functions of modules that are imported already."""

import gc
import inspect
from types import CodeType, FunctionType


class NotInFunctions(ValueError):
    """A break also changes what is not a function, or a function that cannot be replaced."""


def break_functions(path: str, intact: str, broken: str) -> None:
    """Gives the functions of an imported module the code of another text.

    Args:
        path: The file of the module.
        intact: Its text.
        broken: The other text.

    Raises:
        NotInFunctions: The texts also differ outside of functions, or a function is not imported or
            does not accept the new code.
    """
    before, after = (compile(text, path, "exec") for text in (intact, broken))
    changed = dict(_changed(before, after))
    found = [
        each
        for each in gc.get_objects()
        # A weak reference to what is gone raises if it is asked by `isinstance`.
        if type(each) is FunctionType
        and each.__code__.co_filename == path
        and each.__code__.co_qualname in changed
    ]
    if {each.__code__.co_qualname for each in found} != changed.keys():
        raise NotInFunctions(f"{path} is not imported, or a function of it is made later")
    for each in found:
        try:
            each.__code__ = changed[each.__code__.co_qualname]
        except ValueError as error:
            raise NotInFunctions(str(error)) from error


def _changed(before: CodeType, after: CodeType) -> list[tuple[str, CodeType]]:
    """Returns each function whose code differs: its qualified name, and its new code."""
    if _own(before) != _own(after):
        raise NotInFunctions("the module or a class differs, not a function alone")
    names = [each.co_qualname for each in _within(before)]
    changed = []
    for old, new in zip(_within(before), _within(after), strict=True):
        if _whole(old) == _whole(new):
            continue
        if names.count(old.co_qualname) > 1:
            raise NotInFunctions(f"there are several functions {old.co_qualname}")
        if old.co_flags & inspect.CO_OPTIMIZED:
            changed.append((new.co_qualname, new))
        else:
            changed += _changed(old, new)
    return changed


def _within(code: CodeType) -> list[CodeType]:
    return [each for each in code.co_consts if isinstance(each, CodeType)]


def _own(code: CodeType) -> tuple[object, ...]:
    """What a code object does, except in the functions and classes within it."""
    constants = tuple(
        each.co_qualname if isinstance(each, CodeType) else repr(each) for each in code.co_consts
    )
    return (
        code.co_code,
        constants,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_exceptiontable,
    )


def _whole(code: CodeType) -> tuple[object, ...]:
    return (*_own(code), *map(_whole, _within(code)))
