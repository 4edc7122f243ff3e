"""Accounts, and signing in with single-use links."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from app.domain.errors import ConflictError, InvalidInputError, LinkError, LookalikeError, NotFoundError
from app.domain.hidden_characters import is_line
from app.domain.links import hashed
from app.domain.lookalikes import clashes, look_the_same
from app.domain.people import NOBODY_ELSE, Action, Actor, Role
from app.domain.preferences import Preferences
from app.domain.text import TEAM_SLUG, is_email, is_storable
from app.services.approvals.decisions.departures import settle_departures
from app.services.clock import Clock
from app.services.people.sessions import SignedIn, begin, end_all_of, end_links_of
from app.services.record.audit import record
from app.services.record.exports import ExportFormat, ListExport, exported
from app.store.engine import Sessions
from app.store.people import Person, SignInLink, Team, TeamMember
from assent.visible import shows

_LOOKALIKES = 0x61737365_6C6F6F6B
"""Key of the advisory lock under which names and addresses are compared with all others."""
LINK_LIFETIME = timedelta(minutes=30)


@dataclass(frozen=True)
class LinkPreview:
    """What the page of a sign-in link shows before the button is pressed."""

    person_name: str


class People:
    """Adds and changes people and teams, creates sign-in links, and signs people in."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def add(self, actor: Actor, name: str, email: str, roles: Iterable[Role], teams: Iterable[str] = ()) -> Person:
        """Add a person.

        Raises:
            ForbiddenError: the actor may not manage people.
            InvalidInputError: a name or address is missing, or there is no role.
            ConflictError: the address is taken, or an active person's name or address looks the same.
        """
        actor.require(Action.MANAGE_PEOPLE)
        name, email, wanted = name.strip(), email.strip(), sorted({Role(role).value for role in roles})
        slugs = _slugs(teams)
        _check_person(name, wanted)
        if not is_email(email):
            raise InvalidInputError("A person needs an email address.", {"email": "This is not an email address."})
        with self._sessions.begin() as session:
            if session.scalar(select(Person.id).where(func.lower(Person.email) == email.lower())):
                raise ConflictError(f"There is already an account with the address {email}.")
            _refuse_lookalike(session, "", name, email)
            person_id = str(uuid.uuid4())
            session.execute(
                insert(Person).values(
                    id=person_id,
                    name=name,
                    email=email,
                    roles=wanted,
                    created_at=self._clock(),
                    **actor.makes_for(person_id).columns,
                )
            )
            _join(session, person_id, slugs)
            record(session, actor, "person.added", self._clock(), person=name, email=email, roles=wanted, teams=slugs)
            return session.get_one(Person, person_id)

    def change(
        self, actor: Actor, person_id: str, name: str, roles: Iterable[Role], teams: Iterable[str], active: bool
    ) -> Person:
        """Change a person's name, roles, teams, or state, effective from their next request on.

        A deactivated person is signed out everywhere. Claims and assignments of what they may no longer decide end,
        and their
        approvals of it stop counting. Reactivating an account counts as creating it, because its mailbox may belong to
        someone else by now. The audit log has the values before and after.

        Raises:
            ForbiddenError: the actor may not manage people.
            NotFoundError: there is no such person.
            InvalidInputError: no name or no role, or a team's name is not valid.
            ConflictError: no admin would be left, or an active person's name or address looks the same.
        """
        actor.require(Action.MANAGE_PEOPLE)
        name, wanted, slugs = name.strip(), sorted({Role(role).value for role in roles}), _slugs(teams)
        _check_person(name, wanted)
        with self._sessions.begin() as session:
            # Two people who remove each other's role at the same moment wait for each other here.
            admins = session.scalars(select(Person).where(Person.active).order_by(Person.id).with_for_update()).all()
            person = session.get(Person, person_id, with_for_update=True) if is_storable(person_id) else None
            if person is None:
                raise NotFoundError("There is no such person.")
            manages = active and Role.ADMIN.value in wanted
            if not manages and not any(Role.ADMIN.value in admin.roles for admin in admins if admin.id != person_id):
                raise ConflictError("This is the last active admin, who is needed to manage people.")
            before = _standing(person)
            if active and (name != person.name or not person.active):
                _refuse_lookalike(session, person.id, name, person.email)
            if person.active and not active:
                end_all_of(session, person_id)
                end_links_of(session, person_id, self._clock())
            if active and not person.active:
                revived = actor.makes_for(person_id).with_also(person.made)
                person.makers, person.made_by = sorted(revived.ids), revived.names
            person.name, person.roles, person.active = name, wanted, active
            session.execute(delete(TeamMember).where(TeamMember.person_id == person_id))
            _join(session, person_id, slugs)
            session.flush()
            session.refresh(person)
            after = _standing(person)
            if after != before:
                now = self._clock()
                record(session, actor, "person.changed", now, person=name, before=before, after=after)
                settle_departures(session, {person_id}, now)
            return person

    def lookalikes(self, actor: Actor) -> list[tuple[Person, Person]]:
        """Active people whose names or addresses look the same, such as accounts from before this was prevented.

        Raises:
            ForbiddenError: the actor may not manage people.
        """
        actor.require(Action.MANAGE_PEOPLE)
        people = {person.id: person for person in self.everybody() if person.active}
        names = clashes((person.id, person.name) for person in people.values())
        addresses = clashes((person.id, person.email) for person in people.values())
        return [(people[one], people[other]) for one, other in dict.fromkeys(names + addresses)]

    def teams(self) -> list[Team]:
        """All teams by slug."""
        with self._sessions() as session:
            return list(session.scalars(select(Team).order_by(Team.slug)))

    def by_email(self, email: str) -> Person:
        """The person with that address. Raises NotFoundError."""
        with self._sessions() as session:
            person = session.scalar(select(Person).where(func.lower(Person.email) == email.strip().lower()))
        if person is None:
            raise NotFoundError(f"Nobody has the address {email}.")
        return person

    def get(self, person_id: str) -> Person | None:
        """The active person with that id, or None."""
        with self._sessions() as session:
            person = session.get(Person, person_id)
        return person if person is not None and person.active else None

    def everybody(self) -> list[Person]:
        """All people by name."""
        with self._sessions() as session:
            return list(session.scalars(select(Person).order_by(Person.name)))

    def export(self, actor: Actor, form: ExportFormat) -> Iterator[str]:
        """All people as pieces of a file, by name. Raises ForbiddenError."""
        actor.require(Action.MANAGE_PEOPLE)
        slugs = func.string_agg(TeamMember.team_slug, aggregate_order_by(literal(", "), TeamMember.team_slug))
        teams = select(slugs).where(TeamMember.person_id == Person.id).scalar_subquery().label("teams")
        query = select(Person.id, Person.name, Person.email, Person.roles, teams, Person.active, Person.created_at)
        listed = ListExport("people", query, (Person.name, Person.id), newest_first=False)
        return exported(self._sessions, self._clock, actor, listed, form, {})

    def make_link(self, actor: Actor, person_id: str, lifetime: timedelta = LINK_LIFETIME) -> str:
        """A token that signs the person in once. Only its hash is stored. Raises NotFoundError, ForbiddenError.

        If its creator is not the account's creator, the account then counts as another person's.
        """
        actor.require(Action.MANAGE_PEOPLE)
        token = secrets.token_urlsafe(32)
        with self._sessions.begin() as session:
            person = session.get(Person, person_id)
            if person is None or not person.active:
                raise NotFoundError("There is no such person.")
            now = self._clock()
            session.execute(
                insert(SignInLink).values(
                    token_hash=hashed(token), person_id=person_id, expires_at=now + lifetime,
                    **actor.makes_for(person_id).columns,
                )
            )  # fmt: skip
            vouches = bool(person.makers) and not actor.persons & person.made.ids
            if vouches:
                person.makers = []
            record(session, actor, "person.link_made", now, person=person.name, vouches=vouches)
        return token

    def preview_link(self, token: str) -> LinkPreview:
        """Whom the link would sign in; changes nothing. Raises LinkError with the reason."""
        with self._sessions() as session:
            link = session.get(SignInLink, hashed(token))
            person = self._usable(link, session)
            return LinkPreview(person.name)

    def owner_of_link(self, token: str) -> str:
        """The id of the person whose sign-in link this is, used or not; empty if there is no such link."""
        with self._sessions.reads() as session:
            link = session.get(SignInLink, hashed(token))
            return link.person_id if link else ""

    def redeem_link(self, token: str, actor_source: str, browser: str = "", replacing: str = "") -> SignedIn:
        """Use the link and sign its person in. Of two concurrent attempts, one succeeds.

        Args:
            actor_source: network address.
            browser: in words, for the list of sessions.
            replacing: the previous session of the same browser, which ends.

        Raises:
            LinkError: it is unknown, used, or expired, or the account is not active.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            link = session.get(SignInLink, hashed(token))
            person, makers = self._usable(link, session, keep_active=True), link.made if link else NOBODY_ELSE
            used = session.execute(
                update(SignInLink)
                .where(SignInLink.token_hash == hashed(token), SignInLink.used_at.is_(None))
                .values(used_at=now)
            )
            if used.rowcount != 1:  # type: ignore[attr-defined]
                raise LinkError("This link has already been used. Ask for a new one.", reason="used")
            actor = Actor(kind="person", id=person.id, name=person.name, source=actor_source, makers=makers.counted)
            record(session, actor, "person.signed_in", now, browser=browser, link_made_by=makers.names or person.name)
            return begin(session, person, actor_source, browser, now, replacing, makers)

    def prefer(self, actor: Actor, wanted: Preferences) -> None:
        """Store the actor's preferences for pages."""
        chosen = {
            "time_zone": wanted.time_zone,
            "theme": wanted.theme.value,
            "density": wanted.density.value,
            "keys": "on" if wanted.keys else "off",
            "open_next": wanted.open_next.value,
        }
        with self._sessions.begin() as session:
            session.execute(update(Person).where(Person.id == actor.id).values(**chosen))

    def close_tour(self, actor: Actor) -> None:
        """Never show the tour to the actor again."""
        closing = update(Person).where(Person.id == actor.id, Person.tour_closed_at.is_(None))
        with self._sessions.begin() as session:
            session.execute(closing.values(tour_closed_at=self._clock()))

    def _usable(self, link: SignInLink | None, session: Session, keep_active: bool = False) -> Person:
        if link is None:
            raise LinkError("This link is not valid. Ask for a new one.", reason="unknown")
        if link.used_at is not None:
            raise _dead(link, session, "This link has already been used. Ask for a new one.", "used")
        if link.expires_at <= self._clock():
            raise _dead(link, session, "This link has expired. Ask for a new one.", "expired")
        # Deactivating the person waits for this transaction, and then ends the new session.
        person = session.get(Person, link.person_id, with_for_update={"read": True} if keep_active else None)
        if person is None or not person.active:
            raise _dead(link, session, "This account is not active.", "inactive")
        return person


def _dead(link: SignInLink, session: Session, words: str, reason: str) -> LinkError:
    person = session.get(Person, link.person_id)
    error = LinkError(words, reason=reason)
    error.account = (link.person_id, person.name if person is not None else "")
    return error


def _refuse_lookalike(session: Session, person_id: str, name: str, email: str) -> None:
    """Raise LookalikeError if another active person looks the same. Concurrent callers wait for this transaction."""
    session.execute(select(func.pg_advisory_xact_lock(_LOOKALIKES)))
    others = session.execute(select(Person.name, Person.email).where(Person.active, Person.id != person_id)).all()
    for other in others:
        if look_the_same(name, other.name):
            words = f"It looks the same as {other.name} ({other.email}). Add something that distinguishes them."
            raise LookalikeError("There is already an account whose name looks the same.", {"name": words})
        if look_the_same(email, other.email):
            words = f"It looks the same as {other.email}, the address of {other.name}."
            raise LookalikeError("There is already an account whose address looks the same.", {"email": words})


def _check_person(name: str, roles: list[str]) -> None:
    if not shows(name) or len(name) > 100 or not is_line(name):
        raise InvalidInputError(
            "A person needs a name of at most 100 characters.", {"name": "This is missing, too long, or not printable."}
        )
    if not roles:
        raise InvalidInputError("A person needs at least one role.", {"roles": "Choose at least one."})


def _slugs(teams: Iterable[str]) -> list[str]:
    """The teams' slugs, without duplicates, sorted. Raises InvalidInputError for names that a policy could not use."""
    slugs = sorted({team.strip() for team in teams} - {""})
    if wrong := [slug for slug in slugs if not TEAM_SLUG.fullmatch(slug)]:
        words = f"{wrong[0][:60]!r} is not a valid team name: use lowercase letters, digits, and hyphens, at most 60."
        raise InvalidInputError(words, {"teams": words})
    return slugs


def _join(session: Session, person_id: str, slugs: list[str]) -> None:
    for slug in slugs:
        if session.get(Team, slug) is None:
            session.execute(insert(Team).values(slug=slug, name=slug))
        session.execute(insert(TeamMember).values(team_slug=slug, person_id=person_id))


def _standing(person: Person) -> dict[str, object]:
    """A person's name, roles, teams, and state for the audit log."""
    teams = [team.slug for team in person.teams]
    return {"name": person.name, "roles": person.roles, "teams": teams, "active": person.active}
