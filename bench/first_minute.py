"""The first minute of the demo: from the command to a filled queue, and to the request of the live run.

    python -m bench.first_minute [--rounds N] [--browser PATH]

Each round starts `assent serve --demo`, which `bin/dev` starts, on an empty folder, opens the first link that it prints
in Chromium, signs in, and leaves the queue open. To reach: a filled queue within five seconds of the sign-in. Further
figures: when the links are printed, which agent the queue names meanwhile and with which steps, and when the live run's
request is announced on the open page.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, sync_playwright

from bench.support import free_port, machine, percentile

TARGET = 5.0
FILLED = 20
"""Rows of the queue."""
LATEST = 180_000
"""Milliseconds until a round is given up."""
LINK = re.compile(r"http://\S+/sign-in/\S+")
WATCH = """() => {
    window.steps = [];
    const look = () => {
        for (const line of document.querySelectorAll("#at-work li:has(.step)")) {
            const words = `${line.querySelector("a").textContent}: ${line.querySelector(".step").textContent}`;
            if (!window.steps.includes(words)) window.steps.push(words);
        }
    };
    look();
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@dataclass(frozen=True)
class Minute:
    """Seconds: from the command to the links, from the sign-in to the filled queue, and to the live run's request."""

    links: float
    filled: float
    surprise: float
    steps: list[str]


@contextmanager
def demo() -> Iterator[tuple[float, str]]:
    """Yield how long a new demo took to print its links, and the first of them."""
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        settings = {"ASSENT_DATA_DIR": folder, "ASSENT_PORT": str(free_port())}
        began = time.perf_counter()
        served = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", "serve", "--demo"], env={**os.environ, **settings},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        try:
            assert served.stdout is not None
            link = ""
            for line in served.stdout:
                link = link or "".join(LINK.findall(line)[:1])
                if "Open  http" in line:
                    break
            if not link:
                raise RuntimeError("the demo has printed no link")
            yield time.perf_counter() - began, link
        finally:
            served.terminate()
            served.communicate(timeout=60)


def minute(browser: Browser) -> Minute:
    """One round."""
    with demo() as (links, link):
        page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.goto(link)
        began = time.perf_counter()
        page.get_by_role("button", name="Sign in").click()
        page.locator("#queue-list .row").nth(FILLED - 1).wait_for(timeout=LATEST)
        filled = time.perf_counter() - began
        page.evaluate(WATCH)
        page.locator("#queue-fresh:not([hidden])").wait_for(timeout=LATEST)
        surprise = time.perf_counter() - began
        steps = page.evaluate("() => window.steps")
        page.context.close()
    return Minute(links, filled, surprise, steps)


def main() -> None:
    """Run the rounds and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--browser", default=os.environ.get("ASSENT_TEST_BROWSER", ""))
    options = parser.parse_args()
    print(machine())
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=options.browser or None, args=["--no-sandbox"])
        found = [minute(chromium) for _ in range(options.rounds)]
        chromium.close()
    for name, taken, promised in (
        ("command to links", [one.links for one in found], False),
        ("sign-in to filled queue", [one.filled for one in found], True),
        ("sign-in to live request", [one.surprise for one in found], False),
    ):
        longest = max(taken)
        verdict = f" (to reach: {TARGET:.0f} s{'' if longest <= TARGET else ', MISSED'})" if promised else ""
        print(f"  {name:<24} p50 {percentile(taken, 0.5):5.1f} s, longest {longest:5.1f} s{verdict}")
    for step in found[-1].steps:
        print(f"  meanwhile at work: {step}")


if __name__ == "__main__":
    main()
