"""What an attacker may send, on a real socket; docs/security.md lists these by name."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import pytest

from api.heads import LimitedHeads
from api.routes import LIVE, OF_USER, ROUTES
from api.security import make_token
from api.store import Store
from stream.settings import load_settings
from tests.integration.conftest import SECRET, Api, ReadStore, serving

OWN = "/v1/users/1/weekly-volume"
OF_USERS = [
    path.format(user_id=1, exercise_id=7, week="2026-W46")
    for path in (*(route.path for route in ROUTES), LIVE)
    if path.startswith(OF_USER)
]
SECURITY = Path(__file__).parents[2] / "docs" / "security.md"


@pytest.fixture
def week(read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=100, workout_count=2)


def raw(api: Api, *pieces: bytes, seconds: float = 20) -> bytes:
    """Send bytes as they are, and return all that comes back until the API hangs up."""
    host, port = api.http.base_url.host, api.http.base_url.port
    with closing(socket.create_connection((host, port or 0), timeout=seconds)) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            return b"".join(iter(lambda: connection.recv(65_536), b""))
        except ConnectionError:  # it hung up while something was still being sent
            return b""


def head(path: str, *headers: str, host: str = "api") -> bytes:
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def bearer(api: Api, user: int = 1) -> str:
    return f"Authorization: Bearer {make_token(api.settings, user)}"


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("path", OF_USERS)
def test_a_foreign_user_is_404_everywhere(api: Api, path: str) -> None:
    refused = api.get(path, user=2)
    assert refused.status_code == 404
    assert "100" not in refused.text
    assert "no such user for this token" in refused.json()["detail"]


SQL = ["'; DROP TABLE tonnage_g1.weekly_stats; --", "1 OR 1=1", "1) UNION SELECT 1--", "$1", "%s",
       "%(user)s", "\\'; SELECT pg_sleep(9)--", "\x00", "{rows}"]  # fmt: skip
PLACES = [
    "/v1/users/{}/records", "/v1/users/1/records/{}", "/v1/users/1/exercises/{}/progress",
    "/v1/users/1/weeks/{}", "/v1/users/1/weeks/{}/explain",
    *(f"/v1/users/1/weekly-volume?{name}={{}}" for name in ("start", "end", "fill", "min_lsn")),
    *(f"/v1/users/1/muscle-groups/balance?{name}={{}}"
      for name in ("weeks", "recent", "threshold")),
    *(f"/v1/users/1/records?{name}={{}}" for name in ("at", "limit", "cursor")),
    "/v1/users/1/calendar?year={}", "/api/analytics/weekly-volume/?start_date={}",
]  # fmt: skip


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("place", PLACES)
def test_sql_is_text(api: Api, place: str) -> None:
    for sql in SQL:
        assert api.get(place.format(quote(sql, safe=""))).status_code in {404, 422}
    assert api.data(OWN)["weekly_volumes"]


@pytest.mark.usefixtures("week")
def test_sql_in_headers_is_text(api: Api) -> None:
    for sql in (each for each in SQL if each.isprintable()):
        assert api.get(OWN, headers={"Tonnage-Min-Lsn": sql}).status_code == 422
        assert api.get(OWN, headers={"If-None-Match": sql}).status_code == 200
        assert api.http.get(OWN, headers={"Authorization": f"Bearer {sql}"}).status_code == 401
    with api.http.stream(
        "GET", "/v1/users/me/live",
        headers={"Last-Event-ID": SQL[0], "Authorization": bearer(api).partition(" ")[2]},
    ) as events:  # fmt: skip
        assert next(events.iter_lines()).startswith("id: 0.")
    assert api.data(OWN)["weekly_volumes"]


@pytest.mark.parametrize(
    "path",
    [f"{OWN}?start=%0d%0aX-Injected:%20yes", "/nothing%0d%0aX-Injected:%20yes",
     "/v1/users/1%0d%0aX-Injected:%20yes/records", "/v1/users/me/weeks/%0d%0aX-Injected:%20yes"],
)  # fmt: skip
def test_no_header_can_be_injected(api: Api, path: str) -> None:
    answer = raw(api, head(path, bearer(api)))
    status, _, rest = answer.partition(b"\r\n")
    assert status.split()[1] in {b"404", b"422"}
    assert b"x-injected" not in rest.partition(b"\r\n\r\n")[0].lower().replace(b"%0d%0ax", b"")


@pytest.mark.parametrize(
    "sent",
    [head(OWN, "Bad\x00Name: x"), head(OWN, "Two: x\rX-Injected: yes"), b"GET / HTTP/9.9\r\n\r\n",
     head(OWN, "Content-Length: 3", "Content-Length: 4"), b"\x16\x03\x01\x02\x00\x01\x00"],
)  # fmt: skip
def test_what_is_not_http_is_refused(api: Api, sent: bytes) -> None:
    assert raw(api, sent).split(b" ")[1] == b"400"


def test_a_request_can_not_be_smuggled_in_a_body(api: Api) -> None:
    inner = head("/v1/users/1/weekly-volume", bearer(api))
    both = ("Transfer-Encoding: chunked", f"Content-Length: {len(inner)}")
    answer = raw(api, head("/healthz", *both) + b"0\r\n\r\n" + inner)
    assert answer.split(b" ")[1] in {b"400", b"411"}
    assert b"weekly_volumes" not in answer


@pytest.mark.parametrize(
    "path",
    ["/dashboard/../app.py", "/dashboard/..%2fapp.py", "/dashboard/%2e%2e/app.py",
     "/dashboard/..%5capp.py", "/dashboard/vendor/../../app.py", "/dashboard//etc/passwd",
     "/dashboard/%2fetc%2fpasswd", "/dashboard/%00main.js", "/dashboard/main.js%00",
     "/dashboard/....//app.py", "/dashboard/%c0%ae%c0%ae/app.py", "//etc/passwd",
     "/../../../../etc/passwd", "/dashboard/index.html/../../store.py"],
)  # fmt: skip
def test_no_path_leads_out_of_the_dashboards_files(api: Api, path: str) -> None:
    answer = raw(api, head(path))
    assert answer.split(b" ")[1] == b"404", answer
    assert b"import" not in answer
    assert b"root:" not in answer


def test_an_endless_head_is_refused(api: Api) -> None:
    start = b"GET /healthz HTTP/1.1\r\nHost: api\r\nX-Long: "
    answer = raw(api, start, *[b"x" * 65_536] * 64)
    assert answer.split(b" ")[1:2] in ([], [b"431"])  # it may hang up while more is coming
    assert b"200 OK" not in answer
    piecemeal = raw(api, start, *[b"\r\nX-Short: y"] * 20_000)
    assert b"200 OK" not in piecemeal
    assert raw(api, head("/healthz", f"X-Fits: {'x' * 30_000}")).split(b" ")[1] == b"200"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedHeads, "most_seconds", 0.5)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("begun", [b"", b"GET /healthz HT", b"GET /healthz HTTP/1.1\r\nHost: a"])
def test_who_never_ends_a_head_is_cut_off(api: Api, begun: bytes) -> None:
    began = time.monotonic()
    assert raw(api, begun) == b""
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("impatient")
def test_a_second_head_has_its_time_too(api: Api) -> None:
    host, port = api.http.base_url.host, api.http.base_url.port
    with closing(socket.create_connection((host, port or 0), timeout=20)) as connection:
        connection.sendall(head("/healthz").replace(b"Connection: close\r\n", b""))
        answer = b""
        while b"alive" not in answer:
            answer += connection.recv(65_536)
        connection.sendall(b"GET /healthz HT")
        assert connection.recv(1) == b""


def test_a_body_that_never_comes_holds_nothing_up(api: Api) -> None:
    answer = raw(api, head("/healthz", "Content-Length: 60000"))
    assert answer.split(b" ")[1] == b"200"
    expecting = raw(api, head("/healthz", "Content-Length: 9", "Expect: 100-continue"))
    assert b" 200 " in expecting


@pytest.mark.usefixtures("week")
def test_a_304_reads_no_figure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = api.get(OWN).headers["etag"]
    asked = []
    fetch = Store.fetch

    async def counted(self: Store, query: object, arguments: object) -> object:
        asked.append(query)
        return await fetch(self, query, arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Store, "fetch", counted)
    assert api.get(OWN, headers={"If-None-Match": etag}).status_code == 304
    assert len(asked) == 1
    assert b"total_volume" not in asked[0].sql  # type: ignore[attr-defined]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "https://app.example.evil.com",
                                    "http://app.example", "https://app.example:444"])  # fmt: skip
def test_no_origin_is_reflected(database: ReadStore, tmp_path: Path, origin: str) -> None:
    given = {"home": tmp_path, "read_store_dsn": database.dsn, "jwt_secret": SECRET}
    with serving(load_settings(**given)) as api:
        assert cors(api.get(OWN, headers={"Origin": origin})) == {}
    with serving(load_settings(**given, cors_origins=("https://app.example",))) as api:
        assert "access-control-allow-origin" not in cors(api.get(OWN, headers={"Origin": origin}))
        ours = cors(api.get(OWN, headers={"Origin": "https://app.example"}))
        assert ours["access-control-allow-origin"] == "https://app.example"
        assert "tonnage-stale" in ours["access-control-expose-headers"].lower()
        assert "access-control-allow-credentials" not in ours
        refused = api.http.get(OWN, headers={"Origin": "https://app.example"})
        assert refused.status_code == 401  # and its reason can be read by the page
        assert cors(refused)["access-control-allow-origin"] == "https://app.example"


def cors(response: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if "access-control" in name}


@pytest.fixture
def reader(database: ReadStore) -> Iterator[str]:
    """A role with the rights that docs/security.md names."""
    (granting,) = re.findall(r"^```sql\n(.*?)^```$", SECURITY.read_text(), re.MULTILINE | re.DOTALL)
    database.execute(granting.replace(":'password'", "'secret'"))
    yield re.sub(r"//[^@]+@", "//tonnage_api:secret@", database.dsn)
    database.execute("DROP OWNED BY tonnage_api; DROP ROLE tonnage_api")


def test_a_role_that_only_reads_is_enough(
    database: ReadStore, read_store: ReadStore, reader: str, tmp_path: Path
) -> None:
    read_store.week(1, 2026, 46, total_volume=100, workout_count=2)
    settings = load_settings(
        home=tmp_path, read_store_dsn="postgresql://none", api_read_store_dsn=reader,
        jwt_secret=SECRET,
    )  # fmt: skip
    with serving(settings) as api:
        for path in OF_USERS:
            if not path.endswith("/live"):
                assert api.get(path).status_code == 200, path
        with api.http.stream(
            "GET", "/v1/users/me/live", headers={"Authorization": bearer(api).partition(" ")[2]}
        ) as events:
            assert events.status_code == 200
        assert api.http.get("/readyz").status_code == 200
    with psycopg.connect(reader) as connection:
        for statement in ("DELETE FROM weekly_stats", "SELECT * FROM tonnage_g1.weekly_stats",
                          "CREATE TABLE public.mine ()", "TRUNCATE tonnage.frontier"):  # fmt: skip
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(statement.encode())
    assert database.dsn != reader
