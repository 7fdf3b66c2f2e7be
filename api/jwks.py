"""The issuer's public keys (a JWK Set, RFC 7517), fetched when needed and kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

import httpx
import jwt

from api.problems import unavailable

log = logging.getLogger(__name__)

_REFRESH_SECONDS = 300.0
_RETRY_SECONDS = 10.0
_TIMEOUT_SECONDS = 5.0


class Keys:
    """Finds the key of a token.

    The set is fetched again when it is old, and when a token names a key that it lacks, but
    never more often than every 10 s, so that made-up tokens can't flood the issuer. While the
    issuer does not answer, the keys that were fetched before stay good.
    """

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._url = url
        self._transport = transport
        self._keys: list[jwt.PyJWK] = []
        self._fetched = self._tried = -_REFRESH_SECONDS
        self._lock = asyncio.Lock()

    async def find(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        """Return the key that a token's header names.

        Raises InvalidKeyError where there is none, ProblemError 503 while no key is known.
        """
        key = self._held(header)
        if key is None or time.monotonic() - self._fetched > _REFRESH_SECONDS:
            await self._fetch()
            key = self._held(header)
        if key is not None:
            return key
        if not self._keys:
            raise unavailable("the token issuer's keys can't be fetched now")
        raise jwt.InvalidKeyError("its issuer publishes no key that fits")

    def _held(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        fitting = [key for key in self._keys if key.algorithm_name == header.get("alg")]
        if "kid" in header:
            return next((key for key in fitting if key.key_id == header["kid"]), None)
        return fitting[0] if len(fitting) == 1 else None

    async def _fetch(self) -> None:
        async with self._lock:
            if time.monotonic() - self._tried < _RETRY_SECONDS:
                return
            self._tried = time.monotonic()
            try:
                async with httpx.AsyncClient(
                    timeout=_TIMEOUT_SECONDS, transport=self._transport
                ) as client:
                    answer = (await client.get(self._url)).raise_for_status()
                found = jwt.PyJWKSet.from_dict(answer.json())
            except (httpx.HTTPError, ValueError, AttributeError, jwt.PyJWTError) as error:
                log.warning("the token issuer's keys can't be fetched: %s", error)
                return
            # A symmetric key in a published set would be no secret.
            self._keys = [key for key in found.keys if key.key_type != "oct"]
            self._fetched = self._tried
