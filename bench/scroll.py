"""The queue's list in a browser that scrolls through 10,000 pending requests.

    python -m bench.scroll [--pending N] [--browser PATH]

A person in Chromium scrolls to the end again and again, so that every page of 50 rows is appended, then turns the wheel
up and down in the whole list and chooses filters. The browser itself tells how long its main thread was busy (long
tasks: more than 50 ms, during which a click or a key waits). To reach: at the end of the list a page takes at most 2
times what it takes at its beginning, and a frame while scrolling at most 2 times what it takes in a short list,
measured in the same run; no long task over 200 ms. How long a filter takes when everything is loaded is printed; most
of it is the browser letting go of the rows.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.domain.people import SYSTEM, Role
from app.factory import create_app
from app.services.bundle import Services
from app.settings import Settings
from bench.filling import fill, vacuum
from bench.support import database, machine, percentile, web

TARGET = 2.0
LONGEST = 200.0
SHORT = 10
"""Number of pages of a short list."""
WATCH = """() => {
    window.long = [];
    new PerformanceObserver((seen) => window.long.push(...seen.getEntries().map((each) => each.duration)))
        .observe({ type: "longtask" });
}"""
NEXT = """() => new Promise((done) => {
    const next = document.getElementById("queue-next");
    if (!next) return done(null);
    const began = performance.now();
    const look = () => {
        if (next.isConnected) requestAnimationFrame(look);
        else requestAnimationFrame(() => done(performance.now() - began));
    };
    next.scrollIntoView();
    look();
})"""
TURN = """() => new Promise((done) => {
    const scroller = document.querySelector(".list .scroll");
    const taken = [];
    let last = performance.now(), way = 120;
    const frame = (now) => {
        taken.push(now - last);
        last = now;
        const before = scroller.scrollTop;
        scroller.scrollTop += way;
        if (scroller.scrollTop === before) way = -way;
        if (taken.length < 150) requestAnimationFrame(frame);
        else done(taken.slice(5));
    };
    scroller.scrollTop = scroller.scrollHeight / 2;
    requestAnimationFrame(frame);
})"""
"""Scrolls by 120 px in each frame, as a quick turn of the wheel does; gives milliseconds between frames."""
CHOOSE = """(wanted) => new Promise((done) => {
    const began = performance.now();
    const chip = wanted ? `.chips a[href*="${wanted}"]` : ".chips a";
    document.querySelector(chip).click();
    const look = () => {
        const there = location.search.includes(wanted || "risk=") === Boolean(wanted);
        const waits = !there || document.querySelector("[aria-busy=true]");
        requestAnimationFrame(waits ? look : () => done(performance.now() - began));
    };
    look();
})"""


@contextmanager
def signed_in(pending: int, browser: str) -> Iterator[Page]:
    """Yield a browser at a portal with this many pending requests."""
    with database("bench_scroll") as address, tempfile.TemporaryDirectory() as folder:
        fill(address, pending)
        vacuum(address)
        app = create_app(
            Settings(database_url=address, secret_key="x" * 40, data_dir=Path(folder), async_mode="threading")
        )
        services: Services = app.extensions["assent"]
        person = services.people.add(SYSTEM, "DBA on call", "dba@example.com", [Role.REVIEWER], ["dba"])
        link = services.people.make_link(SYSTEM, person.id)
        app.extensions["assent_live"].listener.stop()
        services.engine.dispose()
        with web(address) as (_, url), sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=browser or None, args=["--no-sandbox"])
            page = chromium.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{url}/sign-in/{link}")
            page.locator("form[action*=sign-in] button").click()
            page.wait_for_url("**/queue**")
            yield page
            chromium.close()


def gone_through(page: Page) -> list[float]:
    """Milliseconds from reaching the end of the list to the next rows, for each page until there is none."""
    taken: list[float] = []
    while (found := page.evaluate(NEXT)) is not None:
        taken.append(found)
    return taken


def filtered(page: Page) -> float:
    """Milliseconds from choosing a filter to the filtered list."""
    took = float(page.evaluate(CHOOSE, "risk=critical"))
    page.evaluate(CHOOSE, "")
    return took


def long_tasks(page: Page) -> list[float]:
    """Return the long tasks since the last call."""
    return list(page.evaluate("() => { const found = window.long; window.long = []; return found; }"))


def line(name: str, short: list[float], whole: list[float], promised: bool = True) -> None:
    """Print how the two compare."""
    ratio = percentile(whole, 0.95) / percentile(short, 0.95)
    figures = "   ".join(
        f"{which}: p50 {percentile(value, 0.5):7.1f} ms, p95 {percentile(value, 0.95):7.1f} ms"
        for which, value in (("short", short), ("whole", whole))
    )
    verdict = f" (to reach: {TARGET}{'' if ratio <= TARGET else ', MISSED'})" if promised else ""
    print(f"  {name:<24} {figures}   p95 ratio {ratio:5.2f}{verdict}", flush=True)


def print_long_tasks(name: str, page: Page) -> None:
    """Print the long tasks."""
    found = long_tasks(page)
    longest = max(found, default=0.0)
    missed = "" if longest <= LONGEST else ", MISSED"
    print(f"  {name:<24} long tasks: {len(found)}, longest {longest:.0f} ms (to reach: {LONGEST:.0f} ms{missed})")


def repeated(times: int, act: Callable[[], float]) -> list[float]:
    """Return the times of some repetitions of an action."""
    return [act() for _ in range(times)]


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--browser", default=os.environ.get("ASSENT_TEST_BROWSER", ""))
    wanted = parser.parse_args()
    with signed_in(wanted.pending, wanted.browser) as page:
        print(f"scroll: {machine()}, {wanted.pending:,} pending, Chromium {page.context.browser.version}")  # type: ignore[union-attr]
        page.evaluate(WATCH)
        short_filter = repeated(5, lambda: filtered(page))
        short_wheel = page.evaluate(TURN)
        page.reload()
        page.evaluate(WATCH)
        pages = gone_through(page)
        print(f"  rows in the list: {page.locator('#queue-rows .row').count():,}")
        print_long_tasks("all pages appended", page)
        line("the next page", pages[:SHORT], pages[-SHORT:])
        whole_wheel = page.evaluate(TURN)
        print_long_tasks("the wheel, all loaded", page)
        line("a frame while scrolling", short_wheel, whole_wheel)
        whole_filter = [filtered(page)]
        print_long_tasks("the filter, all loaded", page)
        line("a filter", short_filter, whole_filter, promised=False)


if __name__ == "__main__":
    main()
