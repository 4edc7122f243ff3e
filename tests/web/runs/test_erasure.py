"""Deleting what a run holds, on its page: shown first, confirmed, done, and said afterwards."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.lifecycle import RunState
from app.domain.people import Role, Via
from app.services.bundle import Services
from app.store.files import FileUse
from tests.factories import make_person, make_run
from tests.web.conftest import Browser


def test_an_administrator_deletes_what_a_run_holds(browse: Callable[[str], Browser], services: Services) -> None:
    owner = make_person(services.sessions, "Uploader", [Role.REVIEWER])
    file = services.files.begin(owner.as_actor(Via.PAGE), "hosts of <b>site 7.csv", 0)
    services.files.complete(owner.as_actor(Via.PAGE), file.id)
    run = make_run(services.sessions, owner, RunState.COMPLETED)
    with services.sessions.begin() as session:
        session.add(FileUse(run_id=run.id, file_id=file.id))
    admin = browse("admin")
    assert "Delete what this run holds" in admin.get(f"/runs/{run.id}").text
    assert "Delete what this run holds" not in browse("reviewer").get(f"/runs/{run.id}").text
    shown = admin.get(f"/runs/{run.id}/erase")
    assert "hosts of <b>site 7.csv" in shown.text and "cannot be undone" in shown.text
    assert "hosts of" in admin.get(f"/files/{file.id}/erase").text
    form = shown.one("form", action=f"/runs/{run.id}/erase")
    admin.send(form, status=422, confirm=None)
    assert "hosts of" in admin.get(f"/files/{file.id}/erase").text
    admin.send(form, confirm="yes")
    page = admin.get(f"/runs/{run.id}").text
    assert "what it held was deleted" in page and "hosts of" not in page and "Delete what this run holds" not in page
    admin.get(f"/files/{file.id}/erase", 404)
