"""Who is calling: bearer tokens (JWT, RFC 7519), verified as RFC 8725 advises.

1. The algorithm of a token never chooses how it is verified: HS256 is checked with the shared
   secret alone, the asymmetric ones with the issuer's published keys alone.
2. A token must expire. One that names an audience is refused unless it is ours.
3. A token of another type than `access` (a refresh token) is refused.
4. A verified token is not verified again for a minute, and never past its end: a key that
   its issuer withdraws is refused within that minute.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import jwt

from api.jwks import Keys
from api.parameters import parse_id
from api.problems import ProblemError
from stream.settings import PREFIX, Settings, SettingsError

ADMIN_SCOPE = "admin"
_SYMMETRIC = "HS256"
_DAY = timedelta(days=1)
_KEPT_SECONDS = 60.0
_MOST_KEPT = 10_000


@dataclass(frozen=True)
class Caller:
    """Who a token stands for. `user` is None where it names nobody (an administrator may).

    `until` is when the token ends, in seconds since 1970.
    """

    user: int | None
    admin: bool
    until: float = field(default=math.inf, compare=False)

    def may_see(self, user: int) -> bool:
        """Say whether that user's data are open to the caller."""
        return self.admin or self.user == user


class Verifier:
    """Reads tokens. Raises ProblemError 401 for one that is not valid."""

    def __init__(self, settings: Settings, keys: Keys | None) -> None:
        if settings.jwt_secret is None and keys is None:
            raise SettingsError(
                f"neither {PREFIX}JWT_SECRET nor {PREFIX}JWT_JWKS_URL is set: no token could be"
                " verified. Set one, or run `tonnage up`."
            )
        self._secret = settings.jwt_secret
        self._keys = keys
        self._user_claim = settings.jwt_user_claim
        self._audience = settings.jwt_audience
        self._issuer = settings.jwt_issuer
        self._verified: dict[str, tuple[Caller, float]] = {}
        self._required = ["exp"]
        if self._audience is not None:
            self._required.append("aud")
        if self._issuer is not None:
            self._required.append("iss")

    async def caller(self, authorization: str | None) -> Caller:
        """Return who sent an Authorization header."""
        if authorization is None:
            raise _unauthorized("a bearer token is needed", None)
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthorized("the Authorization header is not `Bearer TOKEN`", "invalid_request")
        held = self._verified.get(token)
        if held is not None and time.time() < held[1]:
            return held[0]
        try:
            claims = await self._claims(token)
        except jwt.PyJWTError as error:
            raise _unauthorized(f"the token is not valid: {error}", "invalid_token") from error
        caller = self._caller(claims)
        if len(self._verified) >= _MOST_KEPT:
            self._verified.clear()
        self._verified[token] = caller, min(int(claims["exp"]), time.time() + _KEPT_SECONDS)
        return caller

    async def _claims(self, token: str) -> dict[str, Any]:
        header = jwt.get_unverified_header(token)
        key: Any
        if header.get("alg") == _SYMMETRIC and self._secret is not None:
            key, algorithms = self._secret.get_secret_value(), [_SYMMETRIC]
        elif header.get("alg") != _SYMMETRIC and self._keys is not None:
            key = await self._keys.find(header)
            algorithms = [key.algorithm_name]
        else:
            raise jwt.InvalidAlgorithmError("its algorithm is not accepted here")
        return jwt.decode(
            token,
            key,
            algorithms=algorithms,
            audience=self._audience,
            issuer=self._issuer,
            options={"require": self._required, "verify_sub": False, "verify_iat": False},
        )

    def _caller(self, claims: Mapping[str, Any]) -> Caller:
        if claims.get("token_type", "access") != "access":
            raise _unauthorized("the token is not an access token", "invalid_token")
        scope = claims.get("scope", "")
        scopes = scope.split() if isinstance(scope, str) else scope
        admin = isinstance(scopes, list) and ADMIN_SCOPE in scopes
        user = _user_id(claims.get(self._user_claim))
        if user is None and not admin:
            raise _unauthorized(
                f"the token's claim {self._user_claim!r} is not a user's id", "invalid_token"
            )
        return Caller(user, admin, float(claims["exp"]))


def make_token(
    settings: Settings, user_id: int | None, *, admin: bool = False, ttl: timedelta = _DAY
) -> str:
    """Sign a token with the shared secret, as this API accepts it."""
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"iat": now, "exp": now + ttl, "token_type": "access"}
    if user_id is not None:
        claims[settings.jwt_user_claim] = str(user_id)
    if admin:
        claims["scope"] = ADMIN_SCOPE
    if settings.jwt_audience is not None:
        claims["aud"] = settings.jwt_audience
    if settings.jwt_issuer is not None:
        claims["iss"] = settings.jwt_issuer
    return jwt.encode(claims, settings.need("jwt_secret"), _SYMMETRIC)


def _user_id(claim: object) -> int | None:
    if isinstance(claim, bool) or not isinstance(claim, int | str):
        return None
    return parse_id(str(claim))


def _unauthorized(detail: str, error: str | None) -> ProblemError:
    challenge = "Bearer" if error is None else f'Bearer error="{error}"'
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})
