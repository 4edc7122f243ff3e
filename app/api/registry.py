"""The table of routes: the input and output of each. The dispatch and the API's description are based on it."""

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
    """An API call as its handler receives it: authenticated and validated.

    Attributes:
        made_as: id for what the call creates, if an idempotency key fixes it; otherwise empty.
        seen_version: the version that the caller saw of what the call changes; None for any.
        content: the body of a raw endpoint.
    """

    portal: PortalParts
    client: Client
    body: Any
    query: Any
    path: dict[str, str]
    made_as: str = ""
    seen_version: int | None = None
    content: bytes = b""

    @property
    def actor(self) -> Actor:
        """The person or agent who acts."""
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
        answer: the model of the response.
        body: the model of the JSON body; None if no body is read.
        query: the model of the query parameters; None if they are ignored.
        ignored: query parameters that are accepted without effect.
        scopes: a token needs one of these; if there are none, only sessions are accepted.
        conditional: accepts `If-Match` with a version.
        location: path of what is created, with ``{id}``; may be empty.
        raw: the body is bytes of any kind.
        download: the response is bytes of any kind, and the handler returns it; `answer` then only describes it.
        finds: returns the one object that the query names, which may not exist.
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
    raw: bool = False
    download: bool = False
    finds: bool = False

    @property
    def once(self) -> bool:
        """True if it accepts an idempotency key."""
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
        raw: bool = False,
        download: bool = False,
        finds: bool = False,
    ) -> Callable[[Callable[[ApiCall], Any]], Callable[[ApiCall], Any]]:
        """Register the decorated function; the first line of its docstring is the summary."""

        def register(handler: Callable[[ApiCall], Any]) -> Callable[[ApiCall], Any]:
            summary = (handler.__doc__ or "").strip().splitlines()[0]
            name = handler.__name__
            self.endpoints.append(
                Endpoint(
                    method, path, name, summary, handler, answer, body, query, status, ignored, scopes, conditional,
                    location, raw, download, finds,
                )
            )  # fmt: skip
            return handler

        return register
