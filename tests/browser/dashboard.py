"""The dashboard as its reader sees it, and what the browser says of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from api.security import make_token
from stream.settings import Settings

AXE = (Path(__file__).parent / "vendor/axe/axe.min.js").read_text()
ARTEFACTS = Path(__file__).parent.parent / "artefacts"
PATIENCE_MS = 30_000

Scheme = Literal["light", "dark"]

_SERIOUS = """async () => (await axe.run(document, {rules: {'target-size': {enabled: true}}}))
    .violations.filter(each => ['serious', 'critical'].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.html).join(' ')}`)"""

# The pixels of a week's own bar, in the column at the middle of its button.
_BAR_HEIGHT = """button => {
    const style = getComputedStyle(document.documentElement);
    const canvas = document.querySelector('#weeks canvas');
    const [box, area] = [button, canvas].map(each => each.getBoundingClientRect());
    const column = (box.left + box.width / 2 - area.left) * canvas.width / area.width;
    const context = canvas.getContext('2d');
    const pixels = context.getImageData(column, 0, 1, canvas.height).data;
    const wanted = ['--bar', '--bar-partial'].map(name => {
        const hex = style.getPropertyValue(name).trim().slice(1);
        return [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)).join();
    });
    let height = 0;
    for (let at = 0; at < pixels.length; at += 4)
        height += wanted.includes(pixels.slice(at, at + 3).join());
    return height;
}"""


_CUT = """() => [...document.querySelectorAll('.card, .card > .scroll:not(#calendar, #weeks)')]
    .filter(each => {
        const inside = Math.max(...[...each.querySelectorAll(':scope > table, :scope > div')]
            .map(child => child.getBoundingClientRect().right));
        const style = getComputedStyle(each);
        const right = each.getBoundingClientRect().right - parseFloat(style.paddingRight);
        return inside > right + 1 || each.scrollWidth > each.clientWidth;
    })
    .map(each => each.id || each.getAttribute('aria-labelledby'))"""


@dataclass
class Dashboard:
    """An open page."""

    settings: Settings
    page: Page
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def open(self, user: int | None, *, admin: bool = False) -> None:
        """Open the dashboard with a token, as the address that `tonnage demo` prints does."""
        token = make_token(self.settings, user, admin=admin, ttl=timedelta(hours=1))
        self.page.goto(f"{self.settings.need('api_url')}/#token={token}")

    def shown(self) -> None:
        """Wait until figures are shown."""
        expect(self.page.locator("#figures")).to_be_visible()

    def week(self, week: str) -> Locator:
        """Return the button of a week."""
        return self.page.locator(f"[data-week='{week}']")

    def bar_height(self, week: str) -> int:
        """Return how high a week's bar is, in pixels of the chart."""
        return int(self.week(week).evaluate(_BAR_HEIGHT))

    def problems(self) -> list[str]:
        """Return what axe finds that keeps somebody from using the page."""
        self.page.evaluate(AXE)
        found: list[str] = self.page.evaluate(_SERIOUS)
        return found

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        value: Any = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return int(value)

    def cut(self) -> list[str]:
        """Return what is wider than the place it has; the weeks and the year scroll, on purpose."""
        found: list[str] = self.page.evaluate(_CUT)
        return found

    def keep(self, name: str, *, whole: bool = True) -> None:
        """Keep a picture of the page to be looked at."""
        ARTEFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTEFACTS / f"dashboard-{name}.png", full_page=whole)


@contextmanager
def open_page(
    settings: Settings, browser: Browser, *, width: int = 1280, scheme: Scheme = "light"
) -> Iterator[Dashboard]:
    """Give a page of a reader of its own. Fails where a script of the page has failed."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    dashboard = Dashboard(settings, context.new_page())
    context.on("request", lambda request: dashboard.hosts.add(urlsplit(request.url).netloc))
    dashboard.page.on("pageerror", lambda error: dashboard.errors.append(str(error)))
    yield dashboard
    assert dashboard.errors == []
    assert dashboard.hosts == {urlsplit(settings.need("api_url")).netloc}
    context.close()
