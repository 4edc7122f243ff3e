"""People at real browsers. Whatever a page complains about fails the test that visited it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zlib import crc32

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, WebSocket

from app.store.people import Person
from tests.factories import session_cookie
from tests.processes.harness import SECRET_KEY
from tests.thorough import IN_CI

LAUNCH = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
BETWEEN = {"tablet": {"width": 768, "height": 1024}, "landscape": {"width": 1024, "height": 768}}
"""A tablet, held upright and across."""
SOON = 12_000
"""Milliseconds within which an open page must show what happened elsewhere while other tests keep the machine busy. It
is meant to take less than a second, and the tests print what it took; without a message it would take 15 seconds."""
_KEEPS_PICTURES = "ASSENT_TEST_SCREENSHOTS" in os.environ
EVERYWHERE = IN_CI or _KEEPS_PICTURES
"""Whether every page is judged in the dark and on a phone."""
_SHARE = 3
"""Of the other looks in CI, one in so many is: they are at the same pages with something else on them."""
_STILL = """async () => {
    // After an emulated switch of the colours Chromium may keep the old one for text that was hidden before: all
    // styles are worked out again.
    const root = document.documentElement;
    // What is out of sight is judged as it will be seen, not in the place that is kept for it until then.
    const whole = new CSSStyleSheet();
    // The bar with the buttons covers what is scrolled under it, which is no fault of what it covers.
    whole.replaceSync("* { content-visibility: visible !important; } .decide-bar { position: static !important; }");
    document.adoptedStyleSheets = [whole];
    root.style.display = "none";
    void root.offsetHeight;
    root.style.display = "";
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    document.getAnimations().forEach((each) => each.finish());
}"""
_UNDRAWN = """() => [...document.querySelectorAll("fieldset, fieldset *")]
    .filter((element) => getComputedStyle(element).containerType !== "normal").map((element) => element.className)"""
"""Containers whose content may stay undrawn where the page arrives in parts (6 of 250 loads in Chromium 156)."""
_LEFT = re.compile("WebSocket is closed before the connection is established")
"""What Chromium says about a page that is left while it connects."""
_RULES: dict[str, Any] = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_OF_COLORS: dict[str, Any] = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
"""Those of the rules above whose answer depends on the colors: the rest is the same in both schemes."""


class Visitor:
    """Somebody with a browser profile of their own.

    Attributes:
        troubles: errors on the console, uncaught exceptions and requests to other hosts that nobody expected.
        person: whose browser it is, signed in with the session of `token`.
        posts: addresses (paths) that forms of this visitor were sent to.
    """

    def __init__(
        self, browser: Browser, origin: str, person: Person | None = None, token: str = "", **options: Any
    ) -> None:
        self.origin = origin
        self.person = person
        self.troubles: list[str] = []
        self.posts: list[str] = []
        self._expected: list[re.Pattern[str]] = [_LEFT]
        self.context: BrowserContext = browser.new_context(base_url=origin, **{"viewport": WIDE, **options})
        self.context.set_default_timeout(20_000)
        self.context.on("console", self._heard)
        self.context.on("weberror", lambda error: self._trouble(f"uncaught: {error.error}"))
        self.context.on("request", self._requested)
        if token:
            cookie = session_cookie(SECRET_KEY, token)
            self.context.add_cookies([{"name": "assent_session", "value": cookie, "url": origin}])
        self.page = self.tab()

    def tab(self) -> Page:
        """A further tab of the same browser."""
        page = self.context.new_page()
        page.on("websocket", self._connected)
        return page

    def go(self, path: str, status: int = 200) -> Page:
        """Open an address of the portal in the first tab."""
        answer = self.page.goto(path)
        assert answer is not None and answer.status == status, answer and answer.status
        return self.page

    def expect_trouble(self, pattern: str) -> None:
        """Let complaints that match pass; a browser also reports refusals that the test is about."""
        self._expected.append(re.compile(pattern))

    def expect_status(self, *statuses: int) -> None:
        """Let the browser report answers with these statuses."""
        for status in statuses:
            self.expect_trouble(rf"responded with a status of {status}\b")

    def look(self, name: str, page: Page | None = None, everywhere: bool | None = None) -> None:
        """Judge the open page as it stands, in both color schemes and on a phone; keep pictures if asked for.

        Trouble is what axe finds, a page that is wider than the screen, panes that do not end where it ends, and what
        Chromium may not draw.

        Args:
            everywhere: whether axe looks in the dark and on a phone, too, not only in the light on a wide screen; None:
                at some, chosen by their names.
        """
        if everywhere is None:
            everywhere = EVERYWHERE and (_KEEPS_PICTURES or crc32(name.encode()) % _SHARE == 0)
        page = page or self.page
        self.troubles += [f"{name}: a size container in a fieldset: {found}" for found in page.evaluate(_UNDRAWN)]
        for width, viewport in (("wide", WIDE), ("phone", NARROW)):
            page.set_viewport_size(viewport)  # type: ignore[arg-type]
            for scheme in ("light", "dark") if everywhere else ("light",) if width == "wide" else ():
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                page.evaluate(_STILL)
                _keep_picture(page, f"{name}-{width}-{scheme}")
                if width == "wide" or scheme == "light":  # the colors are the same on a phone
                    found = _violations(page, _RULES if scheme == "light" else _OF_COLORS)
                    self.troubles += [f"{name}, {width}, {scheme}: {violation}" for violation in found]
            self._fits(name, width, page)
            below = page.evaluate("() => document.documentElement.scrollHeight - window.innerHeight")
            if width == "wide" and below > 0 and page.locator(".desk").count():
                self.troubles.append(f"{name}, wide: {below} px of empty space below the page")
        self._as_before(page)

    def look_between(self, name: str, judged: str, scheme: str) -> None:
        """See whether the open page fits on a tablet, too; axe judges it at one of `BETWEEN`, or at none."""
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width, viewport in BETWEEN.items():
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            self._fits(name, width, self.page)
            if width == judged:
                self.page.evaluate(_STILL)
                _keep_picture(self.page, f"{name}-{width}-{scheme}")
                found = _violations(self.page, _RULES)
                self.troubles += [f"{name}, {width}, {scheme}: {violation}" for violation in found]
        self._as_before(self.page)

    def _fits(self, name: str, width: str, page: Page) -> None:
        over = page.evaluate("() => document.scrollingElement.scrollWidth - window.innerWidth")
        if over > 0:
            self.troubles.append(f"{name}, {width}: {over} px wider than the screen")

    def _as_before(self, page: Page) -> None:
        page.emulate_media(color_scheme="light", reduced_motion="no-preference")
        page.set_viewport_size(WIDE)  # type: ignore[arg-type]

    def close(self) -> None:
        """Leave; fails if there was trouble."""
        self.context.close()
        assert not self.troubles, "\n".join(self.troubles)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._trouble(f"console {message.type}: {message.text} ({message.location['url']})")

    def _requested(self, request: Request) -> None:
        self._stay(request.url)
        if request.method == "POST" and "/socket.io/" not in request.url:
            self.posts.append(urlsplit(request.url).path)

    def _connected(self, socket: WebSocket) -> None:
        self._stay(socket.url)

    def _stay(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != urlsplit(self.origin).netloc:
            self._trouble(f"a request to another host: {url}")

    def _trouble(self, words: str) -> None:
        if not any(pattern.search(words) for pattern in self._expected):
            self.troubles.append(f"{self.person.name if self.person else 'somebody'} at {self.page.url}: {words}")


def _violations(page: Page, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):  # to read it takes as long as to run it
        page.evaluate(AXE_SCRIPT)
    options = {"resultTypes": ["violations"], **rules}
    found = page.evaluate("(options) => axe.run(options).then((results) => results.violations)", options)
    return [
        f"{control['id']} ({control['impact']}): {control['help']}: "
        + "; ".join(node["html"][:200] for node in control["nodes"][:4])
        for control in found
    ]


def _keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("ASSENT_TEST_SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def press_approve(page: Page) -> None:
    """Press the button that approves, and once more where the risk takes it."""
    button = page.locator("#approve")
    button.click()
    if page.locator("#approve[data-armed]").count():
        button.click()


def watch_for(page: Page, condition: str) -> None:
    """Have the page note the moment at which a JavaScript condition first holds; `noticed` waits for it.

    The page watches itself with a MutationObserver, so the moment is that of the change and not of our asking.
    """
    page.evaluate(
        f"""() => {{
          const holds = () => {condition};
          window.assentNoticed = new Promise((resolve, reject) => {{
            if (holds()) return reject(new Error("it holds already"));
            const late = setTimeout(() => reject(new Error("not seen within 90 s")), 90000);
            new MutationObserver((_, observer) => {{
              if (!holds()) return;
              observer.disconnect();
              clearTimeout(late);
              resolve(Date.now());
            }}).observe(document, {{ subtree: true, childList: true, characterData: true, attributes: true }});
          }});
          window.assentNoticed.catch(() => {{}});
        }}"""
    )


def noticed(page: Page) -> float:
    """When what `watch_for` waits for came true, in seconds since the epoch."""
    return float(page.evaluate("() => window.assentNoticed")) / 1000


def says(words: str, selector: str = "body") -> str:
    """A condition for `watch_for`: the text stands on the page."""
    return f"(document.querySelector({selector!r})?.textContent ?? '').includes({words!r})"


def mark(page: Page) -> None:
    """Leave a mark that a reload would wipe out."""
    page.evaluate("() => { window.assentMark = true; }")


def is_marked(page: Page) -> bool:
    """True if the page has not been reloaded since `mark`."""
    return bool(page.evaluate("() => window.assentMark === true"))
