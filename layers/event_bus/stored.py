"""Reads stored records, including those that a later version of the bus has stored.

During a deployment, and after a rollback, functions read items and messages of a later version.
Members that it has added are left out here.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, TypeVar


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]


_Record = TypeVar("_Record", bound=_Dataclass)


def restored(record: type[_Record], members: Mapping[str, Any]) -> _Record:
    """Makes a dataclass from stored members, without those that it does not know.

    Args:
        record: The dataclass.
        members: The members by their names.

    Raises:
        TypeError: A member without a default is missing.
    """
    known = record.__dataclass_fields__
    if members.keys() <= known.keys():
        return record(**members)
    return record(**{name: value for name, value in members.items() if name in known})
