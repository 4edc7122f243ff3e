"""What comes from Slack: only what Slack has signed, just now, once; and then by the rights of whom it names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from slack_sdk.signature import SignatureVerifier

from app.domain.ballot import Ballot
from app.domain.people import Role, Via
from app.domain.policy.terms import Stage, Terms
from app.factory import create_app
from app.services.notifications.slack import SlackUser
from app.settings import Settings
from app.store.people import Person
from assent.contracts import Verdict
from tests.factories import close_app, make_person, script
from tests.slackserver import interaction, press, signed
from tests.web.browsing import Browser
from tests.web.slack.scenes import OF_DBAS, said

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LATE = 60 * 5 + 2


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
    close_app(bare)


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


def test_the_requester_strangers_and_others_cannot(scene, services) -> None:
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


@pytest.mark.parametrize("quorum", [1, 2])
def test_a_second_press_of_ones_own_says_that_one_has_decided(scene, quorum: int) -> None:
    stages = (Stage(name="", quorum=quorum),)
    made = scene(terms=Terms(name="any", deadline_seconds=3600, reason_required=(), stages=stages))
    made.press("approve")
    rest = "This request is approved." if quorum == 1 else "another person must decide as well."
    for pressed in ("approve", "reject"):
        told = made.press(pressed)
        assert told.startswith("You have already approved this") and rest in told
        assert ("Your decision was not counted." in told) == (pressed == "reject")
    assert len(made.decisions()) == 1


def test_slack_that_does_not_answer_decides_nothing(scene) -> None:
    made = scene()
    made.slack.answers.append((503, {}, "no"))
    told = made.press("approve")
    assert "Slack responded with 503" in told and made.fresh().state == "pending"


# Choosing Slack


def test_somebody_whom_slack_does_not_know_is_told_so_when_choosing_it(scene, app: Flask) -> None:
    for known in (True, False):
        made = scene()
        visitor = Browser(app, made.person)
        if not known:
            made.slack.users[made.user]["profile"]["email"] = "elsewhere@example.org"
        form = visitor.get("/profile/notifications").one("form", action="/profile/notifications")
        visitor.send(form, **{"asked.way": "slack"})
        told = visitor.follow().text
        assert "Your settings are saved" in told
        assert (f"Slack has no user with the address {made.person.email}" in told) != known


# The command, and linking


def test_the_command_lists_what_waits(scene) -> None:
    made = scene(payload=script(title="Count <orders>"), expires_in=timedelta(minutes=5), attention_at=LONG_AGO)
    listed = made.command()
    assert listed["response_type"] == "ephemeral" and f"/requests/{made.request.id}" in said(listed)
    assert "risk*, not understood  Count &lt;orders&gt;" in said(listed)
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


def test_somebody_who_has_linked_one_user_is_not_found_by_another_ones_address(scene, services) -> None:
    made = scene()
    code = services.slack_people.new_code(SlackUser("U9X"))
    services.slack_people.link(made.person.as_actor(Via.PAGE), code)
    assert "does not know who you are" in made.press("approve")
