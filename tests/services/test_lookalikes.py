"""Two active accounts that look the same are refused, whatever way one comes to be; those from before are reported."""

from __future__ import annotations

import threading

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from app.cli.main import cli
from app.domain.errors import InvalidInputError, LookalikeError
from app.domain.people import Actor, Role, Via
from app.services.bundle import Services, build_services
from app.store.engine import make_engine
from app.store.people import Person
from tests.factories import make_person

ROLES = [Role.REVIEWER]
FAKE = "\u0410da Lovelace"
"""With a Cyrillic A."""


@pytest.fixture
def services(database_url: str) -> Services:
    """The use cases."""
    engine = make_engine(database_url, pool_size=10)
    yield build_services(engine)
    engine.dispose()


@pytest.fixture
def admin(services: Services) -> Actor:
    """Who manages people."""
    return make_person(services.sessions, "Portal admin", [Role.ADMIN]).as_actor(Via.PAGE)


@pytest.fixture
def ada(services: Services, admin: Actor) -> Person:
    """Who is imitated."""
    return services.people.add(admin, "Ada Lovelace", "ada@example.org", ROLES)


@pytest.mark.parametrize(
    ("name", "email", "field"),
    [(FAKE, "other@example.org", "name"), ("ADA LOVELACE", "other@example.org", "name"),
     ("Somebody", "\u0430da@example.org", "email"), ("Somebody", "ada@ex\u0430mple.org", "email")],
)  # fmt: skip
def test_an_account_that_looks_the_same_is_not_added(services, admin, ada, name: str, email: str, field: str) -> None:
    with pytest.raises(LookalikeError) as refused:
        services.people.add(admin, name, email, ROLES)
    assert list(refused.value.extra["fields"]) == [field] and "ada@example.org" in str(refused.value.extra)


def test_nobody_is_renamed_or_comes_back_as_somebody_else(services, admin, ada) -> None:
    other = services.people.add(admin, "Somebody", "other@example.org", ROLES)
    with pytest.raises(LookalikeError):
        services.people.change(admin, other.id, FAKE, ROLES, [], active=True)
    services.people.change(admin, other.id, FAKE, ROLES, [], active=False)
    with pytest.raises(LookalikeError):
        services.people.change(admin, other.id, FAKE, ROLES, [], active=True)
    services.people.change(admin, ada.id, ada.name, ROLES, [], active=False)
    services.people.change(admin, other.id, FAKE, ROLES, [], active=True)
    services.people.change(admin, other.id, f"{FAKE}!", ROLES, [], active=True)


def test_of_two_at_once_one_is_added(services, admin) -> None:
    outcomes: list[bool] = []

    def add(number: int) -> None:
        try:
            services.people.add(admin, "Grace Hopper" if number % 2 else "Gr\u0430ce Hopper", f"g{number}@x.org", ROLES)
            outcomes.append(True)
        except LookalikeError:
            outcomes.append(False)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False] * 5 + [True]


def test_accounts_from_before_are_reported_and_can_be_used_and_changed(
    services, admin, ada, database_url, monkeypatch
) -> None:
    assert services.people.lookalikes(admin) == []
    other = make_person(services.sessions, "Somebody")
    with services.sessions.begin() as session:
        session.execute(update(Person).where(Person.id == other.id).values(name=FAKE))
    [(one, two)] = services.people.lookalikes(admin)
    assert {one.id, two.id} == {ada.id, other.id}
    changed = services.people.change(admin, other.id, FAKE, [Role.VIEWER], ["dba"], active=True)
    assert changed.roles == ["viewer"]
    monkeypatch.setenv("ASSENT_DATABASE_URL", database_url)
    told = CliRunner().invoke(cli, ["user", "lookalikes"])
    assert told.exit_code == 0 and "ada@example.org" in told.stdout and other.email in told.stdout
    services.people.change(admin, other.id, "Somebody else", ROLES, [], active=True)
    assert services.people.lookalikes(admin) == []


def test_names_have_joiners_where_their_script_needs_them(services, admin) -> None:
    name = "ک\u200cمال نامه\u200cای"
    assert services.people.add(admin, name, "kamal@example.org", ROLES).name == name
    with pytest.raises(LookalikeError):
        services.people.add(admin, name.replace("\u200c", ""), "other@example.org", ROLES)
    with pytest.raises(InvalidInputError):
        services.people.add(admin, "A\u200dda", "joined@example.org", ROLES)
