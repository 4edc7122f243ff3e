"""The table of routes: what each takes and answers. The dispatch reads it, and an API description can be made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response
from pydantic import BaseModel

from app.api.auth import Client, authenticate
from app.domain.people import Actor
from app.domain.tokens import Scope
from app.http.body import read_body, read_query
from app.http.runtime import Portal, portal


@dataclass(frozen=True)
class Call:
    """One request as its handler gets it: checked and signed in."""

    portal: Portal
    client: Client
    body: Any
    query: Any
    path: dict[str, str]

    @property
    def actor(self) -> Actor:
        """Who acts."""
        return self.client.actor

    @property
    def id(self) -> str:
        """The id in the path."""
        return self.path["id"]


@dataclass(frozen=True)
class Endpoint:
    """A route.

    Attributes:
        path: below the blueprint, in Flask's notation.
        answer: the model of the answer.
        body: the model of the JSON body; None: none is read.
        query: the model of the arguments; None: they are ignored.
        ignored: arguments that are accepted and mean nothing.
        scopes: of which a token needs one; without any, only a session gets in.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[Call], Any]
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    ignored: frozenset[str] = frozenset()
    scopes: tuple[Scope, ...] = ()


class Table:
    """The endpoints of one blueprint."""

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []

    def add(
        self,
        method: str,
        path: str,
        answer: type[BaseModel],
        *,
        body: type[BaseModel] | None = None,
        query: type[BaseModel] | None = None,
        status: int = 200,
        ignored: frozenset[str] = frozenset(),
        scopes: tuple[Scope, ...] = (),
    ) -> Callable[[Callable[[Call], Any]], Callable[[Call], Any]]:
        """Register the decorated function; the first line of its docstring is the summary."""

        def register(handler: Callable[[Call], Any]) -> Callable[[Call], Any]:
            summary = (handler.__doc__ or "").strip().splitlines()[0]
            name = handler.__name__
            self.endpoints.append(
                Endpoint(method, path, name, summary, handler, answer, body, query, status, ignored, scopes)
            )
            return handler

        return register

    def attach(self, blueprint: Blueprint) -> None:
        """Route the endpoints."""
        for each in self.endpoints:
            blueprint.add_url_rule(each.path, each.name, _view(each), methods=[each.method])


def _view(endpoint: Endpoint) -> Callable[..., Response]:
    def view(**path: Any) -> Response:
        client = authenticate(endpoint.scopes)
        body = read_body(endpoint.body) if endpoint.body is not None else None
        query = read_query(endpoint.query, endpoint.ignored) if endpoint.query is not None else None
        result = endpoint.handler(Call(portal(), client, body, query, {key: str(each) for key, each in path.items()}))
        answer = endpoint.answer.model_validate(result)
        return Response(answer.model_dump_json(), endpoint.status, mimetype="application/json")

    return view
