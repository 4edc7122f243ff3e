""" "What do you need?" where runs are started, without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.services.bundle import Services
from app.services.routing.texts import LONGEST
from tests.factories import make_workflow
from tests.routers import router_at_work
from tests.web.browsing import Browser, Element

SCHEMA = {"type": "object", "properties": {"host": {"type": "string", "title": "Host"}}}
CLEAR, UNSURE, FOREIGN = "disk full on host app-7", "Logins are slow.", "Wie wird das Wetter am Sonntag?"
MISSING = "Which sessions hold the row locks that everybody waits for?"


def test_without_a_worker_the_text_stays_and_the_page_says_so(reviewer: Browser) -> None:
    # The first test, because a worker that has ended counts as living for some time.
    page = reviewer.get("/runs/new")
    shown = send(reviewer, page, CLEAR, status=503)
    assert "No worker is running" in shown.one(role="alert").text
    assert shown.one("textarea", name="need").text == CLEAR
    assert shown.all("a", href="/runs/new/test_gate"), "all workflows are still there to choose from"


@pytest.fixture(scope="module")
def router(services: Services, module_database_url: str) -> Iterator[None]:
    """A worker that routes texts."""
    make_workflow(services.sessions, "instance_troubleshooting", title="One <machine>", input_schema=SCHEMA)
    with router_at_work(module_database_url, services):
        yield


def send(browser: Browser, page: Element, text: str, status: int = 200) -> Element:
    """What the page shows after somebody has written what they need."""
    shown = browser.send(page.one("form", action="/runs/new"), status=303 if status == 200 else status, need=text)
    return browser.follow() if status == 200 else shown


@pytest.mark.usefixtures("router")
def test_what_somebody_needs_leads_to_a_form_that_is_filled_in(reviewer: Browser) -> None:
    page = send(reviewer, reviewer.get("/runs/new"), CLEAR)
    answer = page.one(id="answer")
    assert "One <machine>" in answer.one("h2").text and "% sure" in answer.one("h2").text
    assert "disk full" in answer.text
    form = next(form for form in answer.all("form") if "Start" in form.text)
    reviewer.send(form)
    started = reviewer.follow()
    assert started.one("textarea", name="input.host").text == "app-7"
    assert "From your request" in started.text


@pytest.mark.usefixtures("router")
def test_a_workflow_that_is_not_installed_is_said_to_be_so(reviewer: Browser) -> None:
    answer = send(reviewer, reviewer.get("/runs/new"), MISSING).one(id="answer")
    assert "Database blocking" in answer.one("h2").text and "not installed here" in answer.text
    assert not [form for form in answer.all("form") if "Start" in form.text]
    assert len(answer.all("li")) == 3


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize("text", [UNSURE, FOREIGN])
def test_where_it_is_not_sure_it_asks_with_three(reviewer: Browser, text: str) -> None:
    answer = send(reviewer, reviewer.get("/runs/new"), text).one(id="answer")
    assert answer.one("h2").text == "Which workflow do you need?"
    assert len(answer.all("li")) == 3 == len(answer.all("form"))


@pytest.mark.usefixtures("router")
def test_another_choice_is_stored_and_followed_next_time(reviewer: Browser) -> None:
    text = "Sign-ins to the portal take very long."
    answer = send(reviewer, reviewer.get("/runs/new"), text).one(id="answer")
    last = answer.all("li")[-1].one("form")
    title = answer.all("li")[-1].one("b").text
    reviewer.send(last)
    after = reviewer.follow()
    assert "not installed here. Your choice was noted" in after.text
    again = send(reviewer, reviewer.get("/runs/new"), text.upper()).one(id="answer")
    assert again.one("h2").text == title and "was chosen for the same text before" in again.text


@pytest.mark.usefixtures("router")
def test_only_the_person_sees_what_they_wrote(reviewer: Browser, browse: Callable[[str], Browser]) -> None:
    form = send(reviewer, reviewer.get("/runs/new"), CLEAR).one(id="answer").all("form")[0]
    need = form.attributes["action"].rsplit("/", 1)[-1]
    assert browse("other").get(f"/runs/new?need={need}", status=404)
    assert browse("other").get(f"/runs/new/instance_troubleshooting?need={need}", status=404)
    assert reviewer.get("/runs/new?need=nothing", status=404)


@pytest.mark.usefixtures("router")
@pytest.mark.parametrize(
    ("text", "status", "words"), [("  ", 422, "Write what you need"), ("x" * 100_000, 413, "at most")]
)
def test_empty_and_long_texts(reviewer: Browser, text: str, status: int, words: str) -> None:
    page = send(reviewer, reviewer.get("/runs/new"), text, status=status)
    assert words in page.one(role="alert").text
    for field in (page, reviewer.get("/queue")):
        assert f"{LONGEST}" == field.one("textarea", name="need").attributes["maxlength"]


@pytest.mark.usefixtures("router")
def test_what_somebody_wrote_is_text(reviewer: Browser) -> None:
    page = send(reviewer, reviewer.get("/runs/new"), "<script>alert(1)</script> disk full on host <b>app-7</b>")
    assert "<script>alert(1)</script>" in page.one("textarea", name="need").text
    assert not [script for script in page.all("script") if "alert" in script.text]
