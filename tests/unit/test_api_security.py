from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from api.jwks import Keys
from api.problems import ProblemError
from api.security import Caller, Verifier, make_token
from stream.settings import Settings, SettingsError, load_settings

SECRET = "a secret of the tests that is long enough for HS256"
NOW = datetime.now(UTC)
GOOD: dict[str, Any] = {"sub": "7", "exp": NOW + timedelta(hours=1)}


def settings(**given: Any) -> Settings:
    return load_settings(home="/nonexistent", **({"jwt_secret": SECRET} | given))


def caller(token: str, given: Settings | None = None, keys: Keys | None = None) -> Caller:
    return asyncio.run(Verifier(given or settings(), keys).caller(f"Bearer {token}"))


def signed(secret: str = SECRET, **claims: Any) -> str:
    return jwt.encode({**GOOD, **claims}, secret)


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part(header)}.{part(claims)}."


@cache
def rsa_key() -> RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(**more: Any) -> dict[str, Any]:
    numbers = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key()))
    return {**numbers, "kid": "one", **more}


def issuer(*keys: dict[str, Any]) -> Keys:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"keys": keys}))
    return Keys("http://127.0.0.1/keys", answer)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({}, Caller(7, admin=False)),
        ({"sub": 7}, Caller(7, admin=False)),
        ({"token_type": "access"}, Caller(7, admin=False)),
        ({"scope": "read admin"}, Caller(7, admin=True)),
        ({"scope": ["admin"]}, Caller(7, admin=True)),
        ({"scope": "administrator"}, Caller(7, admin=False)),
        ({"sub": None, "scope": "admin"}, Caller(None, admin=True)),
    ],
)
def test_a_good_token_says_who(claims: dict[str, Any], expected: Caller) -> None:
    assert caller(signed(**claims)) == expected


@pytest.mark.parametrize(
    "token",
    [
        "",
        "nonsense",
        "a.b.c",
        "é.é.é",
        signed(secret="another secret that is just as long as ours"),
        signed(exp=NOW - timedelta(seconds=1)),
        signed(nbf=NOW + timedelta(hours=1)),
        signed(token_type="refresh"),
        signed(token_type=None),
        signed(aud="someone else"),
        signed(sub="seven"),
        signed(sub=True),
        signed(sub="-7"),
        signed(sub=str(2**63)),
        signed(sub=None),
        signed(sub=None, scope="not-admin"),
        jwt.encode({"sub": "7"}, SECRET),  # never expires
        jwt.encode(GOOD, SECRET + SECRET, "HS512"),
        unsigned({"alg": "none"}, {"sub": "7", "exp": 9999999999}),
        unsigned({"alg": "None"}, {"sub": "7", "exp": 9999999999}),
        unsigned({"alg": "HS256"}, {"sub": "7", "exp": 9999999999}),
        unsigned({"alg": ["HS256"]}, {"sub": "7", "exp": 9999999999}),
        unsigned({}, {"sub": "7", "exp": 9999999999}),
        signed() + "x",
        signed().rsplit(".", 1)[0] + ".",
    ],
)
def test_a_bad_token_is_refused(token: str) -> None:
    with pytest.raises(ProblemError) as refused:
        caller(token)
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [None, "", "Bearer", "Basic Zm9vOmJhcg==", signed()])
def test_other_headers_are_refused(header: str | None) -> None:
    with pytest.raises(ProblemError, match=r"token|Bearer"):
        asyncio.run(Verifier(settings(), None).caller(header))


def test_the_scheme_may_be_of_any_case() -> None:
    verifier = Verifier(settings(), None)
    assert asyncio.run(verifier.caller(f"bearer {signed()}")).user == 7


def test_a_verified_token_still_ends() -> None:
    verifier = Verifier(settings(), None)
    header = f"Bearer {signed(exp=datetime.now(UTC) + timedelta(seconds=2))}"
    assert asyncio.run(verifier.caller(header)).user == 7

    @retry(retry=retry_if_result(bool), wait=wait_fixed(0.05), stop=stop_after_delay(10))
    def still_good() -> Caller:
        return asyncio.run(verifier.caller(header))

    with pytest.raises(ProblemError, match="expired"):
        still_good()


def test_audience_and_issuer_must_be_ours() -> None:
    ours = settings(jwt_audience="training", jwt_issuer="app")
    assert caller(signed(aud="training", iss="app"), ours).user == 7
    for claims in ({}, {"aud": "training"}, {"iss": "app"}, {"aud": "training", "iss": "other"}):
        with pytest.raises(ProblemError):
            caller(signed(**claims), ours)


def test_the_user_claim_is_a_setting() -> None:
    simple_jwt = settings(jwt_user_claim="user_id")
    assert caller(signed(user_id=9), simple_jwt).user == 9
    with pytest.raises(ProblemError, match="'user_id'"):
        caller(signed(), simple_jwt)


def test_our_own_tokens_are_accepted() -> None:
    ours = settings(jwt_audience="training", jwt_issuer="app", jwt_user_claim="user_id")
    assert caller(make_token(ours, 7), ours) == Caller(7, admin=False)
    assert caller(make_token(ours, None, admin=True), ours) == Caller(None, admin=True)
    with pytest.raises(ProblemError):
        caller(make_token(ours, 7, ttl=timedelta(seconds=-1)), ours)


def test_published_keys_verify_asymmetric_tokens() -> None:
    token = jwt.encode(GOOD, rsa_key(), "RS256", headers={"kid": "one"})
    ours = settings(jwt_secret=None)
    assert caller(token, ours, issuer(jwk())).user == 7
    assert caller(jwt.encode(GOOD, rsa_key(), "RS256"), ours, issuer(jwk(kid="any"))).user == 7
    for keys in (issuer(jwk(kid="two")), issuer(jwk(alg="RS512"))):
        with pytest.raises(ProblemError, match="publishes no key"):
            caller(token, ours, keys)


def test_a_public_key_is_no_shared_secret() -> None:
    public = rsa_key().public_key()
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    body = unsigned({"alg": "HS256", "kid": "one"}, {"sub": "7", "exp": 9999999999})[:-1]
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(body.encode(), pem)).rstrip(b"=").decode()
    for ours in (settings(jwt_secret=None), settings()):
        with pytest.raises(ProblemError):
            caller(f"{body}.{signature}", ours, issuer(jwk()))


def test_a_symmetric_key_that_is_published_is_not_used() -> None:
    secret = base64.urlsafe_b64encode(SECRET.encode()).decode()
    keys = issuer({"kty": "oct", "k": secret, "kid": "one", "alg": "HS512"}, jwk(kid="two"))
    token = jwt.encode(GOOD, SECRET + SECRET, "HS512", headers={"kid": "one"})
    with pytest.raises(ProblemError, match="publishes no key"):
        caller(token, settings(jwt_secret=None), keys)


def test_unknown_keys_do_not_flood_the_issuer() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"keys": [jwk()]})

    async def ask() -> None:
        keys = Keys("http://127.0.0.1/keys", httpx.MockTransport(answer))
        for kid in range(20):
            with pytest.raises(jwt.InvalidKeyError):
                await keys.find({"alg": "RS256", "kid": str(kid)})

    asyncio.run(ask())
    assert len(asked) == 1


@pytest.mark.parametrize(
    "answer", [httpx.Response(500), httpx.Response(200, text="no"), httpx.Response(200, json=[])]
)
def test_a_silent_issuer_is_503(answer: httpx.Response) -> None:
    keys = Keys("http://127.0.0.1/keys", httpx.MockTransport(lambda _: answer))
    token = jwt.encode(GOOD, rsa_key(), "RS256", headers={"kid": "one"})
    with pytest.raises(ProblemError) as refused:
        caller(token, settings(jwt_secret=None), keys)
    assert refused.value.status == 503


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "one' UNION SELECT 'key"},
        {"kid": "http://evil.example/key"},
        {"kid": ""},
        {"kid": "x" * 10_000},
        {"kid": ["one"]},
        {"kid": {"one": 1}},
        {"kid": None},
        {"kid": "two", "jku": "http://evil.example/jwks", "x5u": "http://evil.example/crt"},
        {"kid": "two", "jwk": jwk(kid="two")},
        {"kid": "two", "x5c": ["MII"], "crit": ["exp"]},
    ],
    ids=lambda header: "-".join(header) + str(header["kid"])[:12],
)
def test_a_token_never_says_where_its_key_is(header: dict[str, Any]) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(200, json={"keys": [jwk()]})

    signing = jwt.PyJWS()
    body = json.dumps({"sub": "7", "exp": 9999999999}).encode()
    encoded = unsigned({"alg": "RS256", **header}, json.loads(body))[:-1]
    signature = signing.get_algorithm_by_name("RS256").sign(encoded.encode(), other)
    token = f"{encoded}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    keys = Keys("http://127.0.0.1/keys", httpx.MockTransport(answer))
    for ours in (settings(jwt_secret=None), settings()):
        with pytest.raises(ProblemError) as refused:
            caller(token, ours, keys)
        assert refused.value.status == 401
    assert {*asked} <= {"http://127.0.0.1/keys"}


class Issuer:
    """An issuer that publishes other keys as time goes by, or does not answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.answer = httpx.Response(200, json={"keys": [jwk()]})
        self.keys = Keys("http://127.0.0.1/keys", httpx.MockTransport(lambda _: self.answer))
        monkeypatch.setattr("api.jwks.time.monotonic", lambda: self.now)

    def publish(self, *keys: dict[str, Any]) -> None:
        self.answer = httpx.Response(200, json={"keys": keys})

    def after(self, seconds: float, kid: str) -> str:
        """Return what becomes of a token signed by that key, so many seconds later."""
        self.now += seconds
        token = jwt.encode(GOOD, rsa_key(), "RS256", headers={"kid": kid})
        try:
            return str(caller(token, settings(jwt_secret=None), self.keys).user)
        except ProblemError as error:
            return str(error.status.value)


def test_a_new_key_is_fetched_and_a_withdrawn_one_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    issuer = Issuer(monkeypatch)
    assert issuer.after(0, "one") == "7"
    issuer.publish(jwk(), jwk(kid="two"))
    assert issuer.after(11, "two") == "7"  # not before 10 s have passed since the last look
    issuer.publish(jwk(kid="two"))
    assert issuer.after(100, "one") == "7"
    assert issuer.after(201, "one") == "401"
    assert issuer.after(0, "two") == "7"


@pytest.mark.parametrize(
    "silence", [httpx.Response(500), httpx.Response(200, text="x"), httpx.Response(302)]
)
def test_while_the_issuer_is_away_its_keys_stay_good(
    monkeypatch: pytest.MonkeyPatch, silence: httpx.Response
) -> None:
    issuer = Issuer(monkeypatch)
    assert issuer.after(0, "one") == "7"
    issuer.answer = silence
    assert issuer.after(3600, "one") == "7"
    assert issuer.after(11, "two") == "401"
    issuer.publish(jwk(kid="two"))
    assert issuer.after(11, "two") == "7"


def test_without_any_key_the_api_does_not_start() -> None:
    with pytest.raises(SettingsError, match="TONNAGE_JWT_SECRET"):
        Verifier(settings(jwt_secret=None), None)
