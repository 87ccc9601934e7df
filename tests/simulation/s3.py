"""S3 in memory."""

import io
import re
from typing import Any

from tests.simulation.seam import (
    Check,
    Interceptor,
    SimulatedClient,
    carried_out,
    error,
    unchecked,
)

_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


class MemoryS3(SimulatedClient):
    """A client of objects in memory.

    Attributes:
        objects: The objects, by bucket and key.
    """

    service = "s3"

    def __init__(
        self,
        objects: dict[tuple[str, str], bytes],
        intercept: Interceptor = carried_out,
        attempts: int = 1,
        check: Check = unchecked,
    ) -> None:
        super().__init__(intercept, attempts, check)
        self.objects = objects

    def put_object(self, **request: Any) -> Any:
        self.check("s3:PutObject", _place(request))

        def put() -> Any:
            self.objects[request["Bucket"], request["Key"]] = request["Body"]
            return {}

        return self.call("PutObject", put)

    def get_object(self, **request: Any) -> Any:
        self.check("s3:GetObject", _place(request))

        def get() -> Any:
            found = self.objects.get((request["Bucket"], request["Key"]))
            if found is None:
                raise error("NoSuchKey", "GetObject")
            return {"Body": io.BytesIO(_part(found, request.get("Range")))}

        return self.call("GetObject", get)

    def delete_object(self, **request: Any) -> Any:
        return self.call(
            "DeleteObject",
            lambda: self.objects.pop((request["Bucket"], request["Key"]), None),
        )

    def list_objects_v2(self, **request: Any) -> Any:
        def listed() -> Any:
            keys = [key for bucket, key in self.objects if bucket == request["Bucket"]]
            return {"Contents": [{"Key": key} for key in sorted(keys)]}

        return self.call("ListObjectsV2", listed)


def _place(request: dict[str, Any]) -> str:
    return f"{request['Bucket']}/{request['Key']}"


def _part(content: bytes, asked: str | None) -> bytes:
    """Returns a range of an object, including its last byte, up to the object's end."""
    if asked is None:
        return content
    match = _RANGE.fullmatch(asked)
    assert match
    first, last = int(match[1]), int(match[2])
    if first >= len(content) or last < first:
        raise error("InvalidRange", "GetObject")
    return content[first : last + 1]
