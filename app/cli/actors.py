"""The services that commands use, and the person as whom a command acts."""

from __future__ import annotations

import getpass
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from app.cli.context import database_address
from app.domain.errors import ForbiddenError
from app.domain.people import Actor, Via
from app.services.bundle import Services, build_services
from app.services.clock import DatabaseClock
from app.services.files.rules import file_rules
from app.services.vault.ring import key_ring
from app.settings import Settings
from app.store.engine import make_engine
from app.store.migrate import check


@contextmanager
def use_cases() -> Iterator[tuple[Settings, Services]]:
    """Yield the settings and the services of a database, after checking that its schema fits this version.

    Raises:
        AssentError, EmbeddedError, SettingsError: The database cannot be reached or used, or the command is refused.
    """
    with database_address() as (settings, address):
        check(address)
        engine = make_engine(address, pool_size=2, application_name="assent command line")
        try:
            clock = DatabaseClock(engine)
            clock.try_to_read()
            yield settings, build_services(
                engine, clock, files=file_rules(settings), grace=settings.grace_span, ring=key_ring(settings)
            )
        finally:
            engine.dispose()


def acting(services: Services, email: str) -> Actor:
    """Return the person as whom the command acts. The services check their permissions as usual. Raises AssentError."""
    person = services.people.by_email(email)
    if not person.active:
        raise ForbiddenError(f"The account of {person.email} is not active.")
    return person.as_actor(Via.COMMAND_LINE, socket.gethostname())


def signed_in(services: Services, actor: Actor, link: str) -> Actor:
    """Return the actor as somebody who has just signed in with a link, which is then used. Raises AssentError.

    No session remains. Somebody else who made the link counts as a maker, as on pages.
    """
    token = link.strip().rstrip("/").rpartition("/")[2]
    if services.people.owner_of_link(token) != actor.id:
        raise ForbiddenError("This sign-in link is not valid, or it is not one of the person who decides.")
    session = services.people.redeem_link(token, actor.source, "the command line")
    fresh = replace(actor, authenticated_at=session.began_at, makers=session.makers.counted)
    services.sign_ins.end(fresh, session.id)
    return fresh


def operator() -> Actor:
    """Return the operator: anybody who has the database's address may do anything, and the audit log shows it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "somebody"
    return Actor(kind="system", id="", name=f"Command line ({name})", via=Via.COMMAND_LINE, source=socket.gethostname())
