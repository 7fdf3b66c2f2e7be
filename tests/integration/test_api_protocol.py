"""What holds for every answer: who may ask, freshness, conditional requests, problems."""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from api.routes import ROUTES
from api.security import make_token
from infra.ports import choose
from infra.services.postgres import READ_STORE, Server
from stream.settings import load_settings
from tests.integration.conftest import (
    NOW,
    SECRET,
    Api,
    ReadStore,
    prepare_read_store,
    running,
    serving,
)

PATHS = [route.path.format(user_id="me", exercise_id="7", week="2026-W46") for route in ROUTES]
WEEKLY = "/v1/users/1/weekly-volume"


@pytest.fixture
def week(read_store: ReadStore) -> None:
    read_store.week(1, 2026, 46, total_volume=100, workout_count=2, quarantined=3)


def problem(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    answer = response.json()
    assert answer["status"] == status
    assert answer["title"]
    assert answer["type"] == "about:blank"
    detail: str = answer["detail"]
    return detail


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_how_fresh_it_is(api: Api, path: str) -> None:
    api.now = NOW + timedelta(seconds=1.5)
    response = api.get(path)
    assert response.json()["meta"] == {
        "as_of": {"time": "2026-11-18T12:00:00Z", "lsn": "0/16B6C50"},
        "lag_seconds": 1.5,
        "stale": False,
        "quarantined": 3,
        "generation": 1,
    }
    assert response.headers["tonnage-as-of"] == "2026-11-18T12:00:00Z"
    assert response.headers["tonnage-lsn"] == "0/16B6C50"
    assert response.headers["tonnage-lag-seconds"] == "1.5"
    assert response.headers["tonnage-stale"] == "false"
    assert response.headers["cache-control"] == "private"
    assert response.headers["content-type"] == "application/json"


@pytest.mark.usefixtures("week")
@pytest.mark.parametrize("path", PATHS)
def test_every_path_wants_a_token(api: Api, path: str) -> None:
    response = api.http.get(path)
    assert "token" in problem(response, 401)
    assert response.headers["www-authenticate"] == "Bearer"
    foreign = api.http.get(path, headers={"Authorization": "Bearer a.b.c"})
    problem(foreign, 401)
    assert foreign.headers["www-authenticate"] == 'Bearer error="invalid_token"'


@pytest.mark.usefixtures("week")
def test_a_foreign_user_is_404_as_one_that_is_not_there(api: Api) -> None:
    assert api.get(WEEKLY, user=1).status_code == 200
    foreign = problem(api.get(WEEKLY, user=2), 404)
    for other in ("2", "0x1", "-1", "1e0", str(2**63), "9" * 5000, "%D9%A1", "ME"):
        assert problem(api.get(f"/v1/users/{other}/weekly-volume", user=1), 404) == foreign


@pytest.mark.usefixtures("week")
def test_an_administrator_sees_all(api: Api) -> None:
    token = make_token(api.settings, None, admin=True)
    headers = {"Authorization": f"Bearer {token}"}
    assert len(api.http.get(WEEKLY, headers=headers).json()["weekly_volumes"]) == 1
    assert api.http.get("/v1/users/2/weekly-volume", headers=headers).status_code == 200
    problem(api.http.get("/v1/users/me/weekly-volume", headers=headers), 404)
    problem(api.http.get("/api/analytics/weekly-volume/", headers=headers), 404)


@pytest.mark.usefixtures("week")
def test_a_conditional_request_is_answered_304_until_the_data_change(
    api: Api, read_store: ReadStore
) -> None:
    first = api.get(WEEKLY)
    etag = first.headers["etag"]
    assert re.fullmatch(r'W/"[0-9a-f]+"', etag)
    api.now += timedelta(seconds=60)  # another meta, the same data
    read_store.frontier("0/16B6C60", NOW)
    for sent in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = api.get(WEEKLY, headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
        assert again.headers["tonnage-lsn"] == "0/16B6C60"
        assert again.headers["tonnage-stale"] == "true"
    read_store.execute("UPDATE tonnage_g1.weekly_stats SET total_volume = 101, version = 2")
    changed = api.get(WEEKLY, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


def test_stale_answers_are_still_answers(api: Api, read_store: ReadStore, week: None) -> None:
    del week
    read_store.execute("INSERT INTO tonnage.incident VALUES ('truncated', 'exercise')")
    answer = api.get(WEEKLY).json()
    assert (answer["meta"]["stale"], answer["meta"]["reason"]) == (True, "truncated: exercise")
    assert len(answer["weekly_volumes"]) == 1
    read_store.execute("DELETE FROM tonnage.incident")
    api.now = NOW + timedelta(seconds=6)
    meta = api.get(WEEKLY).json()["meta"]
    assert meta["stale"]
    assert "6 s behind" in meta["reason"]


def test_without_a_frontier_answers_are_stale(api: Api, read_store: ReadStore) -> None:
    read_store.execute("DELETE FROM tonnage.frontier")
    response = api.get(WEEKLY)
    meta = response.json()["meta"]
    assert meta["stale"]
    assert meta["as_of"] == {"time": None, "lsn": None}
    assert "tonnage-lsn" not in response.headers


def test_min_lsn_that_is_reached_does_not_wait(api: Api) -> None:
    for sent in ("0/16B6C50", "0/1", str(0x16B6C50)):
        assert not api.get(f"{WEEKLY}?min_lsn={sent}").json()["meta"]["stale"]


def test_min_lsn_waits_until_the_write_is_included(api: Api, read_store: ReadStore) -> None:
    def write() -> None:
        read_store.week(1, 2026, 46, total_volume=100, workout_count=2)
        read_store.frontier("1/0", NOW)

    writer = threading.Timer(0.1, write)
    writer.start()
    answer = api.get(WEEKLY, headers={"Tonnage-Min-Lsn": "1/0"}).json()
    writer.join()
    assert not answer["meta"]["stale"]
    assert len(answer["weekly_volumes"]) == 1


def test_min_lsn_that_is_not_reached_in_time_is_stale(api: Api) -> None:
    began = time.monotonic()
    meta = api.get(f"{WEEKLY}?min_lsn=1/0").json()["meta"]
    assert 0.25 < time.monotonic() - began < 3  # the limit is 0.3 s here
    assert meta["stale"]
    assert "min_lsn" in meta["reason"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("weekly-volume?min_lsn=here", "min_lsn"),
        ("weekly-volume?min_lsn=", "min_lsn"),
        ("weekly-volume?start=yesterday", "start"),
        ("weekly-volume?start=%00", "start"),
        ("weekly-volume?end=%ff", "end"),
        ("weekly-volume?start=2026-W54", "start"),
        ("weekly-volume?start=2026-W40&end=2026-W39", "start"),
        ("weekly-volume?fill=one", "fill"),
        ("weekly-volume?start=0001-01-01&fill=zero", "start"),
        ("top-workouts?limit=0", "limit"),
        ("top-workouts?limit=many", "limit"),
        ("top-workouts?limit=99999999999999999999", "limit"),
        ("muscle-groups/balance?weeks=2&recent=3", "recent"),
        ("muscle-groups/balance?threshold=nan", "threshold"),
        ("muscle-groups/balance?threshold=-1", "threshold"),
        ("muscle-groups/balance?threshold=1e400", "threshold"),
        ("weeks/2026-W54", "week"),
        ("weeks/now", "week"),
    ],
)
def test_a_wrong_parameter_is_422_and_named(api: Api, query: str, parameter: str) -> None:
    response = api.get(f"/v1/users/1/{query}")
    assert parameter in problem(response, 422)
    assert response.json()["parameter"] == parameter


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/v1/users/1", "/v1/users/1/nothing", "/v1/users/1/weekly-volume/", "/v1/users//x",
     "/v1/users/%00/records", "/v1/users/%ff/records", "/v1/users/1/records/%00",
     "/v1/users/1/records/x", "/v1/users/1/records/99999999999999999999"],
)  # fmt: skip
def test_what_is_not_there_is_404(api: Api, path: str) -> None:
    problem(api.get(path), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_only_get_is_served(api: Api, method: str) -> None:
    response = api.http.request(method, WEEKLY)
    assert method in problem(response, 405)
    assert "GET" in response.headers["allow"]


@pytest.mark.usefixtures("week")
def test_head_answers_the_headers_alone(api: Api) -> None:
    token = make_token(api.settings, 1)
    head = api.http.head(WEEKLY, headers={"Authorization": f"Bearer {token}"})
    get = api.get(WEEKLY)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "tonnage-lsn"):
        assert head.headers[name] == get.headers[name]


def test_a_failure_of_ours_is_a_500_without_its_reason(api: Api, read_store: ReadStore) -> None:
    read_store.insert(
        "personal_records", user_id=1, exercise_id=7, kind="set_reps", date=NOW, workout_id=1
    )  # a row without a value, which no sink writes
    assert problem(api.get("/v1/users/1/records"), 500).endswith("log says why")


def test_alive_and_ready(api: Api, read_store: ReadStore) -> None:
    assert api.http.get("/healthz").json() == {"status": "alive"}
    assert api.http.get("/readyz").json()["status"] == "ready"
    api.now = NOW + timedelta(seconds=60)
    assert "60 s behind" in problem(api.http.get("/readyz"), 503)
    api.now = NOW
    read_store.execute("DELETE FROM tonnage.frontier")
    assert "not complete" in problem(api.http.get("/readyz"), 503)
    read_store.execute("DELETE FROM tonnage.generation")
    assert "no generation" in problem(api.http.get("/readyz"), 503)
    assert api.http.get("/healthz").status_code == 200


def sample(page: str, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", page, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


@pytest.mark.usefixtures("week")
def test_metrics_count_by_route_and_tell_freshness(api: Api, read_store: ReadStore) -> None:
    route = 'route="/v1/users/{user_id}/weekly-volume"'
    name = f'tonnage_http_requests_total{{method="GET",{route},status="200"}}'
    api.get(WEEKLY)
    before = sample(api.http.get("/metrics").text, name)
    api.get(WEEKLY)
    api.get("/nothing/at/all/secret-path")
    for key, deleted in (("1", False), ("2", False), ("3", True)):
        read_store.insert("quarantine", topic="fit.public.exercise", key=key, deleted=deleted)
    api.now = NOW + timedelta(seconds=7)
    page = api.http.get("/metrics").text
    assert sample(page, name) == before + 1
    assert "secret-path" not in page
    assert sample(page, "tonnage_freshness_lag_seconds") == 7
    assert sample(page, "tonnage_stale") == 1
    assert sample(page, "tonnage_quarantined_rows") == 2
    assert sample(page, "tonnage_read_store_up") == 1
    assert sample(page, f"tonnage_http_request_seconds_count{{{route}}}") >= 2


def defined(document: dict[str, Any]) -> set[str]:
    parts = document["components"].items()
    return {f"#/components/{part}/{name}" for part, names in parts for name in names}


def referred(document: dict[str, Any], begin: str) -> set[str]:
    return set(re.findall(rf'"\$ref": "({begin}[^"]+)"', json.dumps(document)))


def test_the_openapi_document_names_every_path_and_number(api: Api) -> None:
    document = api.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert {route.path for route in ROUTES} < set(document["paths"])
    week = document["components"]["schemas"]["WeekVolume"]["properties"]
    assert week["totalVolume"] == {"type": "number"}
    assert referred(document, "#/components/schemas/") <= defined(document)
    operations = [each["get"]["operationId"] for each in document["paths"].values()]
    assert len(set(operations)) == len(operations)


def test_a_browser_of_another_origin_may_ask_if_allowed(
    database: ReadStore, tmp_path: Path
) -> None:
    settings = load_settings(
        home=tmp_path,
        read_store_dsn=database.dsn,
        jwt_secret=SECRET,
        cors_origins=("https://app.example",),
    )
    asked = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    with serving(settings) as api:
        for origin, status in [("https://app.example", 200), ("https://evil.example", 400)]:
            response = api.http.options(WEEKLY, headers={"Origin": origin, **asked})
            assert response.status_code == status


def test_who_asks_too_often_waits(database: ReadStore, tmp_path: Path) -> None:
    settings = load_settings(
        home=tmp_path, read_store_dsn=database.dsn, jwt_secret=SECRET, rate_limit=5
    )
    admin = {"Authorization": f"Bearer {make_token(settings, None, admin=True)}"}
    with serving(settings) as api:
        answers = [api.get(WEEKLY) for _ in range(30)]
        refused = [each for each in answers if each.status_code == 429]
        assert {each.status_code for each in answers} == {200, 429}
        assert "5 requests a second" in problem(refused[0], 429)
        assert refused[0].headers["retry-after"] == "1"
        assert api.get("/v1/users/2/weekly-volume", user=2).status_code == 200
        assert {api.http.get(WEEKLY, headers=admin).status_code for _ in range(30)} == {200}
        assert {api.http.get(WEEKLY).status_code for _ in range(30)} == {401, 429}


def test_the_asyncapi_document_names_the_public_topics(api: Api) -> None:
    document = api.http.get("/asyncapi.json").json()
    assert document["asyncapi"] == "3.0.0"
    assert "training.weekly-stats.v1" in {each["address"] for each in document["channels"].values()}
    assert referred(document, "#/components/") <= defined(document)


def test_the_dashboard_loads_nothing_from_elsewhere(api: Api) -> None:
    page = api.http.get("/")
    assert page.headers["content-type"].startswith("text/html")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for path in ("", *loaded):
        answer = api.http.get(f"/{path}")
        policy = answer.headers["content-security-policy"]
        assert answer.status_code == 200, path
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-cache"
        assert "unsafe" not in policy
    for path in ("dashboard", "dashboard/", "dashboard/none.js", "dashboard/..%2fapp.py"):
        problem(api.http.get(f"/{path}"), 404)
    problem(api.http.post("/dashboard/main.js"), 405)


@pytest.mark.parametrize("path", [WEEKLY, "/healthz", "/nothing", "/v1/users/1/records/x"])
def test_every_answer_tells_browsers_to_be_careful(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "DENY"


def test_a_long_body_is_refused_unread(api: Api) -> None:
    assert api.http.request("GET", "/healthz", content=b"x" * 65_536).status_code == 200
    long = api.http.request("GET", "/healthz", content=b"x" * 65_537)
    assert "over 65536" in problem(long, 413)
    unmeasured = api.http.request("GET", "/healthz", content=iter([b"x"]))
    problem(unmeasured, 411)
    assert unmeasured.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "query", ["weekly-volume?start=2026-W01&end=2026-W11", "top-workouts?limit=6"]
)
def test_ranges_and_pages_have_limits(database: ReadStore, tmp_path: Path, query: str) -> None:
    settings = load_settings(
        home=tmp_path,
        read_store_dsn=database.dsn,
        jwt_secret=SECRET,
        max_range_weeks=10,
        max_page=5,
    )
    with serving(settings) as api:
        assert "is over" in problem(api.get(f"/v1/users/1/{query}"), 422)
        assert api.get("/v1/users/1/weekly-volume?start=2026-W01&end=2026-W10").status_code == 200
        assert api.get("/v1/users/1/records").status_code == 200


@pytest.mark.parametrize(
    "cursor", ["x", "bnVsbA==", "WzEsImEiLC0xXQ==", "WzEsIlx1MDAwMCIsMV0=", "é"]
)
def test_a_cursor_of_elsewhere_is_refused(api: Api, cursor: str) -> None:
    for path in ("records", "exercises", "top-workouts"):
        assert "cursor" in problem(api.get(f"/v1/users/1/{path}?cursor={cursor}"), 422)


@retry(
    retry=retry_if_exception_type(AssertionError),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(20),
    reraise=True,
)
def answers_again(api: Api) -> None:
    assert api.get(WEEKLY).status_code == 200


def test_a_read_store_that_was_away_needs_no_restart_of_the_api(tmp_path: Path) -> None:
    with TemporaryDirectory(prefix="tonnage-") as home:
        Path(home).chmod(0o755)
        port = choose("PostgreSQL", None, 0, None)
        server = Server("read-store", Path(home) / "data", port, "secret", "tonnage", READ_STORE)
        settings = load_settings(home=tmp_path, read_store_dsn=server.dsn, jwt_secret=SECRET)
        with serving(settings) as api:
            down = api.get(WEEKLY)
            assert "read store does not answer" in problem(down, 503)
            assert down.headers["retry-after"] == "1"
            assert api.http.get("/healthz").status_code == 200
            scraped = api.http.get("/metrics")
            assert sample(scraped.text, "tonnage_read_store_up") == 0
            assert scraped.elapsed < timedelta(seconds=2)  # a scraper does not wait for long
            with running(server):
                assert "holds nothing yet" in problem(api.get(WEEKLY), 503)
                prepare_read_store(settings)
                answers_again(api)
            with running(server):  # every connection of the pool is dead
                assert api.get(WEEKLY).status_code == 200
            problem(api.http.get("/readyz"), 503)
            with running(server):
                answers_again(api)


def test_every_answer_names_its_request(api: Api) -> None:
    own = api.http.get(WEEKLY).headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{16}", own)
    assert own != api.http.get("/nowhere").headers["x-request-id"]
    asked = api.http.get("/healthz", headers={"X-Request-Id": "of-the-caller:1"})
    assert asked.headers["x-request-id"] == "of-the-caller:1"
    refused = api.http.get("/healthz", headers={"X-Request-Id": "two words"})
    assert re.fullmatch(r"[0-9a-f]{16}", refused.headers["x-request-id"])
