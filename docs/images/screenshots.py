"""Makes the pictures beside this file: `bin/screenshots`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LOOKS: dict[str, tuple[ViewportSize, Literal["light", "dark"]]] = {
    "": ({"width": 1440, "height": 900}, "light"),
    "-dark": ({"width": 1440, "height": 900}, "dark"),
    "-phone": ({"width": 390, "height": 844}, "light"),
    "-phone-dark": ({"width": 390, "height": 844}, "dark"),
}
"""What is appended to a picture's name, and how the window is for it."""
PAGES = {
    "Release engineer": {"start": "/runs/new/database_maintenance"},
    "DBA on call": {"runs": "/runs", "insights": "/insights", "policies": "/policies"},
    "Auditor": {"audit": "/audit"},
}
REVIEWER = "DBA on call"
SLOW = 180_000
"""Milliseconds that the demo's run may take to ask, and again to finish."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


@contextmanager
def demo() -> Iterator[dict[str, str]]:
    """A fresh demo; gives the sign-in link of each person."""
    with tempfile.TemporaryDirectory(prefix="assent-pictures-") as folder:
        own = {key: value for key, value in os.environ.items() if not key.startswith("ASSENT_")}
        own |= {"ASSENT_DATA_DIR": folder, "ASSENT_PORT": str(free_port())}
        server = subprocess.Popen([ROOT / "bin" / "dev"], env=own, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            yield _links(server)
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=60)


def _links(server: subprocess.Popen[str]) -> dict[str, str]:
    links: dict[str, str] = {}
    for line in server.stdout or ():
        if found := re.match(r"\s*(\S.*?)\s{2,}.*?(http\S+/sign-in/\S+)", line):
            links[found[1]] = found[2]
        if "Ctrl-C" in line:
            return links
    raise SystemExit("bin/dev ended before it was up; it has said why")


def picture(page: Page, name: str) -> None:
    """Take pictures of the page as it is, from its top, in every look."""
    for suffix, (size, scheme) in LOOKS.items():
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=HERE / f"{name}{suffix}.png", animations="disabled")
    page.set_viewport_size(LOOKS[""][0])
    page.emulate_media(color_scheme="light")


def signed_in(browser: Browser, link: str) -> Page:
    """A page of a browser profile of its own, in which somebody is signed in."""
    page = browser.new_context(viewport=LOOKS[""][0], base_url=link.split("/sign-in")[0]).new_page()
    page.set_default_timeout(SLOW)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Close the tour").click()
    page.wait_for_load_state()
    return page


def decide(page: Page) -> None:
    """Decide on the demo's proposal, and take pictures before and after."""
    waiting = page.get_by_role("link", name=re.compile(r"Create \d+ indexes on shop")).first
    offered = page.get_by_role("button", name=re.compile("new request"))
    expect(waiting.or_(offered).first).to_be_visible(timeout=SLOW)
    if offered.is_visible():
        offered.click()
    expect(waiting).to_be_visible()
    page.goto(waiting.get_attribute("href") or "")
    expect(page.locator("#approve")).to_be_visible()
    picture(page, "request")
    page.goto("/queue")
    page.locator(".list > .scroll").evaluate("(list) => list.scrollTo(0, 0)")
    picture(page, "queue")
    page.go_back()
    run = page.locator("a[href*='/runs/']").first.get_attribute("href")
    with page.expect_navigation():
        page.locator("#approve").click()
    page.goto(run or "")
    expect(page.get_by_text("completed").first).to_be_visible(timeout=SLOW)
    page.reload()
    picture(page, "run")


def main() -> None:
    """Make all pictures."""
    named = os.environ.get("ASSENT_TEST_BROWSER") or shutil.which("chromium")
    with demo() as links, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=named, args=["--no-sandbox", "--disable-lcd-text"])
        people = {name: signed_in(browser, links[name]) for name in {*PAGES, REVIEWER}}
        decide(people[REVIEWER])
        for person, pages in PAGES.items():
            for name, address in pages.items():
                people[person].goto(address)
                picture(people[person], name)
        browser.close()


if __name__ == "__main__":
    main()
