"""Texts that people want routed: asked, read back with their answer, and corrected by what the person chose."""

from __future__ import annotations

import hashlib
import uuid

from sqlalchemy import select

from app.domain.errors import ForbiddenError, InvalidInputError, NotFoundError, NoWorkerError, TooLargeError
from app.domain.people import Action, Actor
from app.domain.text import storable
from app.services.clock import Clock
from app.store.engine import Sessions
from app.store.jobs import A_WORKER_LIVES
from app.store.routing import ROUTING_CHANNEL, Routing
from app.store.runs import CatalogueEntry
from assent.masking import mask_text
from assent.routing.names import WORKFLOWS
from assent.routing.text import corrected_key

LONGEST = 5_000
"""Characters of a text."""
SILENT_SECONDS = 30.0
"""Workers without a heartbeat for this time do not count as living."""
_ASK = f"""
    with made as (
        insert into routings (id, asker_id, asker_agent, text, key, asked_at, chosen)
        select %(id)s, %(asker)s, %(agent)s, %(text)s, %(key)s, %(now)s, '' where {A_WORKER_LIVES}
        on conflict (id) do nothing returning id)
    select pg_notify('{ROUTING_CHANNEL}', id) as told from made"""
_CHOOSE = """
    update routings set chosen = %(chosen)s, chosen_at = %(now)s
    where id = %(id)s and answered_at is not null returning id"""


class RoutedTexts:
    """What people ask the router. Each sees only their own texts."""

    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    @staticmethod
    def new_id(wanted: str = "") -> str:
        """Return an id for a text, by which its asker can wait for the answer."""
        return wanted or str(uuid.uuid4())

    def ask(self, actor: Actor, text: str, routing_id: str) -> None:
        """Store a text for a worker to route. With an id that exists already, nothing is done.

        Raises:
            ForbiddenError: The actor may not start runs.
            TooLargeError: The text is too long.
            NoWorkerError: No worker lives that could route it.
        """
        actor.require(Action.START_RUN)
        if not actor.id:
            raise ForbiddenError("Only accounts can have texts routed.")
        if len(text) > LONGEST:
            raise TooLargeError(f"A request has at most {LONGEST:,} characters; this one has {len(text):,}.")
        masked = storable(mask_text(text))
        values = {
            "id": routing_id, "asker": actor.id, "agent": actor.name if actor.kind == "agent" else "", "text": masked,
            "key": key_of(masked), "now": self._clock(), "silent": SILENT_SECONDS,
        }  # fmt: skip
        if not self._sessions.execute(_ASK, values) and self._find(routing_id) is None:
            raise NoWorkerError("No worker is running, so nobody can find a workflow for this. Choose one yourself.")

    def get(self, actor: Actor, routing_id: str) -> Routing:
        """Return a text of the actor's own, with its answer if there is one. Raises NotFoundError."""
        found = self._find(routing_id)
        agent = actor.name if actor.kind == "agent" else ""
        if found is None or found.asker_id != actor.id or (agent and found.asker_agent != agent):
            raise NotFoundError("There is no such request, or it is somebody else's.")
        return found

    def choose(self, actor: Actor, routing_id: str, workflow: str) -> Routing:
        """Store which workflow the person chose for a text, which the router follows for the same text from now on.

        Raises:
            NotFoundError: The actor has no such text.
            InvalidInputError: Neither the router nor the catalog knows the workflow, or nothing has been answered yet.
        """
        actor.require(Action.START_RUN)
        self.get(actor, routing_id)
        if not self._is_known(workflow):
            raise InvalidInputError("There is no such workflow.", {"workflow": "unknown"})
        values = {"id": routing_id, "chosen": workflow, "now": self._clock()}
        if not self._sessions.execute(_CHOOSE, values):
            raise InvalidInputError("This has not been answered yet.", {"workflow": "nothing to choose from yet"})
        return self.get(actor, routing_id)

    def _is_known(self, workflow: str) -> bool:
        if workflow in WORKFLOWS:
            return True
        with self._sessions.reads() as session:
            query = select(CatalogueEntry.name).where(CatalogueEntry.name == storable(workflow))
            return session.scalar(query) is not None

    def _find(self, routing_id: str) -> Routing | None:
        with self._sessions.reads() as session:
            return session.get(Routing, routing_id)


def key_of(masked: str) -> str:
    """Return the digest by which equal texts are found."""
    return hashlib.sha256(corrected_key(masked).encode(errors="replace")).hexdigest()
