"""The commands for people and programs: a whole path through a run, and what they refuse."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import psycopg
import pytest

from app.cli.context import print_table
from app.cli.main import COMMANDS, cli
from app.risk.assess import assess_proposal
from app.store.engine import Sessions, make_engine
from tests.factories import make_request, plan
from tests.flows import ALL
from tests.processes.harness import Desk
from tests.waiting import until

pytestmark = pytest.mark.processes


@pytest.fixture
def desk(database_url, tmp_path):
    with Desk(database_url, tmp_path, ASSENT_WORKFLOWS=ALL) as desk:
        yield desk


def told(desk: Desk, *arguments: str) -> str:
    done = desk.assent(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def facts(desk: Desk, *arguments: str):
    return json.loads(told(desk, *arguments, "--json"))


def refused(desk: Desk, *arguments: str) -> str:
    done = desk.assent(*arguments)
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


def test_a_run_from_its_start_to_its_record(desk):
    for name, role in (("starter", "reviewer"), ("reviewer", "reviewer"), ("viewer", "viewer")):
        told(desk, "user", "add", f"{name}@example.com", "--name", f"The {name}", "--role", role)
    desk.worker()
    started = facts(desk, "run", "start", "test_gate", "--as", "starter@example.com", "--title", "By hand")
    request = until(desk.database_url, lambda: facts(desk, "approvals", "list"))[0]
    assert request["run_id"] == started["id"]
    assert request["title"] in told(desk, "approvals", "list")

    seen = facts(desk, "approvals", "show", request["id"])
    assert seen["digest"] in told(desk, "approvals", "show", request["id"])
    decide = ("approvals", "decide", request["id"], "approve", "--digest", seen["digest"], "--as")
    assert "started" in refused(desk, *decide, "starter@example.com")
    assert "role" in refused(desk, *decide, "viewer@example.com")
    assert "address" in refused(desk, *decide, "nobody@example.com")
    stale = ("approvals", "decide", request["id"], "approve", "--digest", "0" * 64, "--as", "reviewer@example.com")
    refused(desk, *stale)
    assert told(desk, *decide, "reviewer@example.com")
    refused(desk, *decide, "reviewer@example.com")

    until(desk.database_url, lambda: facts(desk, "run", "show", started["id"])["state"] == "completed")
    shown = told(desk, "run", "show", started["id"])
    assert "By hand: completed" in shown
    assert request["id"] in shown
    assert facts(desk, "approvals", "list") == []
    assert facts(desk, "approvals", "list", "--resolved")[0]["state"] == "approved"

    record = facts(desk, "audit", "list", "--request", request["id"])
    decisions = [entry for entry in record if entry["actor"]["name"] == "The reviewer"]
    assert [entry["via"] for entry in decisions] == ["command_line"]
    assert "The reviewer" in told(desk, "audit", "list", "--run", started["id"], "--limit", "50")


def test_a_plan_is_shown_and_changed_from_the_command_line(desk):
    told(desk, "user", "add", "dba@example.com", "--name", "The DBA", "--role", "reviewer")
    engine = make_engine(desk.database_url)
    document = plan()
    found = assess_proposal(document).to_json()
    request = make_request(Sessions(engine), payload=document, assessment=found).id
    engine.dispose()
    shown = told(desk, "approvals", "show", request)
    assert "high (drop): According to the agent, this destroys something. It requires its own approval" in shown
    digest = facts(desk, "approvals", "show", request)["digest"]
    decide = ("approvals", "decide", request, "modify", "--as", "dba@example.com", "--digest", digest, "--change")
    lacking = json.dumps({"steps": [{"id": "find"}, {"id": "drop"}]})
    assert "“Delete its rows” needs “Count rows”, which is left out." in refused(desk, *decide, lacking)
    told(desk, *decide, json.dumps({"steps": [{"id": "report"}, {"id": "find", "inputs": {"days": 30}}]}))
    steps = facts(desk, "approvals", "show", request)["payload"]["steps"]
    assert [(step["id"], step["inputs"]) for step in steps] == [("report", {}), ("find", {"days": 30})]


def test_a_request_is_looked_after_from_the_command_line(desk):
    for name in ("starter", "first", "second"):
        told(desk, "user", "add", f"{name}@example.com", "--name", f"The {name}", "--role", "reviewer", "--team", "dba")
    desk.worker()
    text = json.dumps({"text": "select id from orders where id = 1"})
    run = facts(desk, "run", "start", "test_script", "--as", "starter@example.com", "--input", text)
    request = until(desk.database_url, lambda: facts(desk, "approvals", "list", "--unassigned"))[0]["id"]
    seen = facts(desk, "approvals", "show", request)
    first, second = ("--as", "first@example.com"), ("--as", "second@example.com")

    assert "Claimed by The first" in told(desk, "approvals", "claim", request, *first, "--minutes", "60")
    assert "You may take over the claim" in refused(desk, "approvals", "claim", request, *second)
    assert "Claimed by The second" in told(desk, "approvals", "claim", request, *second, "--take-over")
    assert "Only an admin" in refused(desk, "approvals", "release", request, *first)
    told(desk, "approvals", "release", request, *second)
    assert "Assigned to The first." in told(desk, "approvals", "assign", request, "first@example.com", *second)
    assert [fact["id"] for fact in facts(desk, "approvals", "list", "--mine", "first@example.com")] == [request]
    assert facts(desk, "approvals", "list", "--mine", "second@example.com") == []
    assert facts(desk, "approvals", "list", "--unassigned") == []
    assert "handing this over" in refused(desk, "approvals", "assign", request, "second@example.com", *first)
    assert "has no assignee" in told(desk, "approvals", "assign", request, *first, "--reason", "Lunch.")
    assert "priority 1" in told(desk, "approvals", "escalate", request, *first, "--reason", "Urgent.")
    assert "ISO 8601" in refused(desk, "approvals", "extend", request, *first, "--until", "soon", "--reason", "More.")
    later = datetime.fromisoformat(seen["expires_at"]) + timedelta(hours=3)
    extended = facts(desk, "approvals", "extend", request, *first, "--until", later.isoformat(), "--reason", "More.")
    assert datetime.fromisoformat(extended["expires_at"]) == later
    shown = told(desk, "approvals", "show", request)
    assert "\nObjects: orders\n" in shown and "Not understood" not in shown
    assert "Approvals: 0 of 1, now" in shown and "Expires at " in shown and ", then rejected" in shown

    change = json.dumps({"content": "delete from orders"})
    edit = ("approvals", "decide", request, "modify", "--digest", seen["digest"], "--change", change)
    assert "raises the risk" in refused(desk, *edit, *first)
    edited = facts(desk, *edit, *first, "--acknowledge-risk", "critical")
    assert (edited["resolved"], edited["approvals"], edited["quorum"]) == (False, 1, 2)
    assert "was withdrawn" in told(desk, "approvals", "withdraw", request, *first)
    digest = facts(desk, "approvals", "show", request)["digest"]
    reject = ("approvals", "decide", request, "reject", "--digest", digest, "--comment", "Not today.")
    assert "Rejected" in told(desk, *reject, *second)
    until(desk.database_url, lambda: facts(desk, "run", "show", run["id"])["state"] == "completed")
    assert "ended" in refused(desk, "approvals", "reopen", request, *second, "--reason", "Look again.")
    assert "rejected" in refused(desk, "approvals", "cancel", request, *second)


def test_links_are_new_each_time_and_only_their_hashes_are_kept(desk, database_url):
    first = facts(desk, "user", "add", "a@example.com", "--name", "A", "--role", "admin", "--team", "dba")
    second = facts(desk, "user", "link", "A@Example.com")
    tokens = {answer["link"].rsplit("/", 1)[1] for answer in (first, second)}
    assert len(tokens) == 2
    assert all(answer["link"].startswith(f"{desk.url}/sign-in/") for answer in (first, second))
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT sign_in_links::text FROM sign_in_links").fetchall()
    assert len(kept) == 2
    assert not any(token in row[0] for token in tokens for row in kept)
    assert facts(desk, "user", "list")[0]["teams"] == ["dba"]
    told(desk, "user", "change", "a@example.com", "--name", "Alpha", "--team", "sre")
    changed = facts(desk, "user", "list")[0]
    assert (changed["name"], changed["roles"], changed["teams"]) == ("Alpha", ["admin"], ["sre"])
    assert "last active admin" in refused(desk, "user", "change", "a@example.com", "--inactive")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("user", "link", "nobody@example.com"), "Nobody has the address"),
        (("user", "add", "no-address", "--name", "A", "--role", "admin"), "mail address"),
        (("run", "start", "nothing"), "no workflow"),
        (("run", "start", "nothing", "--input", "{"), "not valid JSON"),
        (("run", "start", "nothing", "--input", "@/no/such/file"), "cannot be read"),
        (("run", "show", "nothing"), "no such run"),
        (("run", "list", "--state", "asleep"), "run state"),
        (("approvals", "show", "nothing"), "no such request"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(desk, arguments, words):
    assert words in refused(desk, *arguments)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name):
    command = cli.get_command(None, name)
    assert command.help
    for subcommand in getattr(command, "commands", {}).values():
        assert subcommand.help


def test_a_table_is_one_line_per_row_and_obeys_no_terminal_codes(capsys):
    print_table(("A", "B"), [("x\x1b[31m\ny", None), ("longer", 2)], "nothing")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert not re.search(r"[^\x20-\x7e]", "".join(lines))
