"""Links out of mails: opening one never decides, its person decides with it once, and nobody else learns anything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.domain.ballot import Ballot
from app.domain.links import Bound, sign
from app.domain.people import Role, Via
from app.domain.policy.terms import Stage, Terms
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.bundle import Services
from app.services.notifications.links import Links, LinkState
from app.services.notifications.messages import bound_of
from app.store.notify import Delivery
from app.store.record import AuditEntry
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_delivery, make_person, make_request, plan, question, script
from tests.web.browsing import Browser
from tests.web.requests.test_calls import calls

Browse = Callable[[str], Browser]
TITLE = "Delete the paid orders of 2019"
SCANNERS = ("203.0.113.1", "203.0.113.77", "198.51.100.9")


class Link:
    """A request, who is asked, and the link that they got."""

    def __init__(self, app: Flask, services: Services, **values: Any) -> None:
        self._app, self._services = app, services
        sessions = services.sessions
        delivery = {"text": None, "html": None} | values.pop("delivery", {})
        self.person = make_person(sessions, "DBA on call", [Role.REVIEWER])
        self.request = make_request(sessions, payload=values.pop("payload", script(title=TITLE)), **values)
        self.delivery: Delivery = make_delivery(sessions, self.request, self.person, "sent", **delivery)
        self.token = sign(str(app.secret_key), bound_of(self.delivery))

    @property
    def path(self) -> str:
        """Where it leads."""
        return f"/decide/{self.token}"

    def state(self) -> str:
        """The request's state as stored now."""
        return self.fresh().state

    def fresh(self) -> ApprovalRequest:
        """The request as stored now."""
        with self._services.sessions() as session:
            return session.get_one(ApprovalRequest, self.request.id)

    def decisions(self) -> list[Any]:
        """What was decided."""
        return self._services.views.request(self.request.id, self.person.as_actor(Via.PAGE)).decisions


@pytest.fixture
def link(app: Flask, services: Services) -> Callable[..., Link]:
    """Makes links; `delivery` has columns of the delivery."""
    return lambda **values: Link(app, services, **values)


def test_scanners_open_the_link_and_its_person_then_decides(app, services, link, browse: Browse) -> None:
    made = link()
    client = app.test_client()
    for address in SCANNERS:
        for method in ("HEAD", "GET", "GET", "OPTIONS"):
            answer = client.open(made.path, method=method, environ_base={"REMOTE_ADDR": address})
            assert answer.status_code == 200
    assert made.state() == "pending" and made.decisions() == []
    visitor = browse("anonymous")
    page = visitor.get(made.path)
    assert page.one("h1").text == TITLE and "High risk" not in page.text
    assert "delete from orders where paid" in page.text and "expires in" in page.text and ", then rejected" in page.text
    visitor.send(page.one("form", id="decide"), visitor.button("Approve"), comment="Fine.")
    assert made.state() == "approved"
    [decision] = made.decisions()
    assert (decision.via, decision.comment, decision.person_id) == ("mail", "Fine.", made.person.id)
    told = visitor.follow()
    assert told.one("h1").text == "You have decided" and not told.all("form")
    with services.sessions() as session:
        [entry] = session.query(AuditEntry).filter_by(request_id=made.request.id, action="request.decided")
        assert (entry.via, entry.actor_name) == ("mail", "DBA on call")


def test_without_its_form_a_post_decides_nothing(app: Flask, link) -> None:
    made = link()
    answer = app.test_client().post(made.path, data={"verdict": "approve"})
    assert answer.status_code == 400, "another site, or a program that follows addresses, has no token"
    assert made.state() == "pending"


def test_a_link_is_good_for_one_decision(app, services, link, browse: Browse) -> None:
    two = Terms(name="two", stages=(Stage(quorum=2),), deadline_seconds=4 * 3600)
    made = link(terms=two)
    visitor, second = browse("anonymous"), browse("anonymous")
    visitor.get(made.path), second.get(made.path)
    form = second.page.one("form", id="decide")
    visitor.send(visitor.page.one("form", id="decide"), visitor.button("Approve"))
    assert visitor.follow().one("h1").text == "You have decided"
    page = second.send(form, second.button("Approve"), status=409)
    assert page.one("h1").text == "You have decided"
    services.checkpoints.withdraw(made.request.id, made.person.as_actor(Via.PAGE))
    assert second.get(made.path).one("h1").text == "You have decided", "used up, also when it is taken back"
    assert len(made.decisions()) == 1


def test_a_decision_by_other_means_uses_the_link_up_as_well(services, link, browse: Browse) -> None:
    made = link()
    services.checkpoints.decide(
        made.request.id, made.person.as_actor(Via.PAGE), Ballot(Verdict.REJECT, made.request.digest, comment="No.")
    )
    page = browse("anonymous").get(made.path)
    assert page.one("h1").text == "You have decided" and "rejected" in page.text


def test_the_link_of_a_mail_that_was_kept_decides_nothing(app: Flask, services: Services, link, browse: Browse) -> None:
    """Nobody but the outbox had it, so the one who opens it is not its person."""
    made = link(delivery={"html": "<p>A mail.</p>"})
    page = browse("anonymous").get(made.path, 410)
    assert page.one("h1").text == "This link was never sent" and TITLE not in page.text
    assert made.request.id not in str(page.all())
    visitor, fresh = browse("anonymous"), link()
    visitor.get(fresh.path)
    form = visitor.page.one("form", id="decide")
    form.attributes["action"] = made.path
    visitor.send(form, visitor.button("Approve"), status=410)
    assert made.state() == fresh.state() == "pending"
    in_a_demo = Links(services.sessions, services.clock, demo=True)
    assert in_a_demo.open(str(app.secret_key), made.token, "192.0.2.1", None).state is LinkState.USABLE


@pytest.mark.parametrize("change", ["delivery_id", "person_id", "request_id", "digest", "expires_at"])
def test_a_forged_link_says_nothing(app: Flask, link, browse: Browse, change: str) -> None:
    made, other = link(), link()
    bound = bound_of(made.delivery)
    values = {name: getattr(bound, name) for name in Bound.__dataclass_fields__}
    values[change] = values["expires_at"] + timedelta(days=1) if change == "expires_at" else getattr(
        bound_of(other.delivery), change
    ) + ("0" if change == "digest" else "")  # fmt: skip
    signature = sign(str(app.secret_key), Bound(**values)).partition(".")[2]
    forged = f"{made.delivery.id}.{signature}"
    for token in (forged, sign("another key", bound), made.token[:-1], f"{made.token}x", "nothing", "%00", "a" * 5000):
        page = browse("anonymous").get(f"/decide/{token}", 404)
        assert TITLE not in page.text and made.request.id not in str(page.all())
    visitor = browse("anonymous")
    visitor.get(made.path)
    form = visitor.page.one("form", id="decide")
    form.attributes["action"] = f"/decide/{forged}"
    visitor.send(form, visitor.button("Approve"), status=404)
    assert made.state() == "pending"


def test_an_expired_link_says_nothing_but_that(link, browse: Browse) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    made = link(delivery={"link_expires_at": past})
    page = browse("anonymous").get(made.path, 410)
    assert page.one("h1").text == "This link has expired" and TITLE not in page.text
    assert page.all("a", href=f"/requests/{made.request.id}"), "with sign-in one gets to it"
    fresh, visitor = link(), browse("anonymous")
    visitor.get(fresh.path)
    form = visitor.page.one("form", id="decide")
    form.attributes["action"] = made.path
    visitor.send(form, visitor.button("Approve"), status=410)
    assert made.state() == fresh.state() == "pending"


def test_somebody_elses_link_shows_nothing_to_somebody_signed_in(link, browse: Browse) -> None:
    made = link()
    for who in ("reviewer", "admin", "viewer"):
        visitor = browse(who)
        page = visitor.get(made.path, 403)
        assert page.one("h1").text == "This link belongs to somebody else"
        assert TITLE not in page.text and "DBA on call" not in page.one("main").text
        assert made.request.id not in visitor.response.text
    visitor = browse("anonymous")
    visitor.get(made.path)
    fields = visitor.fields(visitor.page.one("form", id="decide")) | {"verdict": "approve"}
    signed_in = browse("reviewer").caller
    fields["csrf_token"] = signed_in.headers["X-CSRFToken"]
    assert signed_in.client.post(made.path, data=fields).status_code == 403
    assert made.state() == "pending"


def test_its_person_may_be_signed_in(app: Flask, link) -> None:
    made = link()
    visitor = Browser(app, made.person)
    visitor.get(made.path)
    visitor.send(visitor.page.one("form", id="decide"), visitor.button("Reject"), comment="No.")
    assert made.state() == "rejected" and made.decisions()[0].via == "mail"


def test_what_was_changed_meanwhile_is_not_decided(app, services, link, browse: Browse) -> None:
    made = link(terms=Terms(name="two", stages=(Stage(quorum=2),), deadline_seconds=4 * 3600))
    visitor = browse("anonymous")
    visitor.get(made.path)
    form, button = visitor.page.one("form", id="decide"), visitor.button("Approve")
    other = make_person(services.sessions).as_actor(Via.PAGE)
    services.checkpoints.decide(
        made.request.id, other,
        Ballot(Verdict.MODIFY, made.request.digest, change={"content": "delete from orders"},
               acknowledged_risk=RiskLevel.CRITICAL),
    )  # fmt: skip
    page = visitor.send(form, button, status=409)
    assert page.one("h1").text == "The proposal has changed" and "was not counted" in page.text
    assert visitor.get(made.path).one("h1").text == "The proposal has changed"
    assert [decision.person_id for decision in made.decisions()] == [other.id]


def test_who_was_faster_is_said(app, services, link, browse: Browse) -> None:
    made = link()
    visitor = browse("anonymous")
    visitor.get(made.path)
    form, button = visitor.page.one("form", id="decide"), visitor.button("Approve")
    other = make_person(services.sessions, "Platform lead").as_actor(Via.PAGE)
    services.checkpoints.decide(made.request.id, other, Ballot(Verdict.REJECT, made.request.digest, comment="No."))
    page = visitor.send(form, button, status=409)
    assert page.one("h1").text == "This request has ended"
    assert "Platform lead decided: rejected." in page.text and "not counted" in page.text
    assert visitor.get(made.path).one("h1").text == "This request has ended"


def test_who_lost_the_right_decides_nothing(services, link, browse: Browse) -> None:
    made = link()
    visitor = browse("anonymous")
    visitor.get(made.path)
    form, button = visitor.page.one("form", id="decide"), visitor.button("Approve")
    admin = make_person(services.sessions, "Admin", [Role.ADMIN]).as_actor(Via.PAGE)
    services.people.change(admin, made.person.id, "DBA on call", [Role.VIEWER], [], True)
    assert visitor.send(form, button, status=409).one("h1").text == "You cannot decide this now"
    services.people.change(admin, made.person.id, "DBA on call", [Role.REVIEWER], [], False)
    page = visitor.send(form, button, status=410)
    assert page.one("h1").text == "This link no longer works" and TITLE not in page.text
    assert made.state() == "pending"


def test_a_fresh_sign_in_is_asked_for_where_the_policy_does(app: Flask, link, browse: Browse) -> None:
    terms = Terms(name="careful", stages=(Stage(),), deadline_seconds=4 * 3600, reauthenticate_seconds=600)
    made = link(terms=terms)
    visitor = browse("anonymous")
    page = visitor.get(made.path)
    assert [button.text for button in page.one("form", id="decide").all("button", name="verdict")] == [
        "Request changes", "Reject"
    ]  # fmt: skip
    assert "To approve, you must have signed in within the last" in page.text
    data = visitor.fields(page.one("form", id="decide")) | {"verdict": "approve"}
    assert visitor.caller.client.post(made.path, data=data).status_code == 403
    assert made.state() == "pending"
    signed_in = Browser(app, made.person)
    signed_in.get(made.path)
    signed_in.send(signed_in.page.one("form", id="decide"), signed_in.button("Approve"))
    assert made.state() == "approved"


def test_a_question_is_answered_and_a_missing_reason_loses_nothing(services, link, browse: Browse) -> None:
    replica = {"type": "string", "enum": ["a", "b"]}
    schema = {"type": "object", "properties": {"replica": replica}, "required": ["replica"]}
    made = link(payload=question(schema) | {"title": TITLE})
    visitor = browse("anonymous")
    visitor.get(made.path)
    visitor.send(visitor.page.one("form", id="decide"), visitor.button("Reject"), status=422, comment="")
    assert visitor.page.one("form", id="decide") and made.state() == "pending"
    form = visitor.page.one("form", id="decide")
    second = visitor.page.all("input", name="answer.replica")[1].attributes["value"]
    visitor.send(form, visitor.button("Send the answer"), **{"answer.replica": second, "comment": "The nearer one."})
    assert made.state() == "answered" and made.decisions()[0].answer == {"replica": "b"}


def test_a_plan_is_read_whole_and_approved_whole(link, browse: Browse) -> None:
    made = link(payload=plan())
    visitor = browse("anonymous")
    page = visitor.get(made.path)
    assert "Approving the plan does not approve the 2 steps with “own approval”" in page.text
    assert "Delete its rows" in page.text and not page.all("input", name="step")
    visitor.send(visitor.form("decide"), visitor.button("Approve and carry out 4 steps"))
    assert (made.state(), made.fresh().digest) == ("approved", made.request.digest)


def test_several_calls_are_read_and_comments_are_only_shown(services, link, browse: Browse) -> None:
    page = browse("anonymous").get(link(payload=calls() | {"title": TITLE}).path)
    assert [heading.text for heading in page.all("h3")] == ["Calls send_email", "Calls delete_file", "Calls send_email"]
    made = link()
    actor = make_person(services.sessions, "DBA", [Role.REVIEWER]).as_actor(Via.PAGE)
    services.checkpoints.comment(made.request.id, actor, "Why this?", place=CommentPlace(line=1))
    page = browse("anonymous").get(made.path)
    assert "Why this?" in page.text
    assert [form.attributes["id"] for form in page.one("main").all("form")] == ["decide"]


def test_nothing_else_can_be_done_with_a_link(link, browse: Browse) -> None:
    made = link()
    visitor = browse("anonymous")
    data = visitor.fields(visitor.get(made.path).one("form", id="decide"))
    for verdict in ("modify", "answer", "nonsense", ""):
        answer = visitor.caller.client.post(made.path, data=data | {"verdict": verdict})
        assert answer.status_code == 422, verdict
    assert made.state() == "pending"
    assert visitor.caller.client.get(f"/requests/{made.request.id}").status_code == 303, "it signs nobody in"
