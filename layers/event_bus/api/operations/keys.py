"""Making, rotating and revoking the keys of a service, under `/publishers` and `/subscribers`."""

from dataclasses import dataclass
from typing import Literal

from event_bus.api.documents.services import CreatedKey, KeyList
from event_bus.api.operation import Operation
from event_bus.errors import Conflict, NotFound
from event_bus.requests.credentials import KeyRequest, RotationRequest


@dataclass(frozen=True, slots=True)
class KeyOperations:
    """The operations on the keys of services of one kind.

    Attributes:
        path: The path of the services.
        make: Makes a further key.
        list: Lists the keys.
        revoke: Revokes a key.
        rotate: Replaces a key.
    """

    path: str
    make: Operation
    list: Operation
    revoke: Operation
    rotate: Operation

    @property
    def all(self) -> tuple[Operation, ...]:
        """All the operations."""
        return self.make, self.list, self.revoke, self.rotate


def _operations(kind: Literal["publisher", "subscriber"]) -> KeyOperations:
    path, title = f"/{kind}s", kind.title()
    return KeyOperations(
        path,
        make=Operation(
            f"POST {path}/{{id}}/keys",
            name=f"make{title}Key",
            function="keys",
            scope="manage",
            action="key.create",
            tag="Keys",
            summary=f"Make a further key of a {kind}, within the limits of the key that was sent; "
            "the answer shows it, once.",
            body=KeyRequest,
            body_required=False,
            creates=True,
            answers={201: CreatedKey},
            located=(201,),
            errors=(NotFound, Conflict),
        ),
        list=Operation(
            f"GET {path}/{{id}}/keys",
            name=f"list{title}Keys",
            function="keys",
            scope="manage",
            action="key.list",
            tag="Keys",
            summary=f"List the keys of a {kind}, the oldest first.",
            answers={200: KeyList},
            errors=(NotFound,),
        ),
        revoke=Operation(
            f"DELETE {path}/{{id}}/keys/{{key_id}}",
            name=f"revoke{title}Key",
            function="keys",
            scope="manage",
            action="key.revoke",
            tag="Keys",
            summary="Revoke a key; within half a minute it is refused everywhere.",
            answers={204: None},
            errors=(NotFound, Conflict),
        ),
        rotate=Operation(
            f"POST {path}/{{id}}/keys/{{key_id}}/rotate",
            name=f"rotate{title}Key",
            function="keys",
            scope="manage",
            action="key.rotate",
            tag="Keys",
            summary="Replace a key, once, by one that permits the same; both are valid during the "
            "overlap.",
            body=RotationRequest,
            body_required=False,
            creates=True,
            answers={201: CreatedKey},
            located=(201,),
            errors=(NotFound, Conflict),
        ),
    )


OF_PUBLISHERS = _operations("publisher")
OF_SUBSCRIBERS = _operations("subscriber")
