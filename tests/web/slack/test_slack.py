"""What comes from Slack: only what Slack has signed, just now, once; and then by the rights of whoever pressed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from slack_sdk.signature import SignatureVerifier
from sqlalchemy import text

from app.domain.ballot import Ballot
from app.domain.people import Role, Via
from app.domain.policy.terms import Stage, Terms
from app.factory import create_app
from app.notify.slack.blocks import Pressed
from app.services.bundle import Services
from app.services.notifications.slack import SlackUser
from app.settings import Settings
from app.store.people import Person
from app.store.requests import ApprovalRequest
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_delivery, make_person, make_request, script
from tests.slackserver import SECRET, TEAM, TOKEN, SlackServer, interaction, press, signed, submit
from tests.web.browsing import Browser

OF_DBAS = Terms(
    name="own", deadline_seconds=3600, reason_required=(), stages=(Stage(name="DBA", teams=("dba",)),)
)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATE = 60 * 5 + 2


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    server = SlackServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def app(module_database_url: str, slack: SlackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The web application with a Slack app."""
    settings = Settings(
        database_url=module_database_url, data_dir=tmp_path_factory.mktemp("data"), secret_key="k" * 40,
        async_mode="threading", slack_bot_token=TOKEN, slack_signing_secret=SECRET, slack_api_url=slack.url,
    )  # fmt: skip
    made = create_app(settings)
    yield made
    made.extensions["assent_live"].listener.stop()
    made.extensions["assent"].engine.dispose()


class Scene:
    """A request, somebody who is asked, and their message in Slack."""

    def __init__(self, app: Flask, services: Services, slack: SlackServer, **values: Any) -> None:
        self.app, self.services, self.slack = app, services, slack
        slack.said.clear()
        slack.windows.clear()
        self.person = make_person(services.sessions, "DBA on call")
        self.user = slack.add(self.person.email)
        terms = values.pop("terms", Terms(name="any", deadline_seconds=3600, reason_required=()))
        self.request = make_request(services.sessions, terms=terms, **values)
        self.delivery = make_delivery(
            services.sessions, self.request, self.person, "sent", channel="slack", reference="D1:1",
            html=None, text=None,
        )  # fmt: skip

    def button(self, name: str, **values: str) -> dict[str, Any]:
        """A button of the message."""
        digest = values.get("digest", self.request.digest)
        return {"action_id": name, "value": Pressed(self.delivery.id, self.request.id, digest).to_text()}

    def post(self, body: str, headers: dict[str, str] | None = None, path: str = "/slack/interactions") -> Any:
        """What we answer to a call."""
        headers = signed(body) if headers is None else headers
        return self.app.test_client().post(path, data=body, headers=headers, buffered=True)

    def press(self, name: str, user: str = "", **values: str) -> str:
        """Press a button; what the one who pressed it is then told."""
        before = len(self.slack.said)
        answer = self.post(interaction(press(self.slack, user or self.user, self.button(name, **values))))
        assert (answer.status_code, answer.text) == (200, "")
        assert all(message["response_type"] == "ephemeral" for message in self.slack.said)
        return "".join(message["text"] for message in self.slack.said[before:])

    def send(self, window: dict[str, Any], **written: str) -> dict[str, Any]:
        """Send a window."""
        answer = self.post(interaction(submit(self.user, window, **written)))
        assert answer.status_code == 200
        return dict(answer.get_json())

    def command(self, words: str = "", user: str = "") -> dict[str, Any]:
        """Use `/assent`."""
        body = f"command=%2Fassent&text={words}&user_id={user or self.user}&user_name=dba&team_id={TEAM}"
        answer = self.post(f"{body}&trigger_id={len(self.slack.calls)}", path="/slack/commands")
        assert answer.status_code == 200
        return dict(answer.get_json())

    def fresh(self) -> ApprovalRequest:
        """The request as stored now."""
        with self.services.sessions() as session:
            return session.get_one(ApprovalRequest, self.request.id)

    def decisions(self) -> list[Any]:
        """What was decided."""
        return self.services.views.request(self.request.id, self.person.as_actor(Via.PAGE)).decisions

    def rewritings(self) -> int:
        """How many jobs wait to bring the message up to date."""
        query = text("select count(*) from procrastinate_jobs where task_name = 'notify.rewrite' and "
                     "args ->> 'delivery' = :id")  # fmt: skip
        with self.services.sessions() as session:
            return int(session.execute(query, {"id": self.delivery.id}).scalar_one())


@pytest.fixture
def scene(app: Flask, services: Services, slack: SlackServer) -> Callable[..., Scene]:
    """Makes scenes."""
    return lambda **values: Scene(app, services, slack, **values)


def said(window: dict[str, Any]) -> str:
    """All that a window says."""
    return json.dumps(window, ensure_ascii=False)


# Signatures


def test_slacks_published_example_verifies() -> None:
    body = (
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        "channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&"
        "trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    secret, stamp = "8f742231b10e8888abcd99yyyzzz85a5", "1531420618"
    published = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert signed(body, 1531420618, secret)["X-Slack-Signature"] == published
    assert SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body) == published


def test_forged_and_old_calls_are_refused(scene) -> None:
    made = scene()
    body = interaction(press(made.slack, made.user, made.button("approve")))
    good = signed(body)
    stamp = int(good["X-Slack-Request-Timestamp"])
    for headers in (
        {}, signed(body, secret="another secret"), signed(body, stamp - LATE), signed(body, stamp + LATE),
        good | {"X-Slack-Signature": "v0=é"}, good | {"X-Slack-Request-Timestamp": "now"},
        good | {"X-Slack-Request-Timestamp": str(stamp - 1)}, {"X-Slack-Request-Timestamp": str(stamp)},
    ):  # fmt: skip
        assert made.post(body, headers).status_code == 401
    assert made.post(body.replace("approve", "approvE"), good).status_code == 401
    assert made.fresh().state == "pending" and made.slack.said == []


def test_a_replayed_call_is_refused(scene) -> None:
    made = scene()
    body = interaction(press(made.slack, made.user, made.button("approve")))
    headers = signed(body)
    assert made.post(body, headers).status_code == 200
    assert made.fresh().state == "approved"
    assert made.post(body, headers).status_code == 409
    assert len(made.decisions()) == 1


def test_without_a_slack_app_nothing_is_taken(module_database_url: str, tmp_path) -> None:
    bare = create_app(
        Settings(database_url=module_database_url, data_dir=tmp_path, secret_key="k" * 40, async_mode="threading")
    )
    assert bare.test_client().post("/slack/commands", data="x=1", headers=signed("x=1")).status_code == 404
    bare.extensions["assent_live"].listener.stop()
    bare.extensions["assent"].engine.dispose()


DEEP = "payload=" + "%5B" * 100_000


@pytest.mark.parametrize(
    "body", ["", "payload=1", "payload=%7B", "payload=%7B%22type%22%3A%22block_actions%22%7D", DEEP],
    ids=["empty", "number", "broken", "no action", "deep"],
)  # fmt: skip
def test_odd_calls_do_no_harm(scene, body: str) -> None:
    made = scene()
    assert made.post(body).status_code in (200, 400)


# Buttons


def test_approving_is_one_press(scene) -> None:
    made = scene()
    assert "approved" in made.press("approve").lower()
    [decision] = made.decisions()
    assert (decision.via, decision.verdict, decision.person_id) == ("slack", "approve", made.person.id)
    assert made.fresh().state == "approved"


def test_whoever_asked_and_strangers_and_others_cannot(scene, services) -> None:
    starter = make_person(services.sessions, "The starter")
    made = scene(requester=starter, terms=OF_DBAS)
    told = made.press("approve", user=made.slack.add(starter.email))
    assert "Requesters cannot approve their own requests" in told
    told = made.press("approve", user=made.slack.add("nobody@example.org"))
    assert "does not know who you are" in told and made.request.title not in told
    viewer = make_person(services.sessions, "The viewer", [Role.VIEWER])
    assert "needs the role" in made.press("approve", user=made.slack.add(viewer.email))
    assert "now" in made.press("approve"), "of another team"
    assert made.fresh().state == "pending"


@pytest.mark.parametrize(
    "values", [{"team_id": "T9"}, {"is_stranger": True}, {"is_restricted": True}, {"deleted": True}, {"is_bot": True}]
)
def test_a_mail_address_of_elsewhere_proves_nothing(scene, values: dict[str, Any]) -> None:
    made = scene()
    user = made.slack.add(made.person.email, **values)
    assert "does not know who you are" in made.press("approve", user=user)
    assert made.fresh().state == "pending"


def test_another_workspace_is_not_ours(scene) -> None:
    made = scene()
    payload = press(made.slack, made.user, made.button("approve"), team={"id": "T9"})
    made.post(interaction(payload))
    assert made.fresh().state == "pending" and "does not know who you are" in made.slack.said[-1]["text"]


def test_a_stale_message_is_refused_and_rewritten(scene) -> None:
    made = scene()
    told = made.press("approve", digest="0" * 64)
    assert "changed since this message was sent" in told
    assert made.fresh().state == "pending" and made.rewritings() == 1


def test_decided_elsewhere_says_so(scene, services) -> None:
    made = scene()
    other = make_person(services.sessions, "Second DBA")
    services.checkpoints.decide(made.request.id, other.as_actor(Via.PAGE), Ballot(Verdict.REJECT, made.request.digest))
    told = made.press("approve")
    assert "rejected" in told and "not counted" in told and made.rewritings() == 1


def test_slack_that_does_not_answer_decides_nothing(scene) -> None:
    made = scene()
    made.slack.answers.append((503, {}, "no"))
    told = made.press("approve")
    assert "Slack responded with 503" in told and made.fresh().state == "pending"


# Windows


def test_a_reason_that_the_policy_wants_is_asked_for(scene) -> None:
    made = scene(terms=Terms(name="why", deadline_seconds=3600, reason_required=(Verdict.REJECT,)))
    assert made.press("reject") == ""
    [window] = made.slack.windows
    assert window["blocks"][-1]["optional"] is False and made.fresh().state == "pending"
    assert made.send(window, comment=" ")["response_action"] == "errors"
    answer = made.send(window, comment="The table is in use.")
    assert answer["response_action"] == "update" and "rejected" in said(answer).lower()
    assert made.decisions()[0].comment == "The table is in use."


def test_changes_are_asked_for(scene) -> None:
    made = scene()
    made.press("request_changes")
    made.send(made.slack.windows[0], comment="Limit it to 2019.")
    assert made.decisions()[0].verdict == "request_changes" and made.decisions()[0].comment == "Limit it to 2019."


def test_decided_elsewhere_while_the_window_is_open(scene, services) -> None:
    made = scene()
    made.press("request_changes")
    other = make_person(services.sessions, "Second DBA")
    services.checkpoints.decide(made.request.id, other.as_actor(Via.PAGE), Ballot(Verdict.APPROVE, made.request.digest))
    answer = made.send(made.slack.windows[0], comment="Limit it.")
    assert answer["response_action"] == "update" and "not counted" in said(answer)
    assert len(made.decisions()) == 1 and made.rewritings() >= 1


def test_a_script_is_changed_in_the_window(scene) -> None:
    made = scene(payload=script("select 1"))
    made.press("modify")
    [window] = made.slack.windows
    field = next(block for block in window["blocks"] if block.get("block_id") == "change")
    assert field["element"]["initial_value"] == "select 1"
    wrong = made.send(window, change="select \u0007 1")
    assert wrong["response_action"] == "errors" and "control characters" in wrong["errors"]["change"]
    answer = made.send(window, change="select 2")
    assert answer["response_action"] == "update", said(answer)
    assert made.fresh().payload["content"] == "select 2"


def test_a_change_that_raises_the_risk_is_said_before_it_is_taken(scene) -> None:
    made = scene(payload=script("select 1"), risk=RiskLevel.SAFE)
    made.press("modify")
    answer = made.send(made.slack.windows[0], change="drop table orders")
    assert answer["response_action"] == "update" and "risk" in said(answer).lower()
    assert made.decisions() == []
    again = answer["view"]
    assert again["submit"]["text"] == "Approve anyway"
    made.send(again, change="drop table orders")
    assert [decision.verdict for decision in made.decisions()] == ["modify"]


def test_data_is_changed_as_json_and_what_does_not_fit_is_said_at_the_field(scene) -> None:
    payload = script() | {"kind": "custom", "data": {"limit": 3}}
    for name in ("language", "dialect", "content", "target", "tables"):
        payload.pop(name)
    made = scene(payload=payload)
    made.press("modify")
    [window] = made.slack.windows
    assert "not JSON" in made.send(window, change="{")["errors"]["change"]
    answer = made.send(window, change='{"limit": 4}')
    assert "errors" not in answer, said(answer)
    assert made.fresh().payload["data"] == {"limit": 4}


def test_what_does_not_fit_into_a_window_is_changed_on_the_page(scene) -> None:
    made = scene(payload=script("x" * 3001))
    made.press("modify")
    assert f"/requests/{made.request.id}" in said(made.slack.windows[0])
    made = scene(payload=script("select 1 \u202e"))
    made.press("modify")
    assert "Open the request to edit it" in said(made.slack.windows[0])


def all_lines(window: dict[str, Any]) -> str:
    """What the code blocks of a window show."""
    shown = [block["elements"][0]["elements"][0]["text"] for block in window["blocks"] if block["type"] == "rich_text"]
    return "\n".join(shown)


def test_what_the_message_does_not_show_is_shown_before_it_is_approved(scene) -> None:
    content = "\n".join(f"select {number} -- {'x' * 300}" for number in range(60))
    made = scene(payload=script(content))
    assert made.press("approve") == ""
    [window] = made.slack.windows
    assert made.fresh().state == "pending", "one tap does not approve it"
    assert all_lines(window) == content and len(window["blocks"]) <= 100
    assert all(len(text) <= 3000 for text in all_lines(window).split("\n"))
    answer = made.send(window, comment="")
    assert answer["response_action"] == "update" and made.fresh().state == "approved"


def test_in_one_long_line_nothing_is_left_out_either(scene) -> None:
    content = "echo ok" + " " * 6000 + "; echo 😀" * 700
    made = scene(payload=script(content))
    made.press("approve")
    shown = all_lines(made.slack.windows[0]).replace("\n", "")
    assert shown == content.replace(" " * 6000, " ⟨6000 blanks⟩ ")


def test_what_no_window_can_show_is_approved_on_its_page(scene) -> None:
    made = scene(payload=script("select 1\n" * 20_000))
    made.press("approve")
    assert "too long for Slack" in said(made.slack.windows[0])
    assert f"/requests/{made.request.id}" in said(made.slack.windows[0]) and made.fresh().state == "pending"


def test_a_stale_window_approves_nothing(scene) -> None:
    made = scene(payload=script("select 1\n" * 20))
    made.press("approve", digest="0" * 64)
    assert made.slack.windows == [] and made.fresh().state == "pending"


HOSTILE = {
    "half an emoji": '{"limit": "\\ud83d"}',
    "half an emoji in a name": '{"\\ud83d": 1}',
    "half an emoji as typed": '{"limit": "\ud83d"}',
    "no number": '{"limit": NaN}',
    "a number without end": '{"limit": 1e999}',
    "nesting": '{"limit": ' + "[" * 1400 + "]" * 1400 + "}",
    "a name twice": '{"limit": 1, "limit": 2}',
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_text_that_can_be_typed_breaks_a_window(scene, case: str) -> None:
    payload = script() | {"kind": "custom", "data": {"limit": 3}}
    for name in ("language", "dialect", "content", "target", "tables"):
        payload.pop(name)
    made = scene(payload=payload)
    made.press("modify")
    [window] = made.slack.windows
    answer = made.send(window, change=HOSTILE[case])
    assert answer["response_action"] == "errors" and answer["errors"]["change"], said(answer)
    assert made.fresh().state == "pending"
    assert made.send(window, change='{"limit": 4}')["response_action"] == "update"
    assert made.fresh().payload["data"] == {"limit": 4}


@pytest.mark.parametrize("verdict", ["approve", "reject", "request_changes"])
def test_half_an_emoji_in_a_remark_is_taken_or_refused_at_its_field(scene, verdict: str) -> None:
    made = scene(terms=Terms(name="why", deadline_seconds=3600, reason_required=(Verdict.APPROVE, Verdict.REJECT)))
    made.press(verdict)
    [window] = made.slack.windows
    answer = made.send(window, comment="No \ud83d\x00 way")
    if answer["response_action"] == "errors":
        assert "comment" in answer["errors"]
        made.send(window, comment="No way")
    assert made.fresh().state != "pending" and made.decisions()[0].comment


@pytest.mark.parametrize("text", ["link \ud83d", "\ud83d", "\x00", "9" * 5000])
def test_no_text_of_a_command_breaks_it(scene, text: str) -> None:
    assert scene().command(quote(text, errors="surrogatepass"))["text"]


def test_where_a_fresh_sign_in_is_wanted_slack_cannot_approve(scene) -> None:
    made = scene(terms=Terms(name="sure", deadline_seconds=3600, reauthenticate_seconds=300, reason_required=()))
    made.press("approve")
    assert "recent sign-in" in said(made.slack.windows[0]) and made.fresh().state == "pending"
    made.press("reject")
    assert made.fresh().state == "rejected"


# The command, and linking


def test_the_command_lists_what_waits(scene) -> None:
    made = scene(payload=script(title="Count <orders>"), expires_in=timedelta(minutes=5), attention_at=LONG_AGO)
    listed = made.command()
    assert listed["response_type"] == "ephemeral" and f"/requests/{made.request.id}" in said(listed)
    assert "Count &lt;orders&gt;" in said(listed)
    assert "/assent link" in made.command("help")["text"]
    stranger = made.command(user=made.slack.add("stranger@example.org"))
    assert "does not know who you are" in stranger["text"] and made.request.id not in said(stranger)


def test_a_slack_user_is_linked_with_a_code_once(scene, services, app: Flask) -> None:
    made = scene()
    person: Person = make_person(services.sessions, "DBA elsewhere")
    user = made.slack.add("private@example.net")
    assert "does not know who you are" in made.press("approve", user=user)
    code = made.command("link", user=user)["text"].split("*")[1]
    visitor = Browser(app, person)
    form = visitor.get("/profile/slack").one("form", action="/profile/slack")
    assert visitor.send(form, status=422, code="ABCDE-FGHJK").all("p", id="f-code-wrong")
    visitor.send(form, code=f" {code.lower()} ")
    assert user in visitor.follow().text
    other = Browser(app, made.person)
    form = other.get("/profile/slack").one("form", action="/profile/slack")
    assert other.send(form, status=422, code=code), "a code works once"
    made.press("approve", user=user)
    assert made.decisions()[0].person_id == person.id
    page = visitor.get("/profile/slack")
    visitor.send(page.one("form", action="/profile/slack/unlink"))
    assert services.slack_people.linked(user) is None


def test_whoever_has_linked_one_user_is_not_found_by_another_ones_address(scene, services) -> None:
    made = scene()
    code = services.slack_people.new_code(SlackUser("U9X"))
    services.slack_people.link(made.person.as_actor(Via.PAGE), code)
    assert "does not know who you are" in made.press("approve")
