"""The page about coding agents."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import update

from app.services.bundle import Services
from app.store.people import Person
from assent.hooks.setup import SETUPS
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]


def test_each_agent_has_its_settings_and_first_what_they_do_not_cover(reviewer: Browser) -> None:
    text = reviewer.get("/coding-agents").text
    for setup in SETUPS.values():
        section = reviewer.page.one("section", aria_labelledby=setup.agent.name).text
        places = [section.index(words.replace("`", "")) for words in (*setup.gaps, setup.closed)]
        assert places == sorted(places)
        assert f"assent-hook install {setup.agent.name} --project ." in section
    assert "people can decide" in text or "person can decide" in text
    assert reviewer.get("/profile/tokens").all("a", href="/coding-agents")


def test_it_says_who_decides_if_there_is_nobody_else(browse: Browse, services: Services, people) -> None:
    me = browse("reviewer")
    assert "Nobody can decide" not in me.get("/coding-agents").text
    others = update(Person).where(Person.id != people["reviewer"].id, Person.active)
    with services.sessions.begin() as session:
        ids = [row.id for row in session.execute(others.values(active=False).returning(Person.id))]
    try:
        told = me.get("/coding-agents").one(id="reviewers").text
        assert "Nobody can decide about the calls of an agent that you are responsible for." in told
    finally:
        with services.sessions.begin() as session:
            session.execute(update(Person).where(Person.id.in_(ids)).values(active=True))
