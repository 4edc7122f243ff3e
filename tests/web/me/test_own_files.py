"""The page of one's own files; who may see and delete them is in `tests.access`."""

from __future__ import annotations

from app.domain.lifecycle import RunState
from app.domain.people import Role, Via
from app.services.bundle import Services
from app.store.files import FileUse
from app.store.people import Person
from tests.api.test_files import upload
from tests.factories import make_person, make_run
from tests.web.me.test_tokens import Browse, form_to


def test_files_are_listed_with_their_runs_and_deleted(
    services: Services, browse: Browse, people: dict[str, Person]
) -> None:
    browser = browse("reviewer")
    files, own = services.files, people["reviewer"].as_actor(Via.PAGE)
    assert "No files" in browser.get("/profile/files").text
    free, used = upload(files, own, b"a" * 2_500), upload(files, own, b"b")
    upload(files, make_person(services.sessions, "Somebody else", [Role.REVIEWER]).as_actor(Via.PAGE), b"theirs")
    run = make_run(services.sessions, state=RunState.SUSPENDED)
    with services.sessions.begin() as session:
        session.add(FileUse(run_id=run.id, file_id=used))
    page = browser.get("/profile/files")
    assert "2 files. They count 8.2 kB of the 1.0 GB that you may have." in page.text
    rows = [row.text for row in page.all("tr")]
    assert any("2.5 kB" in row and "no run" in row and "Delete" in row for row in rows)
    assert any("1 byte" in row and "1 run, 1 not ended" in row and "Delete" not in row for row in rows)
    browser.send(form_to(browser.page, f"/profile/files/{free}/delete"), status=303)
    assert "“orders.csv” is deleted." in browser.follow().text
    assert [file.id for file in files.own(own)] == [used]
