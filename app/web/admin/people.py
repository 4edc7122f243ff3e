"""People and their teams, for admins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, NotFoundError
from app.domain.people import Action, Role
from app.domain.text import plural
from app.domain.tokens import TokenChoice
from app.http.errors import status_of
from app.http.identity import current_actor, session_idle, session_lifetime
from app.http.runtime import portal, services
from app.store.people import Person
from app.web.accounts import ROLE_WORDS, token_choice
from app.web.pages import download, export_format, render, see_other, web

_NOTHING: MultiDict[str, str] = MultiDict()


@web.get("/people")
def people() -> Any:
    """Everybody, with a form for adding a person."""
    current_actor().require(Action.MANAGE_PEOPLE)
    return _list()


@web.get("/people/export")
def people_export() -> Any:
    """Everybody as a file, streamed."""
    return download(services().people.export(current_actor(), export_format()), "people")


@web.post("/people")
def people_add() -> Any:
    """Add a person, and show their sign-in link."""
    actor, sent = current_actor(), request.form
    try:
        person = services().people.add(actor, sent.get("name", ""), sent.get("email", ""), _roles(sent), _teams(sent))
    except AssentError as error:
        return _list(sent, error)
    return _shown(person, link=services().people.make_link(actor, person.id))


@web.get("/people/<person_id>")
def person(person_id: str) -> Any:
    """One person, with a form."""
    current_actor().require(Action.MANAGE_PEOPLE)
    return _shown(_person(person_id))


@web.post("/people/<person_id>")
def person_change(person_id: str) -> Any:
    """Change the person."""
    actor, sent = current_actor(), request.form
    try:
        changed = services().people.change(
            actor, person_id, sent.get("name", ""), _roles(sent), _teams(sent), bool(sent.get("active"))
        )
    except NotFoundError:
        raise
    except AssentError as error:
        return _shown(_person(person_id), sent, error)
    flash(f"{changed.name} is changed. The change applies to their next page or API call.")
    return see_other("web.person", person_id=person_id)


@web.post("/people/<person_id>/link")
def person_link(person_id: str) -> Any:
    """Create a single-use sign-in link for the person. It is shown once."""
    return _shown(_person(person_id), link=services().people.make_link(current_actor(), person_id))


@web.get("/people/<person_id>/link")
def person_link_shown(person_id: str) -> Any:
    """Show the person: a sign-in link is shown once, at a URL that a browser may open again."""
    return see_other("web.person", person_id=person_id)


@web.post("/people/<person_id>/sign-out")
def person_sign_out(person_id: str) -> Any:
    """End all sessions and unused links of the person, and their tokens if chosen."""
    ended = services().sign_ins.end_all(current_actor(), person_id, token_choice(request.form))
    flash(
        f"Signed out everywhere: {plural(ended.sessions, 'session')}, {plural(ended.links, 'unused link')}, and "
        f"{plural(ended.tokens, 'token')} ended."
    )
    return see_other("web.person", person_id=person_id)


@web.post("/people/<person_id>/sessions/<sign_in_id>/end")
def person_session_end(person_id: str, sign_in_id: str) -> Any:
    """End one session of the person."""
    ended = services().sign_ins.end(current_actor(), sign_in_id, person_id)
    flash("That session has ended." if ended else "That session had ended already.")
    return see_other("web.person", person_id=person_id)


@web.get("/people/<person_id>/sign-out")
def person_sign_out_shown(person_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.person", person_id=person_id)


@web.get("/people/<person_id>/sessions/<sign_in_id>/end")
def person_session_end_shown(person_id: str, sign_in_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.person", person_id=person_id)


def _person(person_id: str) -> Person:
    found = next((person for person in services().people.everybody() if person.id == person_id), None)
    if found is None:
        raise NotFoundError("There is no such person.")
    return found


def _list(sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Any:
    current_actor().require(Action.MANAGE_PEOPLE)
    everybody = services().people.everybody()
    teams: dict[str, list[Person]] = {team.slug: [] for team in services().people.teams()}
    for person in everybody:
        for team in person.teams:
            teams[team.slug].append(person)
    return render(
        "people.html", status_of(error) if error else 200, everybody=everybody, teams=teams, sent=sent,
        lookalikes=services().people.lookalikes(current_actor()),
        chosen=sent.getlist("roles") if sent else [Role.REVIEWER.value], **_common(error),
    )  # fmt: skip


def _shown(
    person: Person, sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None, link: str = ""
) -> Any:
    current_actor().require(Action.MANAGE_PEOPLE)
    given = {
        "name": sent.get("name", "") if sent else person.name,
        "teams": sent.get("teams", "") if sent else ", ".join(team.slug for team in person.teams),
        "active": bool(sent.get("active")) if sent else person.active,
    }
    address = f"{portal().settings.public_url}/sign-in/{link}" if link else ""
    return render(
        "person.html", status_of(error) if error else 200, person=person, given=given, link=address,
        sign_ins=services().sign_ins.of(current_actor(), session_lifetime(), session_idle(), person.id),
        token_choices=list(TokenChoice), decided=services().decided.latest(person.id),
        chosen=sent.getlist("roles") if sent else person.roles, **_common(error),
    )  # fmt: skip


def _common(error: AssentError | None) -> Mapping[str, Any]:
    return {
        "error": error,
        "problems": error.extra.get("fields", {}) if error else {},
        "roles": ROLE_WORDS,
        "known_teams": [team.slug for team in services().people.teams()],
    }


def _roles(sent: MultiDict[str, str]) -> list[Role]:
    return [Role(role) for role in sent.getlist("roles") if role in set(Role)]


def _teams(sent: MultiDict[str, str]) -> list[str]:
    return sent.get("teams", "").replace(",", " ").split()
