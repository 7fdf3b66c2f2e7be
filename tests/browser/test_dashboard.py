"""The dashboard in a real browser, before the real stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from stream.settings import Settings
from tests.browser.conftest import Reading
from tests.browser.dashboard import Scheme
from tests.browser.lifting import NOT_HTML, Lifter
from tests.conftest import tonnage
from tests.e2e.app import App

pytestmark = pytest.mark.stack

PHONE, DESK = 390, 1280


@contextmanager
def paused(stack: Settings) -> Iterator[None]:
    """Let no change arrive."""
    assert tonnage(stack.home, "connector", "pause").returncode == 0
    try:
        yield
    finally:
        assert tonnage(stack.home, "connector", "resume").returncode == 0


def test_a_changed_row_moves_the_bar(reading: Reading, app: App, lifter: Lifter) -> None:
    def squats(weight: int) -> None:
        app.run(
            f"UPDATE workouts_performedexercise SET weights_per_set = '[{weight}]'"
            f" WHERE id = {lifter.squats}"
        )

    with reading() as dashboard:
        dashboard.open(lifter.user)
        dashboard.shown()
        week = dashboard.week(lifter.week)
        expect(week).to_have_accessible_name(re.compile(r": 500 in 1 workout;"))
        before = dashboard.bar_height(lifter.week)
        assert before > 0
        squats(200)
        expect(week).to_have_accessible_name(re.compile(r": 1,000 in 1 workout;"))
        assert dashboard.bar_height(lifter.week) == pytest.approx(2 * before, abs=3)
        squats(100)
        expect(week).to_have_accessible_name(re.compile(r": 500 in 1 workout;"))
        assert dashboard.bar_height(lifter.week) == before


def test_the_keyboard_leads_to_a_week_s_sets(reading: Reading, lifter: Lifter) -> None:
    with reading() as dashboard:
        page = dashboard.page
        dashboard.open(lifter.user)
        dashboard.shown()
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.week ?? null"):
                break
        expect(dashboard.week(lifter.week)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(dashboard.week(lifter.week)).not_to_be_focused()
        page.keyboard.press("End")
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name=lifter.week)
        expect(dialog).to_contain_text("500 so far: 1 workout, 1 set, 5 repetitions")
        expect(dialog).to_contain_text("5 × 100 = 500")
        expect(dialog).to_contain_text('reps ["many"], weights [60]')
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(dashboard.week(lifter.week)).to_be_focused()


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_kept_out(reading: Reading, lifter: Lifter, scheme: Scheme, width: int) -> None:
    with reading(width=width, scheme=scheme) as dashboard:
        page, name = dashboard.page, f"{width}-{scheme}"
        dashboard.page.goto(dashboard.settings.need("api_url"))
        expect(page.get_by_label("Access token")).to_be_focused()
        assert dashboard.problems() == []
        dashboard.keep(f"{name}-sign-in", whole=False)
        dashboard.open(lifter.user)
        dashboard.shown()
        assert dashboard.problems() == []
        dashboard.keep(name)
        dashboard.week(lifter.week).click()
        expect(page.get_by_role("dialog")).to_contain_text("5 × 100")
        assert dashboard.problems() == []
        dashboard.keep(f"{name}-week", whole=False)


@pytest.mark.parametrize("width", [360, PHONE, 768, 1100, 1200, DESK])
def test_nothing_is_wider_than_its_place(reading: Reading, lifter: Lifter, width: int) -> None:
    with reading(width=width) as dashboard:
        dashboard.open(lifter.user)
        dashboard.shown()
        assert dashboard.overflow() == 0
        assert dashboard.cut() == []


def test_what_was_written_as_html_is_read_as_text(reading: Reading, lifter: Lifter) -> None:
    with reading() as dashboard:
        dashboard.open(lifter.user)
        dashboard.shown()
        expect(dashboard.page.get_by_role("rowheader", name=NOT_HTML, exact=True)).to_be_visible()
        expect(dashboard.page.locator("img")).to_have_count(0)
        assert dashboard.page.title() == "Tonnage"


def test_records_lead_to_the_set_that_holds_them(reading: Reading, lifter: Lifter) -> None:
    with reading() as dashboard:
        dashboard.open(lifter.user)
        row = dashboard.page.get_by_role("row", name=re.compile("^Bench Press"))
        heaviest = row.get_by_role("cell").nth(0)
        weight = heaviest.locator("strong").inner_text()
        heaviest.get_by_role("button").click()
        expect(dashboard.page.get_by_role("dialog")).to_contain_text(f"× {weight} =")


def test_a_token_leaves_the_address_and_a_wrong_one_is_told(
    reading: Reading, lifter: Lifter
) -> None:
    with reading() as dashboard:
        page = dashboard.page
        dashboard.open(lifter.user)
        dashboard.shown()
        assert "#" not in page.url
        page.reload()
        dashboard.shown()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_label("Access token").fill("no.such.token")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Sign in again: the token is not valid")
        assert page.evaluate("sessionStorage.length") == 0


def test_an_administrator_chooses_whom_to_see(reading: Reading, lifter: Lifter) -> None:
    with reading() as dashboard:
        dashboard.open(None, admin=True)
        dashboard.page.get_by_label("User id").fill(str(lifter.user))
        dashboard.page.keyboard.press("Enter")
        dashboard.shown()
        expect(dashboard.week(lifter.week)).to_have_accessible_name(re.compile("500"))


def test_a_first_workout_appears_by_itself(reading: Reading, app: App) -> None:
    user = app.user()
    with reading() as dashboard:
        dashboard.open(user)
        expect(dashboard.page.get_by_role("heading", name="No workouts yet")).to_be_visible()
        assert dashboard.problems() == []
        squat = app.exercise(user, "Squat", "legs")
        workout = app.workout(user, datetime.now(UTC).isoformat())
        app.performed(workout, squat, "[5]", "[100]")
        dashboard.shown()
        expect(dashboard.page.locator("#weeks button").last).to_have_accessible_name(
            re.compile(": 500 in 1 workout")
        )


def test_it_says_how_fresh_it_is_and_why_it_may_not_be(
    reading: Reading, stack: Settings, lifter: Lifter
) -> None:
    with reading() as dashboard:
        page = dashboard.page
        dashboard.open(lifter.user)
        expect(page.locator("#freshness")).to_have_text(re.compile(r"^live, as of .* behind$"))
        with paused(stack):
            expect(page.locator("#stale")).to_have_text(
                re.compile(r"may be out of date: .* s behind the source")
            )
        expect(page.locator("#stale")).not_to_have_text(re.compile("out of date"))


def test_an_api_that_is_away_is_told_and_asked_again(reading: Reading, lifter: Lifter) -> None:
    with reading() as dashboard:
        page = dashboard.page
        dashboard.open(lifter.user)
        dashboard.shown()
        page.route("**/v1/**", lambda route: route.abort())
        expect(page.get_by_role("alert")).to_contain_text("The API does not answer.")
        page.unroute("**/v1/**")
        expect(page.get_by_role("alert")).to_be_hidden()
