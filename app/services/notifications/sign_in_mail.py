"""Sign-in links that people ask for themselves, by email.

Nobody learns whether an address belongs to an account: the web process does not look. It only counts, and leaves a job
to a worker, in one statement that is the same for all addresses. The worker looks for the account and sends the link.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.domain.links import hashed, sign_in_token
from app.domain.networks import address_of, client_key
from app.domain.notices import Channel, NoticeKind
from app.domain.people import Actor, Via
from app.domain.text import storable
from app.services.clock import Clock
from app.services.notifications.delivery_rows import DeliveryPlan, new_row, write_in
from app.services.record.audit import record
from app.store.batch import execute
from app.store.engine import Sessions
from app.store.jobs import DEFER, END_ONE, sign_in_job
from app.store.notify import Delivery
from app.store.people import Person, SignInLink

LINK_LIFETIME = timedelta(minutes=15)
BY_ADDRESS, BY_ACCOUNT = 30, 3
"""How many links can be asked for within `WINDOW_MINUTES` from one network address, and for one email address."""
WINDOW_MINUTES = 15
MOST_AN_HOUR = 10
"""How many links one account gets in an hour, however they were asked for."""
_OVER = "taken > case when caller = %(address)s then %(by_address)s else %(by_account)s end"
_ASK = f"""
    with counted as (
        insert into rate_windows as held (caller, began_at, taken)
        select caller, now(), 1 from unnest(array[%(address)s, %(account)s]) as caller order by 1
        on conflict (caller) do update set
            began_at = case when held.began_at > now() - interval '{WINDOW_MINUTES} minutes' then held.began_at
                else now() end,
            taken = case when held.began_at > now() - interval '{WINDOW_MINUTES} minutes' then held.taken
                else 0 end + 1
        returning caller, taken, {60 * WINDOW_MINUTES} - extract(epoch from now() - began_at) as seconds)
    select (select ceil(seconds)::integer from counted where caller = %(address)s and {_OVER}) as wait,
        {DEFER.format(where=f"where not exists (select from counted where {_OVER})")} as deferred"""
_TIDY = text("delete from rate_windows where caller like 'sign-in:%' and began_at < now() - interval '1 hour'")
_END = text(END_ONE)


class SignInMail:
    """Takes what people ask for, and answers it."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    def ask(self, email: str, source: str) -> int:
        """Have a link sent to the address, if there is an active account with it.

        Args:
            source: the network address from which it is asked for.

        Returns:
            Seconds to wait if too many were asked for from that network address; else 0, also if too many were asked
            for with that email address, in which case nothing is sent.
        """
        wanted, client = storable(email.strip().lower()), address_of(source.partition(",")[0])
        values = {
            "address": f"sign-in:address:{client_key(client) if client is not None else ''}",
            "account": f"sign-in:account:{hashlib.sha256(wanted.encode()).hexdigest()}",
            "by_address": BY_ADDRESS, "by_account": BY_ACCOUNT, "jobs": sign_in_job(wanted, source, self._clock()),
        }  # fmt: skip
        return int(execute(self._sessions, _ASK, values)["wait"] or 0)

    def answer(self, email: str, source: str, asked_at: datetime, job_id: int | None = None) -> bool:
        """Plan the email with the link, if the address belongs to an active account, and end the job.

        Returns:
            Whether there will be an email.
        """
        now = self._clock()
        with self._sessions.begin() as session:
            session.execute(_TIDY)
            if job_id is not None:
                session.execute(_END, {"id": job_id})
            person = _owner(session, email) if now - asked_at < LINK_LIFETIME else None
            if person is None or _sent_lately(session, person.id, now) >= MOST_AN_HOUR:
                return False
            row = new_row(
                f"sign-in:{uuid.uuid4().hex}", NoticeKind.SIGN_IN, Channel.MAIL, now, person_id=person.id,
                address=person.email, link_expires_at=now + LINK_LIFETIME,
            )  # fmt: skip
            write_in(session, [DeliveryPlan(row)])
            stranger = Actor(kind="unknown", id="", name="Somebody not signed in", via=Via.PAGE, source=source)
            record(session, stranger, "person.link_asked", now, person=person.name, person_id=person.id)
            return True


def ready_link(session: Session, delivery: Delivery, secret_key: str) -> str:
    """The token of the link in this email, which works once from now on; the same for each attempt to send it."""
    token = sign_in_token(secret_key, delivery.id)
    values = {
        "token_hash": hashed(token), "person_id": delivery.person_id,
        "expires_at": delivery.link_expires_at or delivery.created_at,
    }  # fmt: skip
    session.execute(insert(SignInLink).values(values).on_conflict_do_nothing())
    return token


def _owner(session: Session, email: str) -> Person | None:
    return session.scalar(select(Person).where(func.lower(Person.email) == email.lower(), Person.active))


def _sent_lately(session: Session, person_id: str, now: datetime) -> int:
    query = select(func.count()).where(
        Delivery.person_id == person_id, Delivery.kind == NoticeKind.SIGN_IN.value,
        Delivery.created_at > now - timedelta(hours=1),
    )  # fmt: skip
    return session.scalar(query) or 0
