"""Signing in with a single-use link, and signing out."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, session
from flask_login import current_user

from app.domain.browsers import browser_words
from app.domain.errors import ConflictError, InvalidInputError, LinkError
from app.domain.text import is_email, span_words
from app.http.errors import TooManyAttemptsError, status_of
from app.http.identity import current_actor, current_sign_in, safe_next, sign_in, sign_out
from app.http.refusals import before_credentials, note_link
from app.http.runtime import portal, services
from app.web.pages import render, see_other, web

_NEXT = "next"


@web.get("/sign-in")
def sign_in_help() -> Any:
    """Explain how to get a sign-in link, and remember where the person wanted to go.

    With `again`, also for somebody who is signed in: some decisions require a recent sign-in.
    """
    wanted = safe_next(request.args.get("next"))
    again = current_user.is_authenticated and request.args.get("again") == "1"
    if current_user.is_authenticated and not again:
        return redirect(wanted, 303)
    if wanted != "/":
        session[_NEXT] = wanted
    sent = request.args.get("sent") == "1" and _by_mail()
    return _help(again=again, email=current_user.person.email if again else "", sent=sent)


@web.post("/sign-in")
def sign_in_mail() -> Any:
    """Have a link sent to an address. The answer is the same whether or not the address belongs to an account."""
    email, again = request.form.get("email", "").strip(), current_user.is_authenticated
    if not _by_mail():
        raise ConflictError("This portal sends no sign-in links by email.")
    if not is_email(email):
        words = "Enter an address such as you@example.com."
        wrong = InvalidInputError("That is not an email address.", {"email": words})
        return _help(again=again, email=email[:254], error=wrong)
    if wait := services().sign_in_mail.ask(email, request.remote_addr or ""):
        raise TooManyAttemptsError(
            f"Too many sign-in links were asked for from this network address. Try again in {span_words(wait)}.",
            retry_after=wait,
        )
    return see_other("web.sign_in_help", sent="1", **({"again": "1"} if again else {}))


def _help(again: bool, email: str = "", sent: bool = False, error: InvalidInputError | None = None) -> Any:
    return render(
        "signin/help.html", status_of(error) if error else 200, again=again, email=email, sent=sent, error=error,
        by_mail=_by_mail(), contact=portal().settings.sign_in_contact, demo=portal().settings.demo,
        problems=error.extra["fields"] if error else {},
    )  # fmt: skip


def _by_mail() -> bool:
    """True if people can ask for links: with a mail server, or in a demo, whose outbox keeps them."""
    settings = portal().settings
    return settings.sign_in_by_mail and bool(settings.smtp_host or settings.demo)


@web.get("/sign-in/<token>")
def sign_in_ask(token: str) -> Any:
    """Show whose link this is. Mail scanners and previews open links, so opening one changes nothing."""
    before_credentials(token)
    try:
        preview = services().people.preview_link(token)
    except LinkError as error:
        return _refused(error)
    return render("signin/ask.html", person_name=preview.person_name, token=token)


@web.post("/sign-in/<token>")
def sign_in_redeem(token: str) -> Any:
    """Use the link and start a session; this browser's previous session ends."""
    wanted = safe_next(session.get(_NEXT))
    browser = browser_words(request.headers.get("User-Agent", ""))
    before_credentials(token)
    try:
        signed_in = services().people.redeem_link(token, request.remote_addr or "", browser, current_sign_in())
    except LinkError as error:
        return _refused(error)
    sign_in(signed_in)
    return redirect(wanted, 303)


@web.post("/sign-out")
def sign_out_now() -> Any:
    """End this browser's session, so that a copy of its cookie no longer works."""
    if current_user.is_authenticated:
        services().sign_ins.end(current_actor(), current_sign_in())
    sign_out()
    return see_other("web.sign_in_help")


def _refused(error: LinkError) -> Any:
    reason = error.extra.get("reason", "")
    note_link(error)
    status = 404 if reason == "unknown" else status_of(error)
    return render("signin/refused.html", status, message=error.message, reason=reason)
