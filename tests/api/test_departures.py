"""Clients that have gone: an outcome is not handed to nobody."""

from __future__ import annotations

import socket
from collections.abc import Callable

from flask import Flask

from app.connections import ENVIRON, ConnectionLimits, Connections
from app.domain.tokens import Scope, TokenKind
from app.store.people import Person
from tests.api.gates import PROPOSALS, decide, opened, outcome
from tests.factories import Caller, Program, make_token


class Left:
    """The connection of a client that has gone."""

    gone = True


def test_a_client_that_has_gone_is_handed_nothing(agent: Program, call: Callable[[str], Caller]) -> None:
    request = opened(agent, PROPOSALS[0])
    decide(call, request)
    path = f"/api/v1/approvals/{request['id']}/outcome?wait=30"
    found = agent.client.get(path, headers=agent.headers, environ_overrides={ENVIRON: Left()}).json
    assert (found["resolved"], found["outcome"], found["receipt"]) == (False, None, None)
    assert agent.get(f"/api/v1/approvals/{request['id']}").json["receipt"] is None
    assert outcome(agent, request)["receipt"]["status"] == "delivered"


def test_nor_is_a_coding_agent_whose_hook_has_ended(app: Flask, owner: Person, call: Callable[[str], Caller]) -> None:
    agent = Program(app, make_token(app, owner, TokenKind.AGENT, [Scope.APPROVALS_REQUEST], name="Coding agent"))
    event = {
        "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "session_id": "s",
        "tool_use_id": "toolu_gone",
    }  # fmt: skip
    again = "/api/v1/hooks/claude-code?again=true"
    request_id = agent.post(again, event).json["pending"]["request_id"]
    path = f"/api/v1/approvals/{request_id}"
    decide(call, call("reviewer").get(path).json)
    gone = agent.client.post(again, json=event, headers=agent.headers, environ_overrides={ENVIRON: Left()})
    assert gone.status_code == 200
    assert call("reviewer").get(path).json["receipt"] is None
    assert agent.post(again, event).json["hookSpecificOutput"]["permissionDecision"] == "allow"
    assert call("reviewer").get(path).json["receipt"]["status"] == "delivered"


def test_the_system_says_which_client_has_gone() -> None:
    connections = Connections(ConnectionLimits(total=16, per_address=16))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for leave in (socket.socket.close, lambda client: client.shutdown(socket.SHUT_WR)):
            client = socket.create_connection(listener.getsockname())
            served, address = listener.accept()
            connection = connections.open(served, address)
            assert connection is not None and not connection.gone
            client.sendall(b"GET ")
            assert not connection.gone
            leave(client)
            assert connection.gone
            client.close()
            connections.close(connection)
            served.close()
    one, other = socket.socketpair()
    with one, other:
        unknown = connections.open(one, "")
        assert unknown is not None and not unknown.gone, "no TCP: the system does not say"
        connections.close(unknown)
