"""Who is looking and who is editing, seen from another web process than their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.services.bundle import Services
from app.store.people import Person
from tests.factories import make_request
from tests.webprocess import Web


@pytest.fixture(scope="module")
def two(module_database_url: str) -> Iterator[tuple[Web, Web]]:
    """Two web processes, one of each way of serving, on one database."""
    servers = (Web(module_database_url, "eventlet"), Web(module_database_url, "threading"))
    for server in servers:
        server.start()
    yield servers
    for server in servers:
        server.stop()


def test_who_edits_is_seen_from_another_process(
    two: tuple[Web, Web], services: Services, viewer: Person, reviewer: Person
) -> None:
    request = make_request(services.sessions)

    def people(editing: bool) -> list[dict[str, object]]:
        return [
            {"id": reviewer.id, "name": reviewer.name, "editing": editing},
            {"id": viewer.id, "name": viewer.name, "editing": False},
        ]

    for here, there in (two, two[::-1]):
        with here.socket(viewer) as looks:
            looks.ask("join_request", {"request_id": request.id})
            with there.socket(reviewer) as edits, there.socket(reviewer) as second_tab:
                # Somebody who has not joined is not there, and edits nothing.
                assert edits.ask("edit_request", {"request_id": request.id, "editing": True})["ok"]
                edits.ask("join_request", {"request_id": request.id})
                second_tab.ask("join_request", {"request_id": request.id})
                looks.next("presence", request_id=request.id, people=people(False))
                edits.ask("edit_request", {"request_id": request.id, "editing": True})
                looks.next("presence", request_id=request.id, people=people(True))
                edits.next("presence", request_id=request.id, people=people(True))
                edits.ask("edit_request", {"request_id": request.id, "editing": False})
                looks.next("presence", request_id=request.id, people=people(False))
                edits.ask("edit_request", {"request_id": request.id, "editing": True})
                looks.next("presence", request_id=request.id, people=people(True))
                edits.close()
                # The tab that is left only looks.
                looks.next("presence", request_id=request.id, people=people(False))
            # One who comes late is told at once.
            with there.socket(reviewer) as late:
                answer = late.ask("join_request", {"request_id": request.id})
                assert answer["people"] == people(False)


@pytest.mark.parametrize("sent", [{}, {"editing": True}, {"request_id": "x", "editing": True}, {"editing": "perhaps"}])
def test_what_cannot_be_told_is_refused(two: tuple[Web, Web], viewer: Person, sent: dict[str, object]) -> None:
    with two[0].socket(viewer) as client:
        assert not client.ask("edit_request", sent)["ok"]
