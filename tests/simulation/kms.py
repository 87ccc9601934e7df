"""KMS in memory: it stores plaintexts, and returns one for the same encryption context."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.simulation.seam import (
    Check,
    Interceptor,
    SimulatedClient,
    carried_out,
    error,
    unchecked,
)

_Sealed = tuple[str, bytes, Mapping[str, str]]


class MemoryKms(SimulatedClient):
    """A client of keys in memory.

    Attributes:
        sealed: The plaintexts, with their keys and contexts.
    """

    service = "kms"

    def __init__(
        self,
        sealed: dict[bytes, _Sealed],
        intercept: Interceptor = carried_out,
        attempts: int = 1,
        check: Check = unchecked,
    ) -> None:
        super().__init__(intercept, attempts, check)
        self.sealed = sealed

    def create_key(self) -> Any:
        return self.call("CreateKey", lambda: {"KeyMetadata": {"Arn": "key"}})

    def encrypt(self, **request: Any) -> Any:
        self.check("kms:Encrypt", _purpose(request))
        return self.call("Encrypt", lambda: self._encrypted(request, request["Plaintext"]))

    def generate_data_key(self, **request: Any) -> Any:
        self.check("kms:GenerateDataKey", _purpose(request))

        def generate() -> Any:
            # Nobody attacks it here, and a seed must repeat the same course.
            key = hashlib.sha256(str(len(self.sealed)).encode()).digest()
            return {**self._encrypted(request, key), "Plaintext": key}

        return self.call("GenerateDataKey", generate)

    def decrypt(self, **request: Any) -> Any:
        self.check("kms:Decrypt", _purpose(request))

        def decrypt() -> Any:
            key, plaintext, context = self.sealed.get(request["CiphertextBlob"], ("", b"", {}))
            if not key or context != request.get("EncryptionContext", {}):
                raise error("InvalidCiphertextException", "Decrypt")
            return {"Plaintext": plaintext, "KeyId": key}

        return self.call("Decrypt", decrypt)

    def _encrypted(self, request: Mapping[str, Any], plaintext: bytes) -> Any:
        blob = f"sealed-{len(self.sealed)}".encode()
        context = request.get("EncryptionContext", {})
        self.sealed[blob] = (request["KeyId"], plaintext, dict(context))
        return {"CiphertextBlob": blob, "KeyId": request["KeyId"]}


def _purpose(request: Mapping[str, Any]) -> str:
    return str(request.get("EncryptionContext", {}).get("purpose", ""))
