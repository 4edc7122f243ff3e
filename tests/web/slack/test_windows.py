"""Slack's windows: reasons, changes, and what a message does not show."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from app.domain.ballot import Ballot
from app.domain.people import Via
from app.domain.policy.terms import Terms
from assent.contracts import RiskLevel, Verdict
from tests.factories import make_person, plan, script
from tests.web.slack.scenes import said


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


def test_the_steps_of_a_plan_are_changed_as_json(scene) -> None:
    made = scene(payload=plan(), risk=RiskLevel.HIGH)
    made.press("modify")
    [window] = made.slack.windows
    field = next(block for block in window["blocks"] if block.get("block_id") == "change")
    steps = json.loads(field["element"]["initial_value"])
    assert [step["id"] for step in steps] == ["find", "measure", "drop", "report"]
    lacking = made.send(window, change=json.dumps([steps[0], steps[2]]))
    assert lacking["errors"]["change"] == "“Delete its rows” needs “Count rows”, which is left out."
    steps[0]["inputs"]["days"] = 30
    answer = made.send(window, change=json.dumps([steps[3], steps[0]]))
    assert "errors" not in answer, said(answer)
    [decision] = made.decisions()
    assert decision.change == {"steps": [{"id": "report", "inputs": {}}, {"id": "find", "inputs": {"days": 30}}]}


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
