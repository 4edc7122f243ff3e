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

from playwright.sync_api import Page, expect, sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SIZE = {"width": 1440, "height": 900}
REVIEWER = "DBA on call"
SLOW = 180_000
"""Milliseconds that the demo's run may take to ask, and again to finish."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return int(some.getsockname()[1])


@contextmanager
def demo() -> Iterator[str]:
    """A fresh demo; gives the reviewer's sign-in link."""
    with tempfile.TemporaryDirectory(prefix="assent-pictures-") as folder:
        own = {key: value for key, value in os.environ.items() if not key.startswith("ASSENT_")}
        own |= {"ASSENT_DATA_DIR": folder, "ASSENT_PORT": str(free_port())}
        server = subprocess.Popen([ROOT / "bin" / "dev"], env=own, stdout=subprocess.PIPE, text=True)  # noqa: S603
        try:
            yield _link(server)
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=60)


def _link(server: subprocess.Popen[str]) -> str:
    link = ""
    for line in server.stdout or ():
        link = link or "".join(re.findall(rf"{REVIEWER}\s+(http\S+)", line))
        if "Ctrl-C" in line:
            return link
    raise SystemExit("bin/dev ended before it was up; it has said why")


def picture(page: Page, name: str) -> None:
    """Take a picture of the window as it is."""
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=HERE / f"{name}.png", animations="disabled")


def take(page: Page, link: str) -> None:
    """Decide on the demo's proposal, and take a picture before and after."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    waiting = page.get_by_role("link", name=re.compile(r"Create \d+ indexes on shop")).first
    expect(waiting).to_be_visible(timeout=SLOW)
    page.goto(waiting.get_attribute("href") or "")
    expect(page.locator("#approve")).to_be_visible()
    picture(page, "request")
    run = page.locator("a[href*='/runs/']").first.get_attribute("href")
    page.locator("#approve").click()
    page.goto(run or "")
    expect(page.get_by_text("completed").first).to_be_visible(timeout=SLOW)
    page.reload()
    picture(page, "run")


def main() -> None:
    """Make all pictures."""
    named = os.environ.get("ASSENT_TEST_BROWSER") or shutil.which("chromium")
    with demo() as link, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=named, args=["--no-sandbox", "--disable-lcd-text"])
        context = browser.new_context(viewport=SIZE, color_scheme="light", base_url=link.split("/sign-in")[0])
        take(context.new_page(), link)
        browser.close()


if __name__ == "__main__":
    main()
