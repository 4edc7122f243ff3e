"""Your own account: name and roles, preferences, and sessions."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError
from app.domain.people import Action, Role
from app.domain.preferences import Density, OpenNext, Theme, preferences, zones
from app.domain.tokens import TokenChoice
from app.http.errors import status_of
from app.http.identity import current_actor, current_sign_in, session_idle, session_lifetime, sign_out
from app.http.runtime import services
from app.services.people.absences import AbsenceState
from app.services.people.tokens import NOT_CONFIRMED
from app.web.accounts import ROLE_WORDS, token_choice
from app.web.pages import render, see_other, web

THEME_WORDS = {Theme.SYSTEM: "Same as my system", Theme.LIGHT: "Light", Theme.DARK: "Dark"}
DENSITY_WORDS = {Density.COMFORTABLE: "Comfortable", Density.COMPACT: "Compact: more fits on a screen"}
KEYS_WORDS = {"on": "On: j and k move, a approves, ? lists all shortcuts", "off": "Off"}
NEXT_WORDS = {
    OpenNext.BESIDE: "Where the queue is beside the request",
    OpenNext.ALWAYS: "Always",
    OpenNext.NEVER: "Never: the decided request stays open",
}
_NOTHING: MultiDict[str, str] = MultiDict()


@web.get("/profile")
def profile() -> Any:
    """The profile."""
    return _page()


@web.post("/profile")
def profile_change() -> Any:
    """Save the preferences, or show the problems with them."""
    actor, sent = current_actor(), request.form
    try:
        looks = (sent.get("time_zone", ""), sent.get("theme", ""), sent.get("density", ""))
        wanted = preferences(*looks, sent.get("keys", "on"), sent.get("open_next", OpenNext.BESIDE))
    except AssentError as error:
        return _page(sent, error)
    services().people.prefer(actor, wanted)
    flash("Your preferences are saved. They apply wherever you sign in.")
    return see_other("web.profile")


@web.post("/profile/tour")
def profile_tour() -> Any:
    """Close the tour for good."""
    services().people.close_tour(current_actor())
    return see_other("web.queue")


@web.get("/profile/tour")
def profile_tour_shown() -> Any:
    """Show the queue: a browser may open an action's URL again."""
    return see_other("web.queue")


@web.post("/profile/sessions/<sign_in_id>/end")
def profile_end(sign_in_id: str) -> Any:
    """End one of your own sessions; ending this browser's session signs out."""
    ended = services().sign_ins.end(current_actor(), sign_in_id)
    if sign_in_id == current_sign_in():
        return _signed_out()
    flash("That session has ended." if ended else "That session had ended already.")
    return see_other("web.profile")


@web.post("/profile/sign-out")
def profile_sign_out() -> Any:
    """End all of your sessions, including this browser's, and your tokens if you choose so."""
    services().sign_ins.end_all(current_actor(), tokens=token_choice(request.form))
    return _signed_out()


@web.get("/profile/sessions/<sign_in_id>/end")
def profile_end_shown(sign_in_id: str) -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.profile")


@web.get("/profile/sign-out")
def profile_sign_out_shown() -> Any:
    """Show the page: a browser may open an action's URL again."""
    return see_other("web.profile")


def _signed_out() -> Response:
    sign_out()
    return see_other("web.sign_in_help")


def _page(sent: MultiDict[str, str] = _NOTHING, error: AssentError | None = None) -> Response:
    actor, person = current_actor(), current_user.person
    own_absences = services().absences.of(actor.id)
    names = ("time_zone", "theme", "density", "keys", "open_next")
    away = services().absences.current(actor)
    return render(
        "profile.html", status_of(error) if error else 200,
        person=person, roles={role: words for role, words in ROLE_WORDS.items() if role in actor.roles},
        may_be_absent=actor.may(Action.BE_ABSENT), may_manage=Role.ADMIN in actor.roles,
        tokens_to_confirm=[token for token in services().tokens.own(actor) if token.state == NOT_CONFIRMED],
        absences_to_confirm=[absence for absence in own_absences if absence.state is AbsenceState.WAITING],
        own_absence=next((absence for absence in away if absence.person_id == actor.id), None),
        stands_in_for=[absence for absence in away if absence.delegate_id == actor.id],
        given={name: sent.get(name, "") if sent else getattr(person, name) for name in names},
        zones=zones(), themes=THEME_WORDS, densities=DENSITY_WORDS, keys=KEYS_WORDS, next_words=NEXT_WORDS,
        now=services().clock(),
        sign_ins=services().sign_ins.of(actor, session_lifetime(), session_idle()), this_browser=current_sign_in(),
        hours=int(session_lifetime().total_seconds() // 3600), idle=session_idle(), token_choices=list(TokenChoice),
        error=error, wrong=error.extra.get("fields", {}) if error else {},
    )  # fmt: skip
