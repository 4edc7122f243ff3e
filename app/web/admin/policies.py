"""Policies: the one in force, earlier versions, and tests of a changed file.

Pages cannot load a policy: it is a file that is reviewed like code and loaded with the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Response, flash, request
from werkzeug.datastructures import MultiDict

from app.domain.errors import AssentError, ForbiddenError, InvalidInputError, NotFoundError
from app.domain.people import Action, Actor
from app.domain.policy.parser import PolicyFileError, Problem
from app.domain.policy.rules import STRICT_DEFAULT
from app.domain.policy.summary import STRICT_SUMMARY
from app.domain.policy.terms import default_terms
from app.http.errors import status_of
from app.http.identity import current_actor
from app.http.runtime import services
from app.services.policies.replay import Replay
from app.services.policies.versions import COUNTED, PolicyView, RuleMatches
from app.web.differences import difference
from app.web.field_text import submitted_text
from app.web.pages import download, export_format, render, see_other, web
from assent.contracts import RiskLevel

DAYS = 30
PERIODS = {"7": "the last 7 days", "30": "the last 30 days", "90": "the last 90 days", "365": "the last year"}
MAX_SHOWN = 200
"""Most requests shown in each list."""
MAX_LINES = 3000
"""Longest file, in lines, that is shown with its problems; for longer ones, the problems are only listed."""
_NOTHING: MultiDict[str, str] = MultiDict({"days": "30"})
_STRICT_NAMES = frozenset(default_terms(level).name for level in RiskLevel)


@dataclass(frozen=True)
class TextLine:
    """A line of a file with its problems."""

    number: int
    text: str
    problems: tuple[Problem, ...] = ()


@web.get("/policies")
def policies() -> Any:
    """The policy in force."""
    actor = current_actor()
    return _version(actor, services().policies.view(actor), True)


@web.get("/policies/export")
def policies_export() -> Any:
    """All versions as a file."""
    return download(services().policies.export(current_actor(), export_format()), "policy-versions")


@web.get("/policies/<int:number>")
def policy_version(number: int) -> Any:
    """An earlier version."""
    actor = current_actor()
    view = services().policies.view(actor, number)
    return _version(actor, view, number == services().policies.newest())


@web.post("/policies/<int:number>/confirm")
def policy_confirm(number: int) -> Any:
    """Put a version into force, as its second person."""
    actor = current_actor()
    try:
        services().policies.confirm(actor, number)
    except NotFoundError:
        raise
    except AssentError as error:
        return _refused(actor, number, error)
    flash(f"Version {number} is in force for every request that is opened from now on.")
    return see_other("web.policies")


@web.post("/policies/<int:number>/decline")
def policy_decline(number: int) -> Any:
    """Keep a version from coming into force."""
    actor = current_actor()
    try:
        services().policies.decline(actor, number, request.form.get("reason", ""))
    except NotFoundError:
        raise
    except AssentError as error:
        return _refused(actor, number, error)
    flash(f"Version {number} is declined. It decides nothing.")
    return see_other("web.policies")


@web.get("/policies/<int:number>/<any(confirm, decline):act>")
def policy_acted(number: int, act: str) -> Any:
    """Show the version: a refusal is rendered at the action's URL, which people may open again."""
    return see_other("web.policy_version", number=number)


def _refused(actor: Actor, number: int, error: AssentError) -> Response:
    view = services().policies.view(actor, number)
    return _version(actor, view, number == services().policies.newest(), error)


def _version(actor: Actor, view: PolicyView | None, in_force: bool, error: AssentError | None = None) -> Response:
    since = services().clock() - timedelta(days=DAYS)
    matched = services().policies.matched(actor, since)
    rules = view.rules if view else (STRICT_SUMMARY,)
    waiting, in_force_number = services().policies.waiting(actor), services().policies.newest()
    previous = services().policies.previous(actor, view.stored.version) if view else None
    if view and waiting and waiting.version == view.stored.version:
        # Who confirms it compares it with what it would replace.
        previous = services().policies.stored(actor, in_force_number) if in_force_number is not None else None
    return render(
        "policies.html", status_of(error) if error else 200,
        view=view, in_force=in_force, rules=rules, days=DAYS, counted=COUNTED, error=error,
        waiting=waiting, reason=request.form.get("reason", ""), problems={}, in_force_number=in_force_number,
        counts={rule.name: _count(matched, rule.name) for rule in rules},
        others=sorted(
            ((name, found) for name, found in matched.items() if _shown_as(name) not in {rule.name for rule in rules}),
            key=lambda pair: -pair[1].requests,
        ),
        previous=previous,
        changes=difference(previous.text, view.stored.text) if previous and view else [],
        versions=services().policies.history(actor),
        may_test=actor.may(Action.TEST_POLICIES), sent=_NOTHING, periods=PERIODS,
        text=view.stored.text if view else "",
    )  # fmt: skip


def _shown_as(rule: str) -> str:
    """The row of the table that counts the requests under a rule of that name."""
    return STRICT_DEFAULT if rule in _STRICT_NAMES else rule


def _count(matched: Mapping[str, RuleMatches], rule: str) -> int:
    return sum(found.requests for name, found in matched.items() if _shown_as(name) == rule)


@web.get("/policies/test")
def policy_test_form() -> Any:
    """Redirect to the form, which is on the policies page."""
    return see_other("web.policies", _anchor="test")


@web.post("/policies/test")
def policy_test() -> Any:
    """Show what a changed file would have done, or its problems."""
    actor, sent = current_actor(), request.form
    text, name = "", "policies.yaml"
    try:
        actor.require(Action.TEST_POLICIES)
        text, name = _file(sent)
        since = services().clock() - timedelta(days=_days(sent))
        replay = services().policies.replay(actor, text, since, source=name)
    except ForbiddenError:
        raise
    except PolicyFileError as error:
        return _tried(sent, text, name, error=error, problems=error.problems)
    except AssentError as error:
        return _tried(sent, text, name, error=error)
    return _tried(sent, text, name, replay=replay)


def _tried(
    sent: Mapping[str, str], text: str, name: str, replay: Replay | None = None, error: AssentError | None = None,
    problems: Sequence[Problem] = (),
) -> Response:  # fmt: skip
    changed = replay.changed if replay else ()
    unseen = replay.unseen if replay else []
    otherwise = [replayed for replayed in changed if replayed.state_after is not replayed.state and not replayed.unseen]
    alike = [replayed for replayed in changed if replayed.state_after is replayed.state and not replayed.unseen]
    return render(
        "policy_test.html", status_of(error) if error else 200,
        replay=replay, text=text, name=name, sent=sent, periods=PERIODS, error=error, file_problems=problems,
        lines=_lines(text, problems), unseen=unseen, otherwise=otherwise, alike=alike, most=MAX_SHOWN,
        different=sum(replayed.state_after is not replayed.state for replayed in changed),
    )  # fmt: skip


def _file(sent: Mapping[str, str]) -> tuple[str, str]:
    """The uploaded or typed text, and the file's name."""
    uploaded = request.files.get("file")
    if uploaded is None or not uploaded.filename:
        text = submitted_text(sent.get("text", ""))
        if not text.strip():
            raise InvalidInputError("Paste a policy, or choose a file.", {"text": "empty"})
        return text, "policies.yaml"
    try:
        return uploaded.read().decode(), uploaded.filename[:100]
    except UnicodeDecodeError:
        raise InvalidInputError("This file is not UTF-8 text.", {"file": "not text"}) from None


def _days(sent: Mapping[str, str]) -> int:
    if sent.get("days") not in PERIODS:
        raise InvalidInputError("Choose a period.", {"days": "unknown"})
    return int(sent["days"])


def _lines(text: str, problems: Sequence[Problem]) -> list[TextLine]:
    lines = text.split("\n")
    if not problems or len(lines) > MAX_LINES:
        return []
    by_line: dict[int, list[Problem]] = {}
    for problem in problems:
        by_line.setdefault(min(max(problem.line, 1), len(lines)), []).append(problem)
    return [TextLine(number, line, tuple(by_line.get(number, ()))) for number, line in enumerate(lines, 1)]
