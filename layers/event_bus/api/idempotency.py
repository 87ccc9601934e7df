"""`Idempotency-Key`: a repeated request is carried out once.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import base64
import hashlib
import hmac
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from ulid import ULID

from event_bus import json_numbers, times
from event_bus.access.callers import Caller
from event_bus.api.requests import Request, Response
from event_bus.encryption.data_keys import DataKeys
from event_bus.errors import Conflict, Fault, InvalidRequest, MalformedRequest, Problem
from event_bus.log import logger
from event_bus.stores.idempotency import IdempotencyStore, RequestClaim
from event_bus.time_limit import OutOfTime

HEADER = "idempotency-key"

REPLAYED = "idempotent-replayed"
"""The header of an answer that is repeated."""

KEPT_SECONDS = 24 * 3600
"""How long a key is kept after its first request, in seconds."""

CLAIM_SECONDS = 35
"""How long a request holds its key, in seconds: longer than a function of the API runs (29 s)."""

_NONCE_BYTES = 12
# A string of RFC 8941; many clients send it without the quotes.
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"')
_BARE = re.compile(r"[A-Za-z0-9._~:+/=-]{1,255}")


@dataclass(frozen=True, slots=True)
class Repetitions:
    """Carries out requests with idempotency keys.

    Attributes:
        store: The keys.
        keys: The keys that seal answers: an answer may hold an API key or a signing secret.
    """

    store: IdempotencyStore
    keys: DataKeys

    def once(self, request: Request, function: Callable[[Request], Response]) -> Response:
        """Carries out a request, or repeats the answer of an earlier one.

        A refusal (4xx) changed nothing, and frees the key. After a failure of the bus (5xx), nobody
        knows what took effect. So the next request with the key is carried out with the same nonce,
        and creates the same resource.

        Args:
            request: The request, with the header `Idempotency-Key`.
            function: Carries it out.

        Returns:
            The answer; that of the earlier request if there was one.

        Raises:
            MalformedRequest: The key is not valid.
            InvalidRequest: Another request had this key.
            Conflict: The request is being carried out.
        """
        wanted = _claim_for(request)
        standing = self.store.claim(wanted, int(times.unix()))
        # If boto3 repeated the write, it found its own claim: the first write had succeeded, and
        # its answer was lost.
        if standing.claimed_by != wanted.claimed_by:
            if standing.fingerprint != wanted.fingerprint:
                raise InvalidRequest.at(HEADER, "belongs to another request; choose another key")
            if standing.answer is not None:
                return self._opened(standing, standing.answer)
            wait = standing.claimed_until - int(times.unix())
            if wait > 0 or not self.store.take_over(standing, wanted):
                raise Conflict(
                    "The first request with this Idempotency-Key is still being carried out; "
                    "retry later.",
                    headers={"retry-after": str(max(1, wait))},
                )
        held = replace(wanted, nonce=standing.nonce)
        try:
            response = function(replace(request, nonce=held.nonce))
        except (Exception, OutOfTime) as error:
            refused = isinstance(error, Problem) and error.status < 500
            with suppress(ClientError, BotoCoreError):
                (self.store.release if refused else self.store.give_up)(held)
            raise
        try:
            self.store.answer(held, self._sealed(held, response))
        except (ClientError, BotoCoreError):
            # The request has taken effect, so its client gets the answer.
            logger.exception("answer not kept", request_id=request.id)
        return response

    def _sealed(self, claim: RequestClaim, response: Response) -> str:
        kept = json_numbers.dumps(
            {"status": response.status, "headers": response.headers, "body": response.body}
        )
        key, nonce = self.keys.for_sealing(), os.urandom(_NONCE_BYTES)
        encrypted = _cipher(key.plain).encrypt(nonce, kept, claim.fingerprint.encode())
        return f"{_base64(key.sealed)} {_base64(nonce + encrypted)}"

    def _opened(self, claim: RequestClaim, answer: str) -> Response:
        key, sealed = (base64.b64decode(each) for each in answer.split())
        nonce, encrypted = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        cipher = _cipher(self.keys.opened(key))
        kept = json_numbers.loads(cipher.decrypt(nonce, encrypted, claim.fingerprint.encode()))
        headers = {**kept["headers"], REPLAYED: "true"}
        return Response(kept["status"], kept["body"], headers, replayed=True)


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _claim_for(request: Request) -> RequestClaim:
    now, key = int(times.unix()), _key_in(request.headers[HEADER])
    # A body may hold a chosen API key, which readers of the table could guess from a plain hash.
    body = request.body
    sent = orjson.dumps(
        [request.key, request.path, body if isinstance(body, str) else _base64(body)]
    )
    return RequestClaim(
        id=hashlib.sha256(orjson.dumps([*_scope(request.caller), key])).hexdigest(),
        fingerprint=hmac.new(key.encode(), sent, "sha256").hexdigest(),
        nonce=str(ULID()),
        claimed_by=str(ULID()),
        claimed_until=now + CLAIM_SECONDS,
        expires_at=now + KEPT_SECONDS,
    )


def _scope(caller: Caller) -> tuple[str, ...]:
    # The API key is included, because another key of the service may not permit reading the answer.
    return caller.role, caller.service_id, caller.key_id or ""


def _key_in(header: str) -> str:
    if quoted := _QUOTED.fullmatch(header.strip()):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    if bare := _BARE.fullmatch(header.strip()):
        return bare[0]
    detail = (
        "must be one string in quotes of 1 to 255 printable ASCII characters, "
        'such as "0b6f0f1e-8d2c-4a8e-9c57-3f5a7c1d2e90"'
    )
    raise MalformedRequest(f"{HEADER} {detail}.", [Fault(HEADER, detail)])


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    return AESGCM(key)
