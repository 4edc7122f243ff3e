"""A tool: a function with the shapes of its inputs and outputs, and facts about what it does."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar, get_type_hints

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel

from assent.contracts import RiskLevel
from assent.effects import Effect as Effect
from assent.naming import name_problem
from assent.toolbox.context import ToolContext
from assent.toolbox.errors import InvalidToolError
from assent.toolbox.shapes import ModelShape, Shape

Kind = TypeVar("Kind", bound=StrEnum)
_NOT_BY_PLACE = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
_HOST = re.compile(r"[^\s/@]+")
DEFAULT_TIMEOUT = 300.0
"""Seconds after which a call of a tool fails, unless the tool says otherwise."""


class Tier(StrEnum):
    """What a call costs: an answer from a cache, from another service, by computation, or a whole report."""

    CACHE = "cache"
    API = "api"
    COMPUTE = "compute"
    REPORT = "report"


_RISKS = {Effect.READ: RiskLevel.SAFE, Effect.WRITE: RiskLevel.MEDIUM, Effect.DESTROY: RiskLevel.HIGH}


@dataclass(frozen=True)
class Dependency:
    """Something that a tool needs, and whether it is there.

    Attributes:
        name: what is needed, such as a program, a service, or a package.
        available: whether it can be used now.
        detail: its version, or what is missing and what to do about it.
    """

    name: str
    available: bool
    detail: str = ""


@dataclass(frozen=True)
class Tool:
    """A function that agents and workflows call by name.

    Attributes:
        name: snake_case; tools of an MCP server have the server's name and a dot in front.
        version: a version by PEP 440. Several versions of a tool can be installed side by side.
        description: what it does; the first paragraph is shown in lists.
        function: takes the validated inputs, and the `ToolContext` if it has a second parameter; may be async.
        takes: the shape of its inputs.
        returns: the shape of its output.
        effect: what a call changes. Whatever does not only read requires approval.
        idempotent: a second identical call changes nothing more, so that it may be repeated after a failure.
        risk: the risk of a call is never assessed below this. None: safe, medium, or high, by the effect.
        capabilities: what it can be used for, in words for searching, such as ``database`` or ``packaging``.
        timeout: seconds after which a call fails.
        tier: what a call costs.
        examples: inputs that are valid.
        sends_to: hosts to which a tool that only reads sends data.
        dependencies: returns what the tool needs, and whether it is there. None: it needs nothing.
        warnings: returns what is odd about valid inputs, in sentences.
        source: where it comes from, such as ``workflows.database_maintenance.tools`` or ``mcp:github``.
        title: a name for people; empty: the name in words.
        pin: the digest of what an MCP server says about the tool; empty for all other tools. A call that was approved
            is only made while it is the same.
        notes: what people should know about the tool, in sentences.
    """

    name: str
    version: str
    description: str
    function: Callable[..., Any]
    takes: Shape
    returns: Shape
    effect: Effect
    idempotent: bool = False
    risk: RiskLevel | None = None
    capabilities: tuple[str, ...] = ()
    timeout: float = DEFAULT_TIMEOUT
    tier: Tier = Tier.COMPUTE
    examples: tuple[Mapping[str, Any], ...] = ()
    sends_to: tuple[str, ...] = ()
    dependencies: Callable[[], Sequence[Dependency]] | None = None
    warnings: Callable[[Any], Sequence[str]] | None = None
    source: str = field(default="", compare=False)
    title: str = ""
    pin: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if problem := name_problem(self.name, "tool"):
            raise InvalidToolError(problem)
        try:
            Version(self.version)
        except InvalidVersion:
            raise InvalidToolError(
                f"{self.name}: {self.version!r} is not a version; use one such as 1.0 or 2.1.3 (PEP 440)."
            ) from None
        if not self.description.strip():
            raise InvalidToolError(f"{self.name} has no description: write a docstring, or pass description=….")
        if not isinstance(self.timeout, int | float) or not 0 < self.timeout <= 86_400:
            raise InvalidToolError(f"{self.name}: the timeout must be more than 0 and at most 86,400 seconds.")
        if self.sends_to and self.effect is not Effect.READ:
            raise InvalidToolError(f"{self.name}: sends_to is for tools that only read; every other call is approved.")
        for host in self.sends_to:
            if not _HOST.fullmatch(host):
                raise InvalidToolError(
                    f"{self.name}: sends_to lists hosts such as api.example.com, without scheme and path; not {host!r}."
                )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself, without validation, time limit, or approval, as its own code and tests do."""
        return self.function(*args, **kwargs)

    @cached_property
    def parsed_version(self) -> Version:
        """The version, to compare."""
        return Version(self.version)

    @property
    def full_name(self) -> str:
        """Name and version, such as ``check_table_statistics@1.0``."""
        return f"{self.name}@{self.version}"

    @property
    def label(self) -> str:
        """The name for people."""
        return self.title or self.name.replace("_", " ").capitalize()

    @property
    def least_risk(self) -> RiskLevel:
        """The minimum risk of each call."""
        return self.risk if self.risk is not None else _RISKS[self.effect]

    @property
    def reads_only(self) -> bool:
        """Whether a call changes nothing, and therefore needs no approval."""
        return self.effect is Effect.READ

    @property
    def may_repeat(self) -> bool:
        """Whether a call may be made again after it has failed."""
        return self.reads_only or self.idempotent

    @cached_property
    def takes_context(self) -> bool:
        """Whether the function has a second parameter, for the `ToolContext`."""
        return len(inspect.signature(self.function).parameters) > 1

    @cached_property
    def is_async(self) -> bool:
        """Whether the function is a coroutine function."""
        return inspect.iscoroutinefunction(self.function)

    def check_dependencies(self) -> list[Dependency]:
        """Return what the tool needs; a check that raises is itself reported as not available."""
        if self.dependencies is None:
            return []
        try:
            return list(self.dependencies())
        except Exception as error:
            return [Dependency("dependencies", False, f"The check failed: {type(error).__name__}: {error}")]


def tool(
    *bare: Any,
    name: str = "",
    version: str = "1.0",
    description: str = "",
    effect: Effect | str = Effect.DESTROY,
    idempotent: bool = False,
    risk: RiskLevel | str | None = None,
    capabilities: Sequence[str] = (),
    timeout: float = DEFAULT_TIMEOUT,
    tier: Tier | str = Tier.COMPUTE,
    examples: Sequence[Mapping[str, Any]] = (),
    sends_to: Sequence[str] = (),
    dependencies: Callable[[], Sequence[Dependency]] | None = None,
    warnings: Callable[[Any], Sequence[str]] | None = None,
    title: str = "",
) -> Callable[[Callable[..., Any]], Tool]:
    """Make a tool of a function from one pydantic model to another.

    ::

        @tool(effect="read", version="1.2", capabilities=["database"])
        def count_rows(inputs: TableName) -> RowCount:
            \"""Count the rows of a table.\"""

    The function may have a second parameter, which receives the `ToolContext`. Name and description default to those of
    the function. A tool that does not say what it changes counts as one that destroys; see `Tool` for the other facts.

    Raises:
        InvalidToolError: the function has no such annotations, or a fact is not valid.
    """

    if bare:
        named = getattr(bare[0], "__name__", repr(bare[0]))
        raise InvalidToolError(f'{named}: write @tool(effect="read"), with what a call changes, not @tool alone.')

    def decorate(function: Callable[..., Any]) -> Tool:
        takes, returns = _models(function)
        made = name or function.__name__
        for fact, values in (("capabilities", capabilities), ("examples", examples), ("sends_to", sends_to)):
            if isinstance(values, str | Mapping):
                raise InvalidToolError(f"{made}: {fact} is a list; write {fact}=[{values!r}].")
        for fact, check in (("dependencies", dependencies), ("warnings", warnings)):
            if check is not None and not callable(check):
                raise InvalidToolError(f"{made}: {fact} is a function; write {fact}=lambda: … around the list.")
        return Tool(
            name=made, version=version, description=description or inspect.getdoc(function) or "",
            function=function, takes=ModelShape(takes), returns=ModelShape(returns),
            effect=_one_of(Effect, effect, made, "effect"), idempotent=idempotent,
            risk=None if risk is None else _one_of(RiskLevel, risk, made, "risk"), capabilities=tuple(capabilities),
            timeout=timeout, tier=_one_of(Tier, tier, made, "tier"), examples=tuple(examples),
            sends_to=tuple(sends_to), dependencies=dependencies, warnings=warnings, source=function.__module__,
            title=title,
        )  # fmt: skip

    return decorate


def _one_of(kind: type[Kind], value: Any, name: str, fact: str) -> Kind:
    """Return the member of this value. Raises InvalidToolError, with all of them."""
    try:
        return kind(value)
    except ValueError:
        values = [member.value for member in kind]
        listed = f"{', '.join(values[:-1])}, or {values[-1]}"
        raise InvalidToolError(f"{name}: {fact} is {listed}, not {value!r}.") from None


def _models(function: Callable[..., Any]) -> tuple[type[BaseModel], type[BaseModel]]:
    """Return the models that a function takes and returns. Raises InvalidToolError."""
    name = getattr(function, "__name__", repr(function))
    try:
        parameters = list(inspect.signature(function).parameters.values())
        hints = get_type_hints(function)
    except (TypeError, ValueError, NameError) as error:
        raise InvalidToolError(f"The annotations of {name} cannot be determined: {error}.") from error
    if not 1 <= len(parameters) <= 2 or any(parameter.kind in _NOT_BY_PLACE for parameter in parameters):
        raise InvalidToolError(f"{name} must take one pydantic model, and at most the context after it.")
    second = hints.get(parameters[1].name) if len(parameters) == 2 else None
    if isinstance(second, type) and not issubclass(ToolContext, second):
        raise InvalidToolError(f"{name}: the second parameter, {parameters[1].name!r}, receives the ToolContext.")
    takes, returns = hints.get(parameters[0].name), hints.get("return")
    for model, words in ((takes, f"the parameter {parameters[0].name!r}"), (returns, "the return value")):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            raise InvalidToolError(f"{name}: annotate {words} with a pydantic model.")
    assert takes is not None and returns is not None
    return takes, returns
