"""Refused sign-ins, tokens, and acts: on the audit log without secrets, limited, and in nobody else's way."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from app.domain.people import Actor, Role, Via
from app.domain.tokens import Scope, TokenKind, token_terms
from app.factory import create_app
from app.services import refusals
from app.services.bundle import Services
from app.settings import Settings
from app.store.people import Person
from app.store.record import AuditEntry
from tests.factories import Caller, close_app, make_person, make_token

LIMIT = 5
HERE, ELSEWHERE = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def make_app(module_database_url: str, tmp_path: Path) -> Iterator[Callable[[], Flask]]:
    """Makes web processes on one database, as far as counting is concerned."""
    made: list[Flask] = []

    def make() -> Flask:
        settings = Settings(
            database_url=module_database_url, data_dir=tmp_path, secret_key="k" * 40, refusals_per_minute=LIMIT
        )
        made.append(create_app(settings.model_copy(update={"async_mode": "threading"})))
        return made[-1]

    yield make
    for app in made:
        close_app(app)


@pytest.fixture
def app(make_app: Callable[[], Flask]) -> Flask:
    """A web process."""
    return make_app()


@pytest.fixture
def services(app: Flask) -> Services:
    """Its use cases, over counts that begin at none."""
    made: Services = app.extensions["assent"]
    with made.sessions.begin() as session:
        session.execute(text("delete from rate_windows"))
    return made


@pytest.fixture
def admin(services: Services) -> Person:
    """Who makes links and tokens."""
    return make_person(services.sessions, "Portal admin", [Role.ADMIN])


def ask(app: Flask, path: str, method: str = "GET", source: str = HERE, **headers: str) -> TestResponse:
    """A call from an address."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(path, method=method, headers=names, environ_base={"REMOTE_ADDR": source})


def with_token(app: Flask, token: str, source: str = HERE) -> TestResponse:
    """A call with a token."""
    return ask(app, "/api/v1/approvals", source=source, Authorization=f"Bearer {token}")


def lines(services: Services, action: str, **detail: Any) -> list[AuditEntry]:
    """The audit log's lines of that kind, oldest first."""
    services.refusals.flush()
    with services.sessions() as session:
        found = session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.seq))
        return [entry for entry in found if detail.items() <= entry.detail.items()]


def until_over(act: Callable[[], TestResponse], before: int) -> TestResponse:
    """Do it until it is refused for being done too often; before that it is refused with `before`."""
    for _ in range(LIMIT):
        assert act().status_code == before
    answer = act()
    assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 60
    return answer


def token_of(services: Services, person: Person) -> tuple[str, str]:
    """A token of the person's own, and its id."""
    terms = token_terms(TokenKind.PERSON, "Script", ["approvals:read"], 7)
    token, view = services.tokens.make(person.as_actor(Via.PAGE), terms, person.id)
    return token, view.id


def test_tokens_that_are_none_are_counted_by_address_across_processes(
    app: Flask, make_app: Callable[[], Flask], services: Services, admin: Person
) -> None:
    guess = f"assent_person_{secrets.token_hex(20)}"
    problem = until_over(lambda: with_token(app, guess), before=401).get_json()
    assert problem["code"] == "too_many_attempts" and problem["retry_after"] <= 60
    assert with_token(make_app(), guess).status_code == 429, "another process counts on"
    assert with_token(app, guess, source=ELSEWHERE).status_code == 401, "another address begins at none"
    first, *others = lines(services, "access.token_refused", reason="unknown")
    [more] = [other for other in others if "times" in other.detail]
    assert (first.actor_kind, first.source, first.via) == ("unknown", HERE, "api")
    assert "times" not in first.detail and more.detail["times"] == LIMIT
    assert guess not in repr([line.detail for line in lines(services, "access.token_refused")])


@pytest.mark.parametrize(("seconds", "status"), [(55, 429), (61, 401)])
def test_a_minute_begins_with_the_first_refusal_whatever_the_clock_shows(
    app: Flask, make_app: Callable[[], Flask], services: Services, seconds: int, status: int
) -> None:
    until_over(lambda: with_token(app, "nonsense"), before=401)
    with services.sessions.begin() as session:
        session.execute(
            text("update rate_windows set began_at = began_at - make_interval(secs => :seconds)"), {"seconds": seconds}
        )
    assert with_token(make_app(), "nonsense").status_code == status


def test_a_good_token_and_session_are_taken_from_an_address_over_the_limit(
    app: Flask, services: Services, admin: Person
) -> None:
    person = make_person(services.sessions, "Same office")
    known, _ = token_of(services, person)
    new, _ = token_of(services, person)
    link = services.people.make_link(admin.as_actor(Via.PAGE), person.id)
    assert with_token(app, known).status_code == 200
    until_over(lambda: with_token(app, "nonsense"), before=401)
    for number in range(refusals.LOOKUPS_PER_SECOND * 3):
        assert with_token(app, f"nonsense {number}").status_code == 429
        assert with_token(app, known).status_code == 200
    assert with_token(app, new).status_code == 200, "no guess takes its place"
    assert ask(app, f"/sign-in/{link}").status_code == 200
    caller = Caller(app, person)
    assert caller.client.get("/queue", environ_base={"REMOTE_ADDR": HERE}).status_code == 200


def test_dead_credentials_of_an_account_are_counted_wherever_they_come_from(
    app: Flask, services: Services, admin: Person
) -> None:
    person = make_person(services.sessions, "Somebody")
    token, token_id = token_of(services, person)
    services.tokens.revoke(person.as_actor(Via.PAGE), token_id)
    sources = iter(f"192.0.2.{number}" for number in range(1, 200))
    until_over(lambda: with_token(app, token, source=next(sources)), before=401)
    link = services.people.make_link(admin.as_actor(Via.PAGE), person.id)
    services.people.redeem_link(link, HERE)
    assert ask(app, f"/sign-in/{link}", source=next(sources)).status_code == 429, "it is the same account"
    fresh, _ = token_of(services, person)
    assert with_token(app, fresh, source=next(sources)).status_code == 200, "the person is not locked out"
    [first, *_more] = lines(services, "access.token_refused", reason="revoked", account="Somebody")
    assert token not in repr(first.detail)


def test_sign_in_links_that_are_none_are_refused_and_counted(app: Flask, services: Services, admin: Person) -> None:
    guess = secrets.token_urlsafe(32)
    answer = until_over(lambda: ask(app, f"/sign-in/{guess}"), before=404)
    assert "Try again in" in answer.get_data(as_text=True)
    [first, *more] = lines(services, "access.sign_in_failed", reason="unknown")
    assert first.detail["route"] == "/sign-in/<token>" and len(more) == 1
    assert guess not in repr([entry.detail for entry in (first, *more)])


def test_links_that_decide_and_signatures_of_slack_are_counted_too(app: Flask, services: Services) -> None:
    until_over(lambda: ask(app, "/decide/nonsense"), before=404)
    assert lines(services, "access.link_refused")


def test_what_is_forbidden_is_noted_and_does_not_stop_what_is_not(app: Flask, services: Services) -> None:
    viewer = make_person(services.sessions, "Curious viewer", [Role.VIEWER])
    caller = Caller(app, viewer)
    until_over(lambda: caller.client.get("/people", environ_base={"REMOTE_ADDR": HERE}), before=403)
    assert caller.client.get("/queue", environ_base={"REMOTE_ADDR": HERE}).status_code == 200
    [first, *more] = lines(services, "access.forbidden", route="/people")
    assert (first.actor_id, first.source, first.detail["reason"]) == (viewer.id, HERE, "forbidden")
    assert [entry.detail["times"] for entry in more] == [LIMIT]


def test_a_scope_that_is_missing_is_noted_with_the_token(app: Flask, services: Services) -> None:
    agent = make_token(app, make_person(services.sessions), TokenKind.AGENT, [Scope.APPROVALS_REQUEST], name="Script")
    assert ask(app, "/api/v1/policies", Authorization=f"Bearer {agent}").status_code == 403
    [line] = lines(services, "access.forbidden", reason="insufficient_scope")
    assert (line.actor_kind, line.actor_name) == ("agent", "Script") and line.source.startswith(f"{HERE}, token ")


def test_a_flood_from_many_addresses_writes_few_lines_and_rows(
    app: Flask, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "MOST_COUNTED", 40)
    with services.sessions() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry))
    statuses = [with_token(app, "nonsense", source=f"2001:db8:{number:x}::1").status_code for number in range(200)]
    assert set(statuses) == {401, 429}
    services.refusals.flush()
    with services.sessions() as session:
        after = session.scalar(select(func.count()).select_from(AuditEntry))
        rows = session.execute(text("select count(*) from rate_windows where caller like 'refused:%'")).scalar_one()
    assert after - before <= refusals.MOST_LINES + 5 and rows <= 40
    [together] = lines(services, "access.token_refused", reason="several")[-1:]
    assert together.detail["times"] >= 100


def test_nobody_who_makes_many_lines_keeps_others_off_the_audit_log(services: Services) -> None:
    kept = refusals.Refusals(services.sessions, services.clock)
    action = refusals.RefusedAction.TOKEN
    insider = make_person(services.sessions, "Insider").as_actor(Via.API, ELSEWHERE)

    def refused(actor: Actor, route: str) -> None:
        kept.note(refusals.Refusal(action, "unknown", actor, route), 0)

    def stranger(source: str) -> Actor:
        return Actor(kind="unknown", id="", name="Somebody not signed in", via=Via.API, source=source)

    def found(source: str) -> list[AuditEntry]:
        return [line for line in lines(services, action) if line.source == source]

    before = len(lines(services, action))
    for number in range(3 * refusals.MOST_LINES):
        refused(stranger(f"2001:db8::{number:x}"), f"/one/{number}")
    refused(stranger("192.0.2.77"), "/another")
    assert found("192.0.2.77"), "one network took all lines"
    for number in range(3 * refusals.MOST_LINES):
        refused(stranger(f"2001:db8:{number:x}::1"), "/many")
        refused(insider, f"/inside/{number}")
    kept.flush()
    by_insider = [line for line in lines(services, action) if line.actor_id == insider.id]
    assert by_insider[0].source == ELSEWHERE and len(by_insider) == refusals.LINES_EACH + 2
    assert by_insider[-1].detail["times"] == 3 * refusals.MOST_LINES - refusals.LINES_EACH - 1
    assert [entry.detail["reason"] for entry in found("2001:db8::/64")] == ["several", "several"]
    assert len(lines(services, action)) - before <= refusals.MOST_LINES + 2 * refusals.LINES_EACH


def test_many_at_once_are_counted_without_deadlocks(app: Flask, services: Services) -> None:
    person = make_person(services.sessions, "Somebody")
    token, token_id = token_of(services, person)
    services.tokens.revoke(person.as_actor(Via.PAGE), token_id)
    seen: list[int] = []

    def call(number: int) -> None:
        seen.append(with_token(app, token, source=f"192.0.2.{number % 3}").status_code)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {401, 429} and seen.count(401) <= LIMIT + 8


def test_what_a_process_beside_refuses_is_counted_and_kept_here(app: Flask, services: Services) -> None:
    """It ends when it has nothing to do, and knows nothing of what was refused before it began."""
    heavy = {"proposal": {"title": "x" * 40_000}}
    before = len(lines(services, "access.token_refused"))
    guess = f"assent_person_{secrets.token_hex(20)}"

    def call(token: str) -> TestResponse:
        return app.test_client().post(
            "/api/v1/approvals", json=heavy, headers={"Authorization": f"Bearer {token}"},
            environ_base={"REMOTE_ADDR": HERE},
        )  # fmt: skip

    until_over(lambda: call(guess), before=401)
    assert with_token(app, guess).status_code == 429, "all count together"
    own = make_token(app, make_person(services.sessions), scopes=[Scope.AUDIT_READ])
    assert call(own).status_code == 429, "it is looked up, and refused once more"
    first, *more = lines(services, "access.token_refused")[before:]
    assert (first.source, first.actor_kind) == (HERE, "unknown")
    assert [entry.detail["times"] for entry in more] == [LIMIT + 1]
    assert lines(services, "access.forbidden", reason="insufficient_scope", route="/api/v1/approvals")
