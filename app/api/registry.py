"""The table of routes: what each takes and answers. The dispatch reads it, and an API description can be made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from app.api.auth import Client
from app.domain.people import Actor
from app.domain.tokens import Scope
from app.http.runtime import PortalParts


@dataclass(frozen=True)
class ApiCall:
    """One request as its handler gets it: checked and signed in.

    Attributes:
        made_as: id of what the call creates, where it may be made again under its idempotency key; empty: any.
        seen_version: of what the call changes, that the caller has seen; None: any.
    """

    portal: PortalParts
    client: Client
    body: Any
    query: Any
    path: dict[str, str]
    made_as: str = ""
    seen_version: int | None = None

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
        conditional: takes `If-Match` with a version.
        location: where what was created is found, with ``{id}``; empty: nowhere.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Callable[[ApiCall], Any]
    answer: type[BaseModel]
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    status: int = 200
    ignored: frozenset[str] = frozenset()
    scopes: tuple[Scope, ...] = ()
    conditional: bool = False
    location: str = ""

    @property
    def once(self) -> bool:
        """True if it takes an idempotency key."""
        return self.method == "POST"


class EndpointTable:
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
        conditional: bool = False,
        location: str = "",
    ) -> Callable[[Callable[[ApiCall], Any]], Callable[[ApiCall], Any]]:
        """Register the decorated function; the first line of its docstring is the summary."""

        def register(handler: Callable[[ApiCall], Any]) -> Callable[[ApiCall], Any]:
            summary = (handler.__doc__ or "").strip().splitlines()[0]
            name = handler.__name__
            self.endpoints.append(
                Endpoint(
                    method, path, name, summary, handler, answer, body, query, status, ignored, scopes, conditional,
                    location,
                )
            )  # fmt: skip
            return handler

        return register
