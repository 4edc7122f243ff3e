"""Fields that are files: drawn as uploads, read as they were, with problems at their place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from app.domain.people import Via
from app.services.bundle import Services
from app.web.forms.drawing import draw
from app.web.forms.fields import MISSING
from app.web.forms.values import read
from assent.files import UploadedFile, reference_to
from tests.factories import make_workflow
from tests.web.browsing import Browser


class Report(BaseModel):
    """One file, another one or none, and any number."""

    orders: UploadedFile
    second: UploadedFile | None = None
    more: list[UploadedFile] = []


SCHEMA = Report.model_json_schema()


def kinds(schema: dict[str, Any]) -> dict[str, str]:
    return {field.key: field.kind for field in draw(schema, "input").fields}


def test_they_are_drawn_as_files() -> None:
    assert kinds(SCHEMA) == {"orders": "file", "second": "file", "more": "list"}


@pytest.mark.parametrize(
    ("sent", "value"),
    [
        ({"input.orders": "/x"}, {"orders": "/x"}),
        ({"input.orders": " /x ", "input.second": "/y"}, {"orders": "/x", "second": "/y"}),
        (
            {"input.orders": "/x", "input.more": "n1", "input.more.n1": "assent-file:1"},
            {"orders": "/x", "more": ["assent-file:1"]},
        ),
    ],
)
def test_they_are_read(sent: dict[str, str], value: dict[str, Any]) -> None:
    assert read(draw(SCHEMA, "input", MISSING), sent) == value


@pytest.fixture
def page(services: Services, reviewer: Browser) -> Callable[[], Browser]:
    make_workflow(services.sessions, "test_report", title="Report", input_schema=SCHEMA)

    def open_page() -> Browser:
        reviewer.get("/runs/new/test_report")
        return reviewer

    return open_page


def test_a_run_begins_with_an_uploaded_file(page: Callable[[], Browser], services: Services) -> None:
    browser = page()
    assert browser.person is not None
    file = services.files.begin(browser.person.as_actor(Via.PAGE), "orders.csv", 0)
    services.files.complete(browser.person.as_actor(Via.PAGE), file.id)
    browser.send(browser.form("start"), **{"input.orders": reference_to(file.id)})
    run_id = str(browser.response and browser.response.headers["Location"]).rsplit("/", 1)[-1]
    assert [used.id for used in services.files.used_by(run_id)] == [file.id]


def test_somebody_who_sees_the_run_downloads_its_file(
    page: Callable[[], Browser], services: Services, browse: Callable[[str], Browser]
) -> None:
    browser, content = page(), b"a,b\r\n" * 20_000
    assert browser.person is not None
    uploader = browser.person.as_actor(Via.PAGE)
    file = services.files.begin(uploader, "Bestellungen für März.csv", len(content))
    services.files.put(uploader, file.id, 0, content)
    services.files.complete(uploader, file.id)
    viewer = browse("viewer")
    viewer.get(f"/files/{file.id}/content", 404)
    run = services.runs.start(uploader, "test_report", {"orders": reference_to(file.id)})
    shown = viewer.get(f"/runs/{run.id}")
    assert "orders: Bestellungen für März.csv, 100 kB" in shown.text
    link = shown.one("a", href=f"/files/{file.id}/content")
    assert link.text == "Download Bestellungen für März.csv"
    viewer.get(link.attributes["href"])
    assert viewer.response is not None and viewer.response.data == content
    assert viewer.response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''Bestellungen%20f")
    assert viewer.response.mimetype == "application/octet-stream"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "This field is required."),
        ("/etc/passwd", "no folders in which an input may name files"),
        (reference_to("00000000-0000-0000-0000-000000000000"), "There is no such file"),
    ],
)
def test_what_cannot_be_used_is_said_at_the_field(page: Callable[[], Browser], given: str, words: str) -> None:
    browser = page()
    shown = browser.send(browser.form("start"), status=422, **{"input.orders": given})
    field = shown.one("input", name="input.orders")
    assert field.attributes["aria-invalid"] == "true"
    assert words in shown.one("div", id=field.attributes["aria-describedby"]).text
