"""Requests from Slack: buttons, dialogs, and the command. There is no session: Slack's signature authenticates them.

Slack waits three seconds for a response. So the decision is recorded first, and further calls to Slack follow after
the response.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from flask import Response, jsonify, request

from app.domain.ballot import Ballot
from app.domain.errors import (
    AlreadyDecidedError,
    AssentError,
    ConflictError,
    DuplicateDecisionError,
    ExpiredError,
    InvalidInputError,
    RiskRaisedError,
)
from app.domain.lifecycle import RequestState
from app.domain.people import Actor, Via
from app.domain.proposal_text import lines_of
from app.http.aside import HANDED_OVER
from app.http.refusals import note_stranger
from app.http.runtime import portal, services
from app.notify.slack.blocks import BUTTONS, Block, Pressed, plain
from app.notify.slack.client import SlackApi, SlackError
from app.notify.slack.modals import Draft, change_of, editable_text, entered_text, message_modal, titled, window_of
from app.notify.slack.whole import whole_blocks
from app.services.approvals.decisions.reassessment import SECOND_PERSON
from app.services.notifications.excerpts import is_complete, payload_of, summary_of
from app.services.notifications.slack import SlackUser
from app.services.reading.pages import RequestView
from app.services.refusals import RefusedAction
from app.services.requests.entitlement import HARMLESS, needed_words
from app.web.pages import web
from app.web.slack.command import answer_command
from assent.contracts import RiskLevel, Verdict
from assent.json_values import JsonError

log = structlog.get_logger("slack")
Answer = Response | tuple[str, int]
STRANGER = (
    "Assent does not know who you are. Use `/assent link`, or ask an administrator for an account with your email."
)
_DONE = {
    Verdict.APPROVE: "approved this", Verdict.MODIFY: "approved this with changes", Verdict.REJECT: "rejected this",
    Verdict.REQUEST_CHANGES: "requested changes", Verdict.ANSWER: "answered this",
}  # fmt: skip
STALE = "The proposal has changed since this message was sent. Your decision was not counted; review it again."


@web.post("/slack/interactions")
def slack_interactions() -> Any:
    """A button was pressed, or a dialog submitted."""
    refused = _refusal()
    if refused is not None:
        return refused
    try:
        payload = json.loads(request.form.get("payload", ""))
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        return "This is not an interaction.", 400
    match payload.get("type"):
        case "block_actions":
            return _pressed(payload)
        case "view_submission":
            return _submitted(payload)
    return "", 200


@web.post("/slack/commands")
def slack_commands() -> Any:
    """`/assent`: the person's queue, linking their account, and help."""
    refused = _refusal()
    if refused is not None:
        return refused
    given = request.form
    user = SlackUser(given.get("user_id", ""), given.get("user_name", ""))
    try:
        actor = _actor(given.get("team_id", ""), user.id)
    except SlackError as error:
        return jsonify(response_type="ephemeral", text=f"{error} Try again.")
    return jsonify(answer_command(given.get("text", ""), user, actor, STRANGER))


def _refusal() -> Answer | None:
    """Why an HTTP request is refused; None if Slack sent it recently, and for the first time."""
    secret, api = portal().settings.slack_signing_secret, portal().slack
    if not secret or api is None:
        return "Slack is not set up here.", 404
    from slack_sdk.signature import SignatureVerifier  # here, because it loads all of slack_sdk

    stamp, signature = request.headers.get("X-Slack-Request-Timestamp"), request.headers.get("X-Slack-Signature")
    body = request.get_data()
    try:
        genuine = SignatureVerifier(secret).is_valid(body, stamp, signature)
    except (ValueError, TypeError):  # a timestamp that is not a number, or a signature or body that is not text
        genuine = False
    if not genuine or signature is None:
        log.warning("slack.forged", source=request.remote_addr)
        note_stranger(RefusedAction.SIGNATURE, "forged", Via.SLACK)
        return "The signature is wrong or too old.", 401
    if not request.environ.get(HANDED_OVER) and not services().slack_people.first_time(signature):
        return "This has already been processed.", 409
    return None


def _api() -> SlackApi:
    api = portal().slack
    assert api is not None  # `_refusal` checks this
    return api


def _actor(team: str, user: str) -> Actor | None:
    """The person behind a Slack user; None if there is no account for them. Raises SlackError."""
    people = services().slack_people
    if not user or _api().team() != team:
        return None
    found = people.linked(user)
    if found is None:
        email = _api().email_of(user)
        found = people.with_email(email, user) if email else None
    return found


def _pressed(payload: Mapping[str, Any]) -> Answer:
    actions = payload.get("actions") or [{}]
    name, value = str(actions[0].get("action_id", "")), str(actions[0].get("value", ""))
    pressed, url = Pressed.from_text(value), str(payload.get("response_url", ""))
    if pressed is None or name not in {button.value for button in BUTTONS}:
        return "", 200  # a button that only opens a page
    verdict = Verdict(name)
    actor: Actor | None = None
    try:
        actor = _actor(_team(payload), _user(payload))
        if actor is None:
            return _saying(url, STRANGER)
        view = services().views.request(pressed.request_id, actor)
        window = _window(view, verdict, pressed)
        if window is not None:
            trigger = str(payload.get("trigger_id", ""))
            return _after(partial(_open, _api(), trigger, window, url))
        words = services().checkpoints.decide(pressed.request_id, actor, Ballot(verdict, pressed.digest)).words
    except SlackError as error:
        return _saying(url, f"{error} Your decision was not counted; press the button again.")
    except AssentError as error:
        _refresh(error, pressed)
        return _saying(url, _already(error, pressed, verdict, actor) or _why(error))
    return _saying(url, words)


def _window(view: RequestView, verdict: Verdict, pressed: Pressed) -> Any:
    """The dialog that a button opens; None if it decides immediately, or if deciding will report the error."""
    if view.request.digest != pressed.digest:
        raise ConflictError(STALE)
    if verdict not in view.verdicts:
        return None if view.why_not else message_modal("This is not possible now. Open the request.", _page(pressed))
    if view.sign_in_first and verdict not in HARMLESS:
        return message_modal("The policy requires a recent sign-in for this. Open the request.", _page(pressed))
    draft, needed = Draft(pressed, verdict), verdict in view.terms.reason_required
    if verdict is Verdict.MODIFY:
        before = editable_text(view.request.kind, view.request.payload)
        if before is None:
            words = "This proposal cannot be edited in Slack. Open the request to edit it."
            return message_modal(words, _page(pressed))
        notes = [{"type": "section", "text": plain(SECOND_PERSON)}] if view.terms.adds_second_person else []
        return window_of(draft, [*titled(view.request.title), *notes], needed, before)
    if verdict is Verdict.APPROVE and not is_complete(view.request, view.assessment.findings):
        about = _whole(view)
        if about is None:
            return message_modal("This proposal is too long for Slack. Open the request to approve it.", _page(pressed))
        return window_of(draft, about, needed)
    if needed or verdict is Verdict.REQUEST_CHANGES:
        return window_of(draft, titled(view.request.title), needed)
    return None


def _whole(view: RequestView) -> list[Block] | None:
    """The complete proposal as blocks; None if it is more than a dialog can show."""
    payload = payload_of(view.request)
    lines = lines_of(view.request.kind, payload)
    understood = view.assessment.is_clear(view.request.kind)
    return whole_blocks(view.request.title, summary_of(payload), lines, view.assessment.findings, understood)


def _submitted(payload: Mapping[str, Any]) -> Answer:
    window = payload.get("view") or {}
    draft = Draft.from_text(str(window.get("private_metadata", "")))
    if draft is None or window.get("callback_id") != "decide":
        return "", 200
    state = window.get("state") or {}
    comment, text = entered_text(state, "comment"), entered_text(state, "change")
    changes = draft.verdict is Verdict.MODIFY
    actor: Actor | None = None
    try:
        actor = _actor(_team(payload), _user(payload))
        if actor is None:
            return _update(message_modal(STRANGER))
        view = services().views.request(draft.pressed.request_id, actor)
        acknowledged = RiskLevel(draft.raised) if draft.raised else None
        change = _change(view, text) if changes else None
        ballot = Ballot(draft.verdict, draft.pressed.digest, change, None, comment, acknowledged)
        words = services().checkpoints.decide(draft.pressed.request_id, actor, ballot).words
    except SlackError as error:
        return _errors(f"{error} Submit it again.", changes)
    except InvalidInputError as error:
        return _errors(error.message, changes and "comment" not in error.extra.get("fields", {}))
    except RiskRaisedError as error:
        again = Draft(draft.pressed, draft.verdict, str(error.extra["risk"]))
        needed = draft.verdict in view.terms.reason_required
        return _update(window_of(again, titled(view.request.title), needed, text, comment, error.message))
    except AssentError as error:
        _refresh(error, draft.pressed)
        words = _already(error, draft.pressed, draft.verdict, actor) or _why(error)
        return _update(message_modal(words, _page(draft.pressed)))
    return _update(message_modal(words, _page(draft.pressed)))


def _change(view: RequestView, text: str) -> Any:
    try:
        return change_of(view.request.kind, text)
    except JsonError as error:
        raise InvalidInputError(str(error), {"change": "not usable"}) from None


def _errors(words: str, on_change: bool) -> Response:
    return jsonify(response_action="errors", errors={"change" if on_change else "comment": words[:1500]})


def _update(window: Any) -> Response:
    return jsonify(response_action="update", view=window)


def _why(error: AssentError) -> str:
    words = STALE if error.code == "stale_digest" else error.message
    return words if "not counted" in words else f"{words} Your decision was not counted."


def _already(error: AssentError, pressed: Pressed, verdict: Verdict, actor: Actor | None) -> str:
    """The words for somebody who has decided on this before, as by pressing the button twice; empty: they have not."""
    if actor is None or not isinstance(error, AlreadyDecidedError | DuplicateDecisionError | ExpiredError):
        return ""
    view = services().views.request(pressed.request_id, actor)
    own = [
        decision
        for decision in view.decisions
        if decision.person_id == actor.id and decision.withdrawn_at is None and decision.seen_digest == pressed.digest
    ]
    if not own:
        return ""
    state, before = RequestState(view.request.state), Verdict(own[-1].verdict)
    rest = f"; {needed_words(view.request)}." if state is RequestState.PENDING else f". This request is {state.words}."
    counted = "" if before is verdict else " Your decision was not counted."
    return f"You have already {_DONE[before]}{rest}{counted}"


def _refresh(error: AssentError, pressed: Pressed) -> None:
    """Update a message whose buttons no longer apply."""
    if isinstance(error, ConflictError):
        services().deliveries.refresh(pressed.delivery_id)


def _page(pressed: Pressed) -> str:
    return f"{portal().settings.public_url}/requests/{pressed.request_id}"


def _team(payload: Mapping[str, Any]) -> str:
    return str((payload.get("team") or {}).get("id", ""))


def _user(payload: Mapping[str, Any]) -> str:
    return str((payload.get("user") or {}).get("id", ""))


def _saying(url: str, words: str) -> Answer:
    """Respond, and then reply to the person who pressed the button, and nobody else."""
    return _after(partial(_api().reply, url, words))


def _open(api: SlackApi, trigger: str, window: Any, url: str) -> None:
    try:
        api.call("views.open", trigger_id=trigger, view=window)
    except SlackError as error:
        log.warning("slack.no_window", reason=str(error))
        api.reply(url, f"{error} Press the button again, or open the request.")


def _after(act: Callable[[], None]) -> Answer:
    """An empty response, after which `act` runs, outside of any HTTP request."""
    answer = Response("", 200)

    def safely() -> None:
        try:
            act()
        except Exception:
            log.error("slack.after", exc_info=True)

    answer.call_on_close(safely)
    return answer
