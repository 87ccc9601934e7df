"""Signs the heads of chains with KMS, and checks signatures with the public key."""

import base64
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from event_bus.model.audit_chain import AuditBlock, AuditHead, head_of

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs with a KMS key that only the function `audit` may use.

    Attributes:
        client: The KMS client.
        key: The ARN of the key, which has the key spec ECC_NIST_P256.
    """

    client: "KMSClient"
    key: str

    def signed(self, block: AuditBlock) -> AuditBlock:
        """Returns a block with the signature of its head."""
        answer = self.client.sign(
            KeyId=self.key,
            Message=head_of(block).signed,
            MessageType="RAW",
            SigningAlgorithm="ECDSA_SHA_256",
        )
        return replace(block, signature=base64.urlsafe_b64encode(answer["Signature"]).decode())


@dataclass(frozen=True, slots=True)
class SignatureCheck:
    """Checks signatures with the public key, without a call to KMS for each.

    Attributes:
        public_key: The public key, as KMS gives it (DER).
    """

    public_key: bytes

    def genuine(self, head: AuditHead) -> bool:
        """Returns whether the head's signature was made by the key.

        Raises:
            TypeError: The public key is not one of an elliptic curve.
        """
        # Imported here: only verification needs it, and it would slow down cold starts.
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_der_public_key,
        )

        key = load_der_public_key(self.public_key)
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise TypeError("the key of the audit log is not one of an elliptic curve")
        try:
            signature = base64.urlsafe_b64decode(head.signature)
            key.verify(signature, head.signed, ec.ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True
