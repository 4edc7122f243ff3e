"""A proposal that a lesson has changed goes to people: no grant, no policy, and no expiry approves it."""

from __future__ import annotations

from typing import Any

import pytest

from app.services.grants import precedents
from assent.contracts import Verdict
from tests.services.desk import Desk
from tests.services.governed import ask, governed, tool
from tests.services.office import Office, mail
from tests.services.timed import HOUR, outcome

STATED: list[dict[str, Any]] = [{"lesson": "a lesson", "path": "/args/limit", "before": 5, "after": 10}]


def test_no_grant_approves_it(office: Office) -> None:
    office.active()
    assert office.ask(mail(limit=11)).state == "approved"
    with_lesson = office.ask(mail(limit=11, lessons=STATED))
    assert (with_lesson.state, with_lesson.answered_by) == ("pending", "")
    assert with_lesson.terms["grants_allowed"] is False


def test_it_is_no_evidence_for_a_grant(office: Office) -> None:
    [plain] = office.approved(mail(limit=10))
    [learned] = office.approved(mail(limit=10, lessons=STATED))
    assert precedents.speaks_for(office.desk.fresh(plain))
    assert not precedents.speaks_for(office.desk.fresh(learned))


def test_no_policy_approves_it_at_once_but_a_rejection_stands(ruled: Desk) -> None:
    assert ask(ruled, ruled.run(), tool("Bash", command="ls docs")).state == "approved"
    waiting = ask(ruled, ruled.run(), tool("Bash", command="ls docs") | {"lessons": STATED})
    assert (waiting.state, waiting.answered_by) == ("pending", "")
    assert ask(ruled, ruled.run(), tool("drop", table="x") | {"lessons": STATED}).state == "rejected"


QUIET = """\
version: 1
rules:
  - name: Quiet
    when: risk.rank <= 1
    deadline: 8 hours
    on_expiry: approve
"""


@pytest.mark.parametrize(("stated", "verdict"), [([], Verdict.APPROVE), (STATED, Verdict.REJECT)])
def test_its_expiry_does_not_approve_it(own_desk: Desk, stated: list[dict[str, Any]], verdict: Verdict) -> None:
    desk = governed(own_desk, QUIET)
    request = ask(desk, desk.run(), tool("Bash", command="ls docs") | ({"lessons": stated} if stated else {}))
    assert request.state == "pending"
    desk.clock.ahead = 9 * HOUR
    desk.keep(request)
    assert outcome(desk, request).verdict is verdict
