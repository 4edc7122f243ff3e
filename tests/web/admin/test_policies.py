"""The policies' pages: what is in force in words, earlier versions, and a changed file tried out."""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.people import SYSTEM
from app.domain.policy.terms import Terms
from app.domain.risk import Finding, RuleChange, assess
from app.services.bundle import Services
from assent.contracts import RiskLevel
from tests.factories import Caller, approving, make_request, script
from tests.web.browsing import Browser

Browse = Callable[[str], Browser]
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
ROLES = ["viewer", "reviewer", "auditor", "admin"]
FIRST = "version: 1\ndefault: {deadline: 1 day}\n"
SECOND = """\
version: 1
rules:
  - name: Two <for> the dangerous
    when: risk.rank >= 3 && environment != "<test>"
    stages: [{name: First, teams: dba}, {teams: platform, quorum: 2}]
    change_windows: [{days: mon-fri, hours: "22:00-04:00", timezone: Europe/Berlin}]
    deadline: 4 hours
    on_expiry: escalate
    escalation: [{after: 1 hour, teams: platform}]
default: {deadline: 1 day}
"""


@pytest.fixture
def versions(services: Services) -> tuple[int, int]:
    """Two versions; the second is in force."""
    first, second = (
        services.policies.load(SYSTEM, version, "policies.yaml").stored.version for version in (FIRST, SECOND)
    )
    return first, second


def test_without_a_policy_the_strict_default_is_shown(reviewer: Browser) -> None:
    page = reviewer.get("/policies")
    assert "No policy is loaded" in page.text
    assert "1 of any reviewer; for critical risk 2" in page.text
    assert not any(heading.text == "Versions" for heading in page.all("h2"))


@pytest.mark.parametrize("role", ROLES)
def test_everybody_reads_and_those_who_may_try_out_find_the_form(role: str, browse: Browse, versions: Any) -> None:
    page = browse(role).get("/policies")
    assert f"Version {versions[1]} is in force" in page.text
    assert bool(page.all("form", id="test-form")) == (role != "viewer")
    assert page.one("a", data_nav="policies").attributes["aria-current"] == "page"
    assert "assent policy load" in page.text


def test_the_rules_stand_in_words_with_how_often_they_matched(
    reviewer: Browser, versions: Any, services: Services
) -> None:
    name = "Two <for> the dangerous"
    for days in (1, 2, 40):
        opened = datetime.now(UTC) - timedelta(days=days)
        make_request(services.sessions, terms=Terms(name=name, deadline_seconds=60), opened_at=opened)
    make_request(services.sessions, terms=Terms(name="An old rule", deadline_seconds=60))
    page = reviewer.get("/policies")
    [first, default] = page.one("table", class_="list-table rules").one("tbody").all("tr")
    for words in (
        name, 'risk.rank >= 3 && environment != "<test>"', "First: 1 of team dba", "then 2 of team platform", "4 hours",
        "escalated along the chain", "Escalates after 1 hour: team platform",
        "Mon–Fri 22:00–04:00 Europe/Berlin",
        "2 requests",
    ):  # fmt: skip
        assert words in first.text
    assert "policy's default" in default.text and "0 requests" in default.text
    assert "An old rule, 1 request" in page.text
    assert "There is no team dba." in page.text


def test_an_earlier_version_is_marked_and_compared(reviewer: Browser, versions: Any) -> None:
    page = reviewer.get("/policies")
    assert f"Version {versions[0]}" in page.text and "Two <for> the dangerous" in page.text
    added = [element.text for element in page.all("div", class_="ln add")]
    assert any("risk.rank >= 3" in text for text in added)
    earlier = reviewer.get(f"/policies/{versions[0]}")
    assert "not in force" in earlier.text
    assert earlier.one("h1").text == f"Policy version {versions[0]}"
    assert reviewer.get(f"/policies/{versions[1]}").one("h1").text == "Policies"
    reviewer.get("/policies/999999", 404)


def test_a_version_that_cannot_be_read_is_told(
    reviewer: Browser, versions: Any, services: Services, monkeypatch: Any
) -> None:
    with services.sessions.begin() as session:
        from app.store.policies import PolicyVersion

        session.add(
            PolicyVersion(
                text="version: 9\n", digest="x", source="newer.yaml", loaded_at=datetime.now(UTC),
                loaded_by_name="A later release", in_force_at=datetime.now(UTC),
            )
        )  # fmt: skip
    page = reviewer.get("/policies")
    assert "the strict default applies" in page.one("div", class_="notice bad").text
    services.policies.load(SYSTEM, SECOND, "policies.yaml")


def test_a_changed_policy_is_tried_out(reviewer: Browser, versions: Any, services: Services) -> None:
    request = make_request(
        services.sessions, terms=Terms(name="policy's default", deadline_seconds=86_400, warn_seconds=10_800),
        opened_at=datetime.now(UTC) - timedelta(hours=3), title="Tidy <up>",
    )  # fmt: skip
    reviewer.get("/policies")
    form = reviewer.form("test-form")
    assert reviewer.fields(form)["text"] == [SECOND.replace("\n", "\r\n")]
    page = reviewer.send(form, status=200, text=FIRST.replace("1 day", "2 hours").replace("\n", "\r\n"))
    item = next(item for item in page.all("li") if item.all("a", href=f"/requests/{request.id}"))
    assert "Tidy <up>" in item.text
    assert "1 d becomes→ 2 h" in item.text
    assert "Would have been rejected on expiry" in item.text
    assert "would have ended differently" in page.text

    # The form keeps what was sent, and the same file makes no difference to this request.
    page = reviewer.send(reviewer.form("test-form"), status=200, text=FIRST, days="7")
    assert not page.all("a", href=f"/requests/{request.id}")
    assert reviewer.fields(reviewer.form("test-form"))["days"] == ["7"]


def test_problems_stand_at_their_lines(reviewer: Browser, versions: Any) -> None:
    reviewer.get("/policies")
    bad = SECOND.replace("4 hours", "soon").replace("risk.rank", "risc.rank")
    page = reviewer.send(reviewer.form("test-form"), status=422, text=bad)
    assert page.one("div", role="alert").one("h2").text == "This policy is not valid: 2 problems"
    assert [link.attributes["href"] for link in page.one("div", role="alert").all("a")] == ["#line-4", "#line-7"]
    found = page.all("div", class_="ln found")
    assert [element.attributes["id"] for element in found] == ["line-4", "line-7"]
    assert len(page.all("div", class_="finding")) == 2
    assert reviewer.fields(reviewer.form("test-form"))["text"] == [bad.replace("\n", "\r\n")]


def test_a_file_is_taken_instead_of_the_text(reviewer: Browser, versions: Any) -> None:
    reviewer.get("/policies")
    uploaded = (io.BytesIO(b"version: 1\nrules: nonsense\n"), "changed.yaml")
    page = reviewer.send(reviewer.form("test-form"), status=422, file=uploaded)
    assert "changed.yaml" in page.text and page.all("div", id="line-2")
    reviewer.get("/policies")
    page = reviewer.send(reviewer.form("test-form"), status=422, file=(io.BytesIO(b"\xff\xfe"), "picture.png"))
    assert "not UTF-8" in page.one("div", role="alert").text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"text": "  "}, "Paste a policy"), ({"days": "1000"}, "Choose a period"), ({"days": None}, "Choose a period"),
        ({"text": "x: \x01"}, "problem"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told(reviewer: Browser, versions: Any, values: dict[str, Any], words: str) -> None:
    reviewer.get("/policies")
    page = reviewer.send(reviewer.form("test-form"), status=422, **values)
    assert words in page.one("div", role="alert").text


def test_those_who_may_not_try_out_are_refused(browse: Browse, versions: Any) -> None:
    reviewer, viewer = browse("reviewer"), browse("viewer")
    reviewer.get("/policies")
    viewer.get("/queue")
    token = viewer.page.all("input", name="csrf_token")[0].attributes["value"]
    form = reviewer.form("test-form")
    viewer.send(form, status=403, csrf_token=token)


def test_the_form_s_address_alone_leads_to_the_page(reviewer: Browser) -> None:
    reviewer.get("/policies/test", 303)
    assert reviewer.response is not None
    assert reviewer.response.headers["Location"] == "/policies#test"


@pytest.fixture
def waiting(services: Services, versions: tuple[int, int]) -> int:
    """A version that waits for a second person."""
    text = approving(name=f'"Harmless <{secrets.token_hex(4)}>"', more="sample: 2%")
    return services.policies.load(SYSTEM, text, "policies.yaml").stored.version


def test_a_version_that_waits_is_shown_compared_and_confirmed(
    browse: Browse, services: Services, versions: tuple[int, int], waiting: int
) -> None:
    page = browse("reviewer").get("/policies")
    assert f"Version {versions[1]} is in force" in page.text
    assert f"Version {waiting} waits for a second person" in page.text
    admin = browse("admin")
    page = admin.get(f"/policies/{waiting}")
    assert "This version waits for a second person" in page.text
    assert "is new, or has another condition." in page.one("section", id="confirmation").text
    assert f"Changes since version {versions[1]}" in page.text
    assert "Approves at once, without asking people" in page.text
    admin.send(admin.form("confirm"))
    page = admin.get("/policies")
    assert f"Version {waiting} is in force" in page.text and services.policies.newest() == waiting
    page = admin.get(f"/policies/{waiting}")
    assert "Confirmed by The admin" in page.text and not page.all("section", id="confirmation")
    services.policies.load(SYSTEM, SECOND, "policies.yaml")


def test_a_reviewer_cannot_confirm_and_a_reason_is_required_to_decline(
    browse: Browse, services: Services, versions: tuple[int, int], waiting: int
) -> None:
    page = browse("reviewer").get(f"/policies/{waiting}")
    assert "An administrator who did not load it must confirm it." in page.text
    assert not page.all("form", id="decline")
    admin = browse("admin")
    admin.get(f"/policies/{waiting}")
    page = admin.send(admin.form("decline"), status=422, reason=" ")
    assert "Give a reason." in page.one("div", role="alert").text
    admin.send(admin.form("decline"), reason="Too broad.")
    page = admin.get("/policies")
    assert f"Version {waiting} is declined" in page.text
    assert "Too broad." in admin.get(f"/policies/{waiting}").text
    assert services.policies.newest() == versions[1]
    services.policies.load(SYSTEM, SECOND + "# after that\n", "policies.yaml")


def test_a_rule_that_ends_soon_is_announced(reviewer: Browser, services: Services, versions: Any) -> None:
    rule = f"  - {{name: Gone, when: size > 9, decide: reject, until: {TOMORROW}}}\n"
    text = SECOND.replace("default:", f"{rule}default:")
    services.policies.load(SYSTEM, text, "policies.yaml")
    page = reviewer.get("/policies")
    assert f"Gone: stops deciding after its last day, {TOMORROW}." in page.one("div", class_="notice warn").text
    services.policies.load(SYSTEM, SECOND, "policies.yaml")


def test_what_people_would_no_longer_have_seen_comes_first(
    reviewer: Browser, versions: Any, services: Services
) -> None:
    request = make_request(services.sessions, payload=script("select 1") | {"environment": "tidy"})
    rule = """{name: Never, when: 'environment == "tidy"', decide: reject}"""
    text = FIRST.replace("default:", f"rules: [{rule}]\ndefault:")
    reviewer.get("/policies")
    page = reviewer.send(reviewer.form("test-form"), status=200, text=text)
    assert "People would no longer have seen 1 request" in page.text
    section = page.one("section", aria_labelledby="changed-1")
    assert section.one("h2").text == "No longer seen by people"
    assert section.all("a", href=f"/requests/{request.id}")
    assert "Would have been rejected at once by “Never”." in section.text


def test_tools_that_a_policy_registers_wait_for_a_second_person_and_are_shown(
    browse: Browse, services: Services, versions: Any
) -> None:
    text = FIRST + "reading_tools: {mcp__docs__*: <It> only searches.}\n"
    stored = services.policies.load(SYSTEM, text, "policies.yaml").stored
    assert stored.waits and stored.widens == ["Calls of mcp__docs__* count as reading."]
    reviewer = browse("reviewer")
    section = reviewer.get(f"/policies/{stored.version}").one("section", aria_labelledby="reading-tools")
    assert "mcp__docs__*" in section.text and "<It> only searches." in section.text
    assert not reviewer.get("/policies").all("section", aria_labelledby="reading-tools"), "it is not in force"
    called = Caller(reviewer.caller.client.application, reviewer.caller.person)
    found = called.get(f"/api/v1/policies/{stored.version}").json
    assert found["reading_tools"] == [{"tool": "mcp__docs__*", "reason": "<It> only searches."}]
    services.policies.load(SYSTEM, SECOND, "policies.yaml")


def test_risk_rules_that_a_policy_changes_are_shown_there_and_with_the_request(
    browse: Browse, services: Services, versions: Any
) -> None:
    changed = FIRST + "risk_rules: {sql.lock_table: {level: low, reason: <They> retry.}}\n"
    version = services.policies.load(SYSTEM, changed, "policies.yaml").stored.version
    reviewer = browse("reviewer")
    section = reviewer.get("/policies").one("section", aria_labelledby="risk-rules")
    assert "sql.lock_table" in section.text and "are low" in section.text and "<They> retry." in section.text
    found = assess([Finding("sql.lock_table", RiskLevel.HIGH, "It waits.", 1)])
    change = RuleChange("sql.lock_table", RiskLevel.LOW, "<They> retry.")
    assessment = found.adjusted({change.rule: change}, version, RiskLevel.SAFE)
    request = make_request(services.sessions, risk=RiskLevel.LOW, assessment=assessment.to_json())
    text = reviewer.get(f"/requests/{request.id}").one("aside", id="facts").text
    assert f"Without policy version {version}, it would be High" in text and "is Low: <They> retry." in text
    risk = Caller(reviewer.caller.client.application, reviewer.caller.person).get(f"/api/v1/approvals/{request.id}")
    assert risk.json["risk"]["adjustment"]["level"] == "high"
    assert risk.json["risk"]["adjustment"]["changes"] == [
        {"rule": "sql.lock_table", "level": "low", "reason": "<They> retry."}
    ]
    services.policies.load(SYSTEM, SECOND, "policies.yaml")
