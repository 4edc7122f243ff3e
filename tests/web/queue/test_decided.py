"""The page of decided requests, and what a person decided."""

from __future__ import annotations

from collections.abc import Callable

from app.domain.ballot import Ballot
from app.domain.people import Via
from app.services.bundle import Services
from app.services.requests.search_documents import SearchDocuments
from app.store.people import Person
from assent.contracts import Verdict
from tests.factories import make_request, script
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def test_a_decided_request_is_found_again(services: Services, browse: Browse, people: dict[str, Person]) -> None:
    decider = people["other"]
    made = [
        make_request(services.sessions, payload=script(f"delete from basket_{number}", f"Empty basket <{number}>"))
        for number in range(3)
    ]
    for number, request in enumerate(made):
        verdict = Verdict.REJECT if number == 1 else Verdict.APPROVE
        ballot = Ballot(verdict, request.digest, comment="Too many apricots." if number == 1 else "")
        services.checkpoints.decide(request.id, decider.as_actor(Via.PAGE), ballot)
    for _documented in (False, True):
        viewer = browse("viewer")
        page = viewer.get("/decided")
        links = [link.attributes["href"] for link in page.one("tbody").all("a")]
        assert links == [f"/requests/{request.id}" for request in reversed(made)]
        assert "Empty basket <2>" in page.text and "The other reviewer" in page.text
        form = page.one("form", action="/decided")
        found = viewer.get("/decided?text=apric&outcome=rejected&team=&since=2020-01-01&risk=")
        assert [link.text for link in found.one("tbody").all("a")] == ["Empty basket <1>"]
        assert viewer.fields(found.one("form", action="/decided"))["text"] == ["apric"] and form
        mine = viewer.get(f"/decided?decided_by={decider.id}&text=BASKET_2")
        assert [link.text for link in mine.one("tbody").all("a")] == ["Empty basket <2>"]
        assert "No matching requests" in viewer.get(f"/decided?decided_by={people['viewer'].id}").text
        SearchDocuments(services.sessions).extend()
    assert viewer.caller.get("/decided?since=yesterday").status_code == 422
    assert viewer.caller.get("/decided?outcome=pending").status_code == 422
    person = browse("admin").get(f"/people/{decider.id}")
    assert person.all("a", href=f"/decided?decided_by={decider.id}")
    assert person.all("a", href=f"/requests/{made[0].id}")
