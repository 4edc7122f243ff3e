"""Everything that can be done, by every way in, by everybody: the table in `tests.access`, tried."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask_socketio import SocketIOTestClient

from app.cli.approvals import approvals
from app.cli.main import cli
from app.domain.ballot import Ballot
from app.domain.errors import AssentError
from app.domain.lifecycle import RunState
from app.domain.people import SYSTEM, Role, Via
from app.domain.policy.terms import Stage, Terms
from app.domain.prepared_reasons import ReasonUse
from app.services.approvals.decisions.remarks import CommentPlace
from app.services.bundle import Services
from app.services.notifications.slack import SlackUser
from app.services.routing.answers import RouterDesk
from app.store.files import FileUse
from app.store.people import Person
from app.store.policies import DecisionSample
from app.store.requests import ApprovalRequest
from assent.contracts import Verdict
from tests import access
from tests.access import OPEN, OPERATORS, PEOPLE, WAYS, Way
from tests.factories import (
    Caller,
    approving,
    grant_body,
    make_absence,
    make_delivery,
    make_destination,
    make_grant,
    make_lesson,
    make_person,
    make_request,
    make_run,
    make_tools,
)
from tests.factories import make_workflow as make_catalogue_entry
from tests.routers import router_at_work
from tests.thorough import IN_CI

TABLE = access.expected()
PART = b"a,b"
POLICY = "version: 1\ndefault: {deadline: 1 day}\n"
CODES = {
    "role": "forbidden", "not": "not_found", "own": "own_request", "team": "not_asked", "none": "illegal_transition",
}  # fmt: skip
STATUS = {"role": 403, "not": 404, "own": 403, "team": 403, "none": 409}
CASES = [(line, way) for line, ways in WAYS.items() for way in ways]
IDS = [f"{line}: {way.kind} {way.method} {way.rule.split('<any')[0]}".replace("  ", " ") for line, way in CASES]


@pytest.fixture(scope="module")
def people(app: Flask) -> dict[str, Person]:
    """The table's people."""
    sessions = app.extensions["assent"].sessions
    make_catalogue_entry(sessions)
    make_tools(sessions)
    version = app.extensions["assent"].policies.load(SYSTEM, POLICY, "policies.yaml").stored.version
    assert version == 1, "the routes that name a version name the first"
    reviewers = {"not_asked": "sre", "stand_in": "sre", "requester": "dba", "asked": "dba", "away": "dba"}
    made = {name: make_person(sessions, f"The {name}", [Role.REVIEWER], [team]) for name, team in reviewers.items()}
    made |= {role.value: make_person(sessions, f"The {role.value}", [role]) for role in Role if role != Role.REVIEWER}
    make_absence(sessions, made["away"], made["stand_in"])
    return made


@pytest.fixture(scope="module", autouse=True)
def router(app: Flask, module_database_url: str) -> Iterator[None]:
    """A worker that routes texts."""
    with router_at_work(module_database_url, app.extensions["assent"]):
        yield


class Scene:
    """A request that asks `dba`, of a run that the requester started, and whatever else an act is done to."""

    def __init__(self, services: Services, people: dict[str, Person], line: str, way: Way) -> None:
        self._services, self._people = services, people
        sessions = services.sessions
        state = {"resume": RunState.PAUSED, "retry": RunState.FAILED}.get(way.rule.rsplit("/", 1)[-1])
        self.run = make_run(sessions, people["requester"], state or RunState.SUSPENDED)
        terms = Terms(name="dba", stages=(Stage(teams=("dba",), quorum=2),), deadline_seconds=4 * 3600)
        self.request = make_request(sessions, self.run, terms=terms)
        self.version = 1
        if prepare := getattr(self, f"_{line.replace(' ', '_')}", None):
            prepare()
        body: dict[str, Any] = {}
        if line in ("propose a grant", "see past approvals") and way.kind == "rest":
            body = grant_body(sessions)
            if way.rule.endswith("rehearsal"):
                body = {name: body[name] for name in ("workflow", "node", "kind", "environment", "pattern", "max_risk")}
        self.body = body
        grant = line.endswith("grant") or line.endswith("grants")
        self.values = {
            "request": self.request.id, "digest": self.request.digest, "run": self.run.id,
            "asked": people["asked"].id, "asked_mail": people["asked"].email,
            "later": f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%dT%H:%M}",
            "new_mail": f"{secrets.token_hex(8)}@example.org",
            "absence": self._absence(line),
            "grant": self._grant(line) if grant else "",
            "person": make_person(sessions).id if line == "manage people" else "",
            "slack_code": services.slack_people.new_code(SlackUser(f"U{secrets.token_hex(4)}")),
            "destination": make_destination(services).id if "destinations" in line else "",
            "now": datetime.now(UTC).isoformat(),
            "delivery": make_delivery(sessions, self.request).id if "deliver" in line else "",
            "lesson": make_lesson(sessions, self.request).id if "lesson" in line else "",
            "file": self._file(line, way) if " file" in line else "",
            "reason": self._reason() if line == "change a prepared reason" else "",
            "comment": self._said_at_a_line(line) if line.endswith("a comment") else "",
            "need": self._need() if line == "choose a workflow" else "",
        }  # fmt: skip

    def _absence(self, line: str) -> str:
        asked = self._people["asked"]
        if line == "end an absence of asked":
            return make_absence(self._services.sessions, asked).id
        if line == "confirm an absence of asked":
            # Far ahead, so that those of other scenes do not overlap.
            begins = datetime.now(UTC) + timedelta(minutes=secrets.randbelow(10**8))
            times = {"starts_at": begins, "ends_at": begins + timedelta(seconds=1)}
            return make_absence(self._services.sessions, asked, confirmed_at=None, **times).id
        return ""

    def _file(self, line: str, way: Way) -> str:
        """A file of the requester's: one whose part is sent, or an empty one, which is complete as it is."""
        requester, size = self._people["requester"].as_actor(Via.PAGE), len(PART) if way.method == "PUT" else 0
        file = self._services.files.begin(requester, "orders.csv", size)
        if line in ("look at a file of the run", "see what comes from a file", "delete a file and its runs"):
            with self._services.sessions.begin() as session:
                session.add(FileUse(run_id=self.run.id, file_id=file.id))
        if way.kind == "page" or way.method == "GET":
            self._services.files.complete(requester, file.id)
        return file.id

    def _said_at_a_line(self, line: str) -> str:
        """A comment at a line; resolved, if it is to be reopened."""
        checkpoints, asked = self._services.checkpoints, self._people["away"].as_actor(Via.PAGE)
        comment = checkpoints.comment(self.request.id, asked, "Why this?", place=CommentPlace(line=1))
        if line == "reopen a comment":
            checkpoints.settle_comment(self.request.id, comment.id, asked, resolve=True)
        return comment.id

    def _reason(self) -> str:
        return self._services.prepared_reasons.add(
            self._people["asked"].as_actor(Via.PAGE), "dba", ReasonUse.BOTH, secrets.token_hex(8)
        )  # fmt: skip

    def _need(self) -> str:
        """What the requester needs, routed."""
        requester, texts = self._people["requester"].as_actor(Via.PAGE), self._services.routed_texts
        need = texts.new_id()
        texts.ask(requester, "disk full on host app-7", need)
        RouterDesk(self._services.sessions, self._services.clock).answer_all()
        return need

    def _grant(self, line: str) -> str:
        sessions = self._services.sessions
        return make_grant(sessions, None, make_person(sessions) if line == "revoke a grant" else None).id

    def _take_a_decision_back(self) -> None:
        self._decided(Verdict.APPROVE)

    def _reopen_a_rejection(self) -> None:
        self._decided(Verdict.REJECT)

    def _release_the_claim_of_asked(self) -> None:
        self._services.checkpoints.claim(self.request.id, self._people["asked"].as_actor(Via.PAGE))

    def _confirm_a_policy(self) -> None:
        """A version that waits for a second person, whether or not an earlier scene's is in force by now."""
        text = approving(f'understood && risk.rank <= 1 && tool == "{secrets.token_hex(8)}"')
        self.version = self._services.policies.load(SYSTEM, text, "policies.yaml").stored.version

    def _review_a_sample(self) -> None:
        with self._services.sessions.begin() as session:
            session.add(
                DecisionSample(
                    request_id=self.request.id, policy_version=1, rule="R", verdict="approve",
                    drawn_at=datetime.now(UTC),
                )
            )  # fmt: skip

    def _decided(self, verdict: Verdict) -> None:
        actor = self._people["asked"].as_actor(Via.PAGE)
        ballot = Ballot(verdict, self.request.digest, comment="So be it.")
        self._services.checkpoints.decide(self.request.id, actor, ballot)

    def fill(self, value: Any) -> Any:
        """The value with what was prepared in the place of names in braces."""
        if isinstance(value, str):
            return value.format(**self.values) if value != "{policy}" else POLICY
        return {key: self.fill(item) for key, item in value.items()} if isinstance(value, dict) else value

    def path(self, rule: str) -> str:
        """The address of a route about this scene."""
        names = {"/grants/": "grant", "/lessons/": "lesson", "/absences/": "absence"}
        name = next((name for part, name in names.items() if part in rule), "person")
        about = self.values["request"] if "/approvals/" in rule or "/samples/" in rule else self.values["run"]
        if name in names.values() or "/people/" in rule:
            about = self.values[name]
        about = self.values["file"] or self.values["need"] or about
        act = "cancel" if rule.startswith("/requests") else "approve" if "approve, decline" in rule else "pause"
        act = "off" if "edit, off" in rule else "change" if "change, remove" in rule else act
        given = {
            "<uuid:id>": about, "<request_id>": self.values["request"], "<run_id>": self.values["run"],
            "<uuid:comment_id>": self.values["comment"], "<file_id>": self.values["file"],
            "<reason_id>": self.values["reason"] or "none",
            "<lesson_id>": self.values["lesson"],
            "<grant_id>": self.values["grant"], "<absence_id>": self.values["absence"],
            "<person_id>": self.values["person"], "<destination_id>": self.values["destination"],
            "<hex:id>": self.values["destination" if "/destinations/" in rule else "delivery"],
            "<need_id>": self.values["need"], "<delivery_id>": self.values["delivery"],
            "<workflow>": "test_gate", "<key>": "nothing", "<path:name>": "none",
            "<int:number>": str(self.version), "<int:version>": str(self.version),
            "<sign_in_id>": "nobodys", "<view_id>": "none",
            "<uuid:session_id>": str(uuid.UUID(int=0)),
            "<agent:agent>": "claude-code", "<token_id>": "none", "<name>": "open_approval",
            "<rule_id>": "sql.delete.no_where", "<tool_name>": "count_rows",
        }  # fmt: skip
        path = f"{rule}?offset=0" if rule == "/api/v1/files/<uuid:id>/content" else rule
        if "<any(" in path:
            begin, end = path.index("<any("), path.index(":act>") + 5
            path = path[:begin] + ("decline" if "(decline, revoke)" in rule else act) + path[end:]
        for part, value in given.items():
            path = path.replace(part, value)
        return path


@pytest.fixture
def fresh(app: Flask, people: dict[str, Person]) -> Callable[[str, Way], Scene]:
    """Prepares what an act is done to."""
    return lambda line, way: Scene(app.extensions["assent"], people, line, way)


def test_the_table_names_every_route(app: Flask) -> None:
    routes = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    named = {(way.method, way.rule) for _, way in CASES if way.kind in ("page", "rest")}
    assert routes == named | OPEN | access.ONLY_BACK


def test_the_table_names_every_message(app: Flask) -> None:
    handlers = set(app.extensions["socketio"].server.handlers["/"]) - {"connect", "disconnect"}
    assert handlers == {way.rule for _, way in CASES if way.kind == "socket"}


def test_the_table_names_every_command_on_requests() -> None:
    named = {way.rule.split()[0] for _, way in CASES if way.kind == "command"}
    assert set(approvals.commands) == named | OPERATORS


def test_every_line_has_a_way_and_every_way_a_line() -> None:
    assert set(TABLE) == set(WAYS)
    assert [line for line, ways in WAYS.items() if not ways] == []


def tried() -> Iterator[Any]:
    """Each way and each of the people; at a developer's desk one of those who get the same answer, in turns."""
    for turn, ((line, way), name) in enumerate(zip(CASES, IDS, strict=True)):
        alike: dict[str, list[str]] = {}
        for who in PEOPLE:
            alike.setdefault(TABLE[line][who], []).append(who)
        for people in alike.values():
            for who in people if IN_CI else (people[turn % len(people)],):
                yield pytest.param(line, way, who, id=f"{name}-{who}")


def test_each_answer_of_each_line_is_tried() -> None:
    answers = {(line, answer) for line, of_people in TABLE.items() for answer in of_people.values()}
    assert {(line, TABLE[line][who]) for line, _, who in (case.values for case in tried())} == answers
    assert {who for _, _, who in (case.values for case in tried())} == set(PEOPLE)


@pytest.mark.parametrize(("line", "way", "who"), list(tried()))
def test_everybody(
    line: str, way: Way, who: str, app: Flask, people: dict[str, Person], fresh: Callable[[str, Way], Scene],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scene, wanted = fresh(line, way), TABLE[line][who]
    before = stored(app, scene.request)
    {"page": _page, "rest": _rest, "socket": _socket, "command": _command}[way.kind](
        app, people[who], way, scene, wanted, monkeypatch
    )
    if wanted != "yes":
        assert stored(app, scene.request) == before, "it was refused, and something happened all the same"


@pytest.mark.parametrize(("line", "way"), [case for case in CASES if case[1].kind != "command"], ids=lambda case: "")
def test_nobody(line: str, way: Way, app: Flask, fresh: Callable[[str, Way], Scene]) -> None:
    scene, visitor = fresh(line, way), Caller(app, None)
    before = stored(app, scene.request)
    if way.kind == "socket":
        assert not app.extensions["socketio"].test_client(app, flask_test_client=visitor.client).is_connected()
    elif way.kind == "rest":
        body = None if way.method in ("GET", "DELETE") else scene.fill(way.body) | scene.body
        answer = visitor.client.open(scene.path(way.rule), method=way.method, json=body)
        assert (answer.status_code, answer.json["code"]) == (401, "not_signed_in")
    else:
        answer = visitor.client.open(scene.path(way.rule), method=way.method, data=scene.fill(way.body))
        # A form without a session has no token either, and is refused for that.
        assert answer.status_code == 400 if way.method == "POST" else "/sign-in" in answer.headers["Location"]
    assert stored(app, scene.request) == before


def stored(app: Flask, request: ApprovalRequest) -> tuple[int, str]:
    """The version of a request, which every change raises, and its state."""
    with app.extensions["assent"].sessions() as session:
        found = session.get_one(ApprovalRequest, request.id)
        return found.version, found.state


def _page(app: Flask, person: Person, way: Way, scene: Scene, wanted: str, _patch: pytest.MonkeyPatch) -> None:
    caller = Caller(app, person)
    if way.method == "GET":
        answer = caller.get(scene.path(way.rule))
    else:
        answer = caller.post(scene.path(way.rule), data=scene.fill(way.body))
    if wanted == "yes":
        # What a page needs besides leave may be missing, such as a suggestion; refused it is not.
        assert answer.status_code in (200, 204, 303, 404, 409), answer.text
        assert answer.status_code != 409 or "/grants/" in way.rule, answer.text
        assert answer.status_code != 404 or way.rule.endswith(
            (
                "<path:name>",
                "<key>",
                "/artifacts",
                "<token_id>/revoke",
                "<token_id>/confirm",
                "<token_id>/decline",
                "<browser_id>/remove",
            )
        ), answer.text
        assert "/sign-in" not in answer.headers.get("Location", "") or way.rule.endswith("/sign-out")
    else:
        assert answer.status_code == STATUS[wanted], answer.text


def _rest(app: Flask, person: Person, way: Way, scene: Scene, wanted: str, _patch: pytest.MonkeyPatch) -> None:
    caller, path = Caller(app, person), scene.path(way.rule)
    if way.method == "GET":
        answer = caller.get(path)
    elif way.method == "DELETE":
        answer = caller.client.delete(path, headers=caller.headers)
    elif way.method == "PUT":
        answer = caller.client.put(path, data=PART, content_type="application/octet-stream", headers=caller.headers)
    else:
        answer = caller.post(path, scene.fill(way.body) | scene.body)
    if wanted == "yes":
        kind = "text/plain" if way.rule == "/metrics" else "application/json"
        kind = "application/octet-stream" if way.rule.endswith("/content") and way.method == "GET" else kind
        assert (answer.status_code in (200, 201), answer.mimetype) == (True, kind), answer.text
    else:
        assert (answer.status_code, answer.json["code"]) == (STATUS[wanted], CODES[wanted])
        assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"


def _socket(app: Flask, person: Person, way: Way, scene: Scene, wanted: str, _patch: pytest.MonkeyPatch) -> None:
    client: SocketIOTestClient = app.extensions["socketio"].test_client(
        app, flask_test_client=Caller(app, person).client
    )
    try:
        answer = client.emit(way.rule, scene.fill(way.body), callback=True)
    finally:
        client.disconnect()
    assert answer["ok"] == (wanted == "yes"), answer
    assert wanted == "yes" or answer["problem"]["code"] == CODES[wanted]


def _command(app: Flask, person: Person, way: Way, scene: Scene, wanted: str, patch: pytest.MonkeyPatch) -> None:
    patch.setenv(
        "ASSENT_DATABASE_URL",
        app.extensions["assent"].engine.url.render_as_string(hide_password=False).replace("+psycopg", ""),
    )
    patch.setenv("ASSENT_SECRET_KEY", "x" * 40)
    words = ["approvals", *(scene.fill(part) for part in way.rule.split()), "--as", person.email]
    if wanted == "yes":
        cli.main(words, prog_name="assent", standalone_mode=False)
    else:
        with pytest.raises(AssentError) as refusal:
            cli.main(words, prog_name="assent", standalone_mode=False)
        assert refusal.value.code == CODES[wanted]
