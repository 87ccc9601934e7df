"""Failures of callbacks: a code for each cause, and a message that explains it."""

import http.client
import ssl
from collections.abc import Mapping

import urllib3

from event_bus.callbacks.answers import InvalidAnswer
from event_bus.callbacks.connections import CONNECT_SECONDS, ForbiddenAddress, NoRouteToIPv6


class Unanswered(Exception):
    """There was no complete and valid answer.

    Attributes:
        code: The cause, as a code that does not change.
        message: The cause in a sentence, which quotes nothing that the subscriber sent.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


# The order matters: some of these are subclasses of a later one.
_CONNECTING: tuple[tuple[type[Exception], str, str], ...] = (
    (
        ForbiddenAddress,
        "address_forbidden",
        "the host has an address that callbacks must not lead to, unless the deployment's setting "
        "callback_networks permits it",
    ),
    (
        NoRouteToIPv6,
        "ipv6_unreachable",
        "the host has only IPv6 addresses, which the bus cannot reach without the deployment's "
        "setting dual_stack",
    ),
    (
        urllib3.exceptions.NameResolutionError,
        "name_not_resolved",
        "the host's name has no address",
    ),
    (
        urllib3.exceptions.NewConnectionError,
        "connection_refused",
        "no connection could be made",
    ),
    (
        urllib3.exceptions.ConnectTimeoutError,
        "connect_timeout",
        f"no connection within {CONNECT_SECONDS:g} s",
    ),
)

_UNTRUSTED = (
    "tls_certificate_untrusted",
    "the host's certificate is not signed by a known authority, or an intermediate certificate "
    "is missing",
)
_WRONG_HOST = ("tls_certificate_wrong_host", "the host's certificate is for another host")

# By X509_V_ERR_… of OpenSSL (https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/).
_CERTIFICATES: Mapping[int, tuple[str, str]] = {
    2: _UNTRUSTED,  # UNABLE_TO_GET_ISSUER_CERT
    9: ("tls_certificate_not_yet_valid", "the host's certificate is not valid yet"),
    10: ("tls_certificate_expired", "the host's certificate has expired"),
    18: ("tls_certificate_self_signed", "the host's certificate is signed by itself"),
    19: _UNTRUSTED,  # SELF_SIGNED_CERT_IN_CHAIN
    20: _UNTRUSTED,  # UNABLE_TO_GET_ISSUER_CERT_LOCALLY
    21: _UNTRUSTED,  # UNABLE_TO_VERIFY_LEAF_SIGNATURE
    62: _WRONG_HOST,  # HOSTNAME_MISMATCH
    64: _WRONG_HOST,  # IP_ADDRESS_MISMATCH
}
_INVALID_CERTIFICATE = ("tls_certificate_invalid", "the host's certificate is not valid")

_NO_TLS = ("tls_not_spoken", "the host does not speak TLS on this port")
_OLD_VERSION = ("tls_version_unsupported", "the host does not offer TLS 1.2 or later")
_HANDSHAKES: Mapping[str, tuple[str, str]] = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": _OLD_VERSION,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OLD_VERSION,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "tls_client_certificate_required",
        "the host asks for a client certificate, and the bus has none",
    ),
}
_FAILED_HANDSHAKE = ("tls_failed", "the TLS handshake failed")


def unanswered(error: Exception) -> Unanswered:
    """Returns the failure behind an error of a connection.

    Args:
        error: The error, as urllib3 or a socket raised it.
    """
    for kind, code, message in _CONNECTING:
        if isinstance(error, kind):
            return Unanswered(code, message)
    cause = cause_of(error)
    if isinstance(cause, InvalidAnswer):
        return Unanswered("invalid_answer", f"the answer is not valid HTTP/1.1: {cause}")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return Unanswered(*_CERTIFICATES.get(cause.verify_code, _INVALID_CERTIFICATE))
    if isinstance(cause, ssl.SSLError):
        return Unanswered(*_HANDSHAKES.get(cause.reason or "", _FAILED_HANDSHAKE))
    if isinstance(error, urllib3.exceptions.SSLError):
        return Unanswered(*_FAILED_HANDSHAKE)
    return Unanswered("connection_broken", "the connection broke before the answer was complete")


def left_unanswered(error: Exception) -> bool:
    """Returns whether a connection was lost before a byte of an answer came."""
    return isinstance(cause_of(error), http.client.RemoteDisconnected)


def cause_of(error: Exception) -> Exception:
    """Returns the error that urllib3 wrapped into its own, if it did."""
    wrapped = error.args[-1] if error.args else None
    wraps = isinstance(error, urllib3.exceptions.ProtocolError | urllib3.exceptions.SSLError)
    return wrapped if wraps and isinstance(wrapped, Exception) else error
