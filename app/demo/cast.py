"""The people and the agents of the demo, all named after what they do."""

from __future__ import annotations

from dataclasses import dataclass

from app.domain.choices import DEFAULT, Choice, Choices, Way
from app.domain.notices import NoticeKind
from app.domain.people import Role
from assent.contracts import RiskLevel


@dataclass(frozen=True)
class DemoPerson:
    """A person of the demo. `key` is how the story names them, and `does` explains them to who starts the demo."""

    key: str
    name: str
    email: str
    roles: tuple[Role, ...]
    teams: tuple[str, ...]
    does: str


@dataclass(frozen=True)
class DemoAgent:
    """An agent of the demo. `workflow` is the name under which its requests are filtered and ruled."""

    key: str
    name: str
    owner: str
    workflow: str


CAST = (
    DemoPerson("dba", "DBA on call", "dba@example.com", (Role.REVIEWER,), ("dba",), "decides; start here"),
    DemoPerson(
        "platform", "Platform lead", "platform@example.com", (Role.REVIEWER, Role.ADMIN), ("platform",),
        "decides, manages people",
    ),
    DemoPerson("support", "Support lead", "support@example.com", (Role.REVIEWER,), ("support",), "decides; is absent"),
    DemoPerson(
        "release", "Release engineer", "release@example.com", (Role.REVIEWER,), ("platform",),
        "started the run, may not approve it",
    ),
    DemoPerson("auditor", "Auditor", "auditor@example.com", (Role.AUDITOR,), (), "reads the audit log"),
    DemoPerson("viewer", "Viewer", "viewer@example.com", (Role.VIEWER,), (), "reads requests and runs"),
)  # fmt: skip
STARTER = next(person for person in CAST if person.key == "release")

AGENTS = (
    DemoAgent("schema", "Schema agent", "release", "schema-changes"),
    DemoAgent("tuning", "Tuning agent", "release", "query-tuning"),
    DemoAgent("reports", "Report agent", "dba", "reports"),
    DemoAgent("support", "Support agent", "release", "support-desk"),
    DemoAgent("ops", "Operations agent", "release", "operations"),
    DemoAgent("windows", "Workstation agent", "release", "workstations"),
    DemoAgent("deploy", "Release agent", "release", "releases"),
    DemoAgent("data", "Data agent", "release", "data-quality"),
)

CHOICES = Choices(
    {
        **DEFAULT,
        NoticeKind.ASKED: Choice(Way.MAIL, RiskLevel.HIGH, Way.DIGEST),
        NoticeKind.OUTCOME: Choice(Way.MAIL, RiskLevel.HIGH, Way.DIGEST),
        NoticeKind.SETTLED: Choice(Way.OFF, RiskLevel.SAFE, Way.OFF),
        NoticeKind.RECEIPT: Choice(Way.OFF, RiskLevel.SAFE, Way.OFF),
    }
)
"""What people of the demo want to be notified of: at once only of what is of high risk, and nothing of what is over."""
