"""Socket.IO: connections, rooms, and the messages of clients."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any
from uuid import UUID

import structlog
from flask import request
from flask_socketio import ConnectionRefusedError, SocketIO, emit, join_room, leave_room, rooms
from pydantic import Field

from app.connections import ENVIRON, Connection
from app.domain.errors import AssentError, NotFoundError, TooLargeError
from app.domain.people import Action, Actor, Via
from app.domain.weight import HandOver, light_only
from app.http.body import Input, PlainText, check_fields, check_json
from app.http.csrf import same_origin
from app.http.decisions import DecisionIn, decide
from app.http.errors import NotSignedInError, noted, problem_of
from app.http.identity import current_actor, current_sign_in, session_ends_at
from app.live.hub import NAMES, QUEUE_ROOM, message_of, request_room, rooms_of, team_room, user_room, workflow_room
from app.live.presence import Presence
from app.services.bundle import Services
from app.services.record import events
from app.settings import Settings

MAX_ROOMS = 50
"""Most runs and requests that one socket can follow at the same time."""
CATCH_UP_LIMIT = 500
TOO_HEAVY = "This is too large for Socket.IO. Use REST or the page instead."

log = structlog.get_logger("live")


class WorkflowIn(Input):
    """A reference to a run."""

    workflow_id: PlainText = Field(max_length=100)


class RequestIn(Input):
    """A reference to a request."""

    request_id: PlainText = Field(max_length=100)


class EditIn(RequestIn):
    """Whether the person is editing a request."""

    editing: bool


class CatchUpIn(Input):
    """The last position that the client has seen."""

    after: int = Field(ge=0, lt=2**63)


class SubmitIn(DecisionIn):
    """A decision with the id of its request."""

    request_id: PlainText = Field(max_length=100)


class Sockets:
    """The handlers of one application.

    Args:
        listen: called before a socket is accepted; returns once the listener is connected.
    """

    def __init__(
        self,
        socketio: SocketIO,
        services: Services,
        settings: Settings,
        presence: Presence,
        listen: Callable[[], None],
    ) -> None:
        self._socketio = socketio
        self._services = services
        self._settings = settings
        self._presence = presence
        self._listen = listen
        self._present: dict[str, tuple[str, float]] = {}
        """Session and its expiry (Unix time), by socket."""
        self._ended: deque[str] = deque(maxlen=1000)
        """Sessions that ended recently: one of their sockets may be connecting at this moment."""
        self._lock = threading.Lock()

    def register(self) -> None:
        """Register the handlers."""
        on = self._socketio.on
        on("connect")(self.connect)
        on("disconnect")(self.disconnect)
        for name in (
            "join_workflow", "leave_workflow", "request_workflow_update", "join_request", "leave_request",
            "edit_request", "catch_up", "submit_approval",
        ):  # fmt: skip
            on(name)(self._answering(name, getattr(self, name)))

    # Connections

    def connect(self, _auth: Any = None) -> None:
        """Accept people who are signed in and come from one of the portal's pages."""
        origin = request.headers.get("Origin")
        if origin is not None and not same_origin(origin, request.scheme, request.host, self._settings.public_url):
            if not self._settings.base_url:
                log.warning("a page at another address gets no updates; if it is the portal's own, set ASSENT_BASE_URL",
                            origin=origin[:200])  # fmt: skip
            raise ConnectionRefusedError("cross_origin")
        try:
            actor = current_actor(Via.SOCKET)
        except NotSignedInError:
            raise ConnectionRefusedError("not_signed_in") from None
        if not actor.may(Action.SEE):
            raise ConnectionRefusedError("forbidden")
        self._listen()
        sign_in = current_sign_in()
        with self._lock:
            if sign_in in self._ended:
                raise ConnectionRefusedError("not_signed_in")
            self._present[_sid()] = (sign_in, session_ends_at())
        self._admit()
        for room in (QUEUE_ROOM, user_room(actor.id), *map(team_room, sorted(actor.teams))):
            join_room(room)
        emit("dashboard_data", self._dashboard())

    def disconnect(self, _reason: Any = None) -> None:
        """Clean up after a closed socket."""
        with self._lock:
            self._present.pop(_sid(), None)
        connection: Connection | None = request.environ.get(ENVIRON)
        if connection is not None:
            connection.left(self._engine_sid())
        self._presence.gone(_sid())

    def _admit(self) -> None:
        """Mark the connection as that of a signed-in person, so that it can stay open."""
        connection: Connection | None = request.environ.get(ENVIRON)
        if connection is not None:
            connection.admit(self._engine_sid())

    def _engine_sid(self) -> str:
        """The Engine.IO session of this socket, which may move between connections."""
        return str(self._socketio.server.manager.eio_sid_from_sid(_sid(), "/"))

    # Messages of clients

    def join_workflow(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Follow a run; answered with `workflow_data`."""
        run_id = _uuid(check_fields(WorkflowIn, data).workflow_id, "run")
        document = self._workflow(run_id, actor)
        self._join(workflow_room(run_id))
        emit("workflow_data", document)
        return {"workflow": document}

    def leave_workflow(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Stop following a run."""
        leave_room(workflow_room(_uuid(check_fields(WorkflowIn, data).workflow_id, "run")))
        return {}

    def request_workflow_update(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Send the state of a run, as `workflow_data`."""
        document = self._workflow(_uuid(check_fields(WorkflowIn, data).workflow_id, "run"), actor)
        emit("workflow_data", document)
        return {"workflow": document}

    def join_request(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Follow a request, visible to others."""
        request_id = _uuid(check_fields(RequestIn, data).request_id, "request")
        view = self._services.views.request(request_id, actor)
        self._join(request_room(request_id))
        self._presence.join(_sid(), request_id, actor.id, actor.name)
        people = self._presence.people_at(request_id)
        return {"request_id": request_id, "state": view.state.value, "version": view.request.version, "people": people}

    def leave_request(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Stop following a request."""
        request_id = _uuid(check_fields(RequestIn, data).request_id, "request")
        leave_room(request_room(request_id))
        self._presence.leave(_sid(), request_id)
        return {}

    def edit_request(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Show or stop showing that the person is editing a request that they follow."""
        sent = check_fields(EditIn, data)
        self._presence.edit(_sid(), _uuid(sent.request_id, "request"), sent.editing)
        return {}

    def catch_up(self, actor: Actor, data: Any) -> dict[str, Any]:
        """The events of this socket's rooms since a position. If `complete` is false, there were too many: reload.

        Join first and catch up then: events in between arrive twice, with the same id.
        """
        after = check_fields(CatchUpIn, data).after
        with self._services.sessions() as session:
            missed = events.missed_since(session, after, CATCH_UP_LIMIT)
        mine = set(rooms())
        found = [
            {"name": NAMES[event.kind], "data": message_of(event)}
            for event in missed.events
            if mine.intersection(rooms_of(event))
        ]
        return {"events": found, "complete": missed.complete, "seq": missed.position}

    def submit_approval(self, actor: Actor, data: Any) -> dict[str, Any]:
        """Decide, as over REST; the person's other pages receive `approval_submitted`."""
        sent = check_fields(SubmitIn, data)
        request_id = _uuid(sent.request_id, "request")
        try:
            result = decide(self._services, actor, request_id, sent)
        except AssentError as error:
            emit("approval_submitted", {"status": "error", "request_id": request_id, "problem": _problem(error)})
            raise
        found = {
            "status": "success",
            "request_id": request_id,
            "verdict": sent.verdict.value,
            "state": result.request.state,
            "resolved": result.resolved,
            "words": result.words,
        }
        self._socketio.emit("approval_submitted", found, to=user_room(actor.id))
        return {"result": found}

    # Internals

    def check_sessions(self) -> None:
        """Disconnect the sockets of sessions that have expired, or have ended without notice."""
        with self._lock:
            present = dict(self._present)
        if not present:
            return
        now = self._services.clock().timestamp()
        ids = {sign_in for sign_in, _ in present.values()}
        living = self._services.sign_ins.living(ids, self._settings.session_idle)
        for sid, (sign_in, ends_at) in present.items():
            if sign_in not in living or now >= ends_at:
                self._put_out(sid)

    def session_ended(self, sign_in: str) -> None:
        """Disconnect the sockets of a session that any process has ended."""
        with self._lock:
            self._ended.append(sign_in)
            ended = [sid for sid, (of, _) in self._present.items() if of == sign_in]
        for sid in ended:
            self._put_out(sid)

    def _put_out(self, sid: str) -> None:
        """Remove a socket from its rooms, and disconnect it once its pending answer is sent."""
        with self._lock:
            self._present.pop(sid, None)
        server = self._socketio.server
        for room in server.rooms(sid):
            if room != sid:
                server.leave_room(sid, room)

        def later() -> None:
            self._socketio.sleep(0.5)
            server.disconnect(sid)

        self._socketio.start_background_task(later)

    def _answering(self, name: str, handler: Callable[[Actor, Any], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        """Wrap a handler: check the session, and acknowledge with its answer or the problem."""

        def handle(data: Any = None, *_more: Any) -> dict[str, Any]:
            try:
                check_json(data)
                with light_only():
                    return {"ok": True} | handler(current_actor(Via.SOCKET), data)
            except HandOver:
                return {"ok": False, "problem": _problem(TooLargeError(TOO_HEAVY))}
            except NotSignedInError as error:
                self._put_out(_sid())
                return {"ok": False, "problem": _problem(error)}
            except Exception as error:
                return {"ok": False, "problem": _problem(error)}

        handle.__name__ = name
        return handle

    def _dashboard(self) -> dict[str, Any]:
        with self._services.sessions() as session:
            seq = events.position(session)
        pending, capped = self._services.queue.pending_count()
        return {"seq": seq, "pending": pending, "capped": capped, "live_runs": self._services.runs.live_count()}

    def _workflow(self, run_id: str, actor: Actor) -> dict[str, Any]:
        with self._services.sessions() as session:
            seq = events.position(session)
        view = self._services.views.run(run_id, actor)
        return {
            "seq": seq,
            "workflow_id": run_id,
            "run_id": run_id,
            "state": view.state.value,
            "version": view.run.version,
            "steps": [{"node": step.node, "title": step.title, "state": step.state} for step in view.steps],
            "nodes": [{"id": node.id, "title": node.title, "state": node.state} for node in view.nodes],
            "controls": list(view.controls),
        }

    @staticmethod
    def _join(room: str) -> None:
        joined = rooms()
        if room not in joined and len(joined) >= MAX_ROOMS:
            raise AssentError("This page follows too many runs or requests at once. Reload it.")
        try:
            join_room(room)
        except (KeyError, ValueError):  # the person has left the page in the meantime
            raise AssentError("This connection has ended.") from None


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]


def _problem(error: Exception) -> dict[str, Any]:
    return noted(problem_of(error)).to_json()


def _uuid(text: str, what: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise NotFoundError(f"There is no such {what}.") from None
