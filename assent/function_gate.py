"""A gate around a plain function, which runs only with the arguments that people approved."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from types import FunctionType
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from assent.approval import Approval, AsyncApproval, opened_or_withdrawn
from assent.bodies import Report, acall, afollow, failure, follow, followed, is_lazy
from assent.client import Assent, AsyncAssent
from assent.contracts import CallDecision, Outcome, ReceiptStatus, RiskLevel, ToolCall, Urgency
from assent.errors import AlreadyDoneError, Rejected, UnfitOutcomeError

log = logging.getLogger(__name__)
_RECEIVERS = ("self", "cls")
_MANAGER_CODE = contextlib.asynccontextmanager(lambda: None).__code__  # type: ignore[arg-type, return-value]
"""The code object of every function that `asynccontextmanager` makes."""
Function = TypeVar("Function", bound=Callable[..., Any])
Text = TypeVar("Text", bound=str)
_NAMED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def requires_approval(
    client: Assent | AsyncAssent,
    *,
    title: str | Callable[..., str] = "",
    summary: str | Callable[..., str] = "",
    tool: str = "",
    environment: str = "",
    workflow: str = "",
    risk_floor: RiskLevel = RiskLevel.SAFE,
    urgency: Urgency | Callable[..., Urgency] = Urgency.NORMAL,
    idempotency_key: Callable[..., str] | None = None,
    timeout: float | None = None,
    rejected: Callable[[Rejected], Any] | None = None,
) -> Callable[[Function], Function]:
    """Require approval for each call of a function.

    A call opens a request with its arguments, waits, calls the function with the approved arguments (which reviewers
    may have changed), and reports the result. The arguments must be JSON, or of types that pydantic reads from JSON;
    they are validated before the request is opened, and again before the function runs.

    Methods, class methods, static methods, partial functions, and callable objects work like functions; `self` and
    `cls` are not shown. A generator requests approval when it starts, and reports the result when its body ends; the
    same applies to async generators, context managers, futures, and returned coroutines. A report that fails is logged,
    and does not make the call fail.

    A call that nobody waits for any more (it was canceled or interrupted, its timeout has passed, or the program has
    ended normally) withdraws its request, unless an idempotency key lets the next program continue with it.

    Args:
        client: an `Assent` for a plain function, an `AsyncAssent` for an async one.
        title: the title, in one line; or a function of the same arguments that returns it. Empty: the function's name.
        summary: the reason, in Markdown; or a function of the same arguments that returns it.
        tool: the name that people and policies see. Empty: the function's name; required for lambdas.
        environment: where the function acts, such as production.
        workflow: the workflow name of its requests, for policies.
        risk_floor: the assessed risk is never below this.
        urgency: how soon a decision is needed; or a function of the same arguments that returns it. An agent's counts
            as normal at most, unless the policy's rule says otherwise.
        idempotency_key: a function of the same arguments that identifies the action, for example by an order number. A
            program that was killed and makes the same call again then gets the outcome of the first request. None:
            each call opens a new request.
        timeout: seconds after which to give up waiting; None: never.
        rejected: makes the return value of a call that was not approved, which otherwise raises `Rejected`. With
            `rejected=str` it returns the words of the rejection, which agent frameworks pass on to the model. Not for
            generators and context managers, which have no such value.

    The decorated function raises:
        Rejected: the request was not approved; nothing was run.
        UnfitOutcomeError: the approved call does not fit the function; nothing was run.
        AlreadyDoneError: the action of this idempotency key was already reported as done or failed; nothing was run.
        WaitTimeoutError, EndedError, ApiError, UnreachableError: as `Approvals.request` and `Approval.wait`.
        pydantic.ValidationError, TypeError: the arguments do not fit the function, or cannot be shown to people; no
            request was opened.

    Raises:
        TypeError: the object cannot be gated, or not with this kind of client.
    """

    def decorate(function: Function) -> Function:
        # The decorators work in either order: the outermost one makes the method.
        if isinstance(function, staticmethod | classmethod):
            return cast(Function, type(function)(decorate(function.__func__)))
        gate = _Gate(function, tool, title, summary, environment, risk_floor, urgency, idempotency_key)
        lambdas = gate.name == "<lambda>" and isinstance(client, AsyncAssent)  # its body says whether it is async
        if rejected is not None and (gate.generates or gate.manages):
            raise TypeError(f"{gate.tool} returns no value that could say that it was rejected: leave out rejected=….")
        if gate.is_async or lambdas:
            if not isinstance(client, AsyncAssent):
                raise TypeError(f"{gate.tool} is async: give requires_approval an AsyncAssent.")
            return cast(Function, _async(gate, client, workflow, timeout, rejected))
        if not isinstance(client, Assent):
            raise TypeError(f"{gate.tool} is not async: give requires_approval an Assent.")
        return cast(Function, _sync(gate, client, workflow, timeout, rejected))

    return decorate


def _sync(
    gate: _Gate, client: Assent, workflow: str, timeout: float | None, rejected: Callable[[Rejected], Any] | None
) -> Callable[..., Any]:
    def asked(proposal: ToolCall, key: str, args: tuple[Any, ...]) -> tuple[inspect.BoundArguments, Report]:
        request = client.approvals.request(proposal, idempotency_key=key, workflow=workflow)
        with contextlib.nullcontext() if key else request:
            outcome = request.wait(timeout)
        report = reports_to(request)
        try:
            return gate.approved(outcome, request, args), report
        except (Rejected, UnfitOutcomeError) as error:
            report.now(ReceiptStatus.NOT_APPLIED, str(error))
            raise

    @functools.wraps(gate.function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        try:
            bound, report = asked(*gate.proposal(args, kwargs), args)
        except Rejected as error:
            if rejected is None:
                raise
            return rejected(error)
        try:
            result = gate.call(bound)
        except BaseException as error:
            report.now(ReceiptStatus.FAILED, failure(error))
            raise
        if is_lazy(result):
            return followed(result, report)
        report.now(ReceiptStatus.APPLIED, "")
        return result

    @functools.wraps(gate.function)
    def generated(*args: Any, **kwargs: Any) -> Any:
        proposal, key = gate.proposal(args, kwargs)

        def body() -> Generator[Any, Any, Any]:
            bound, report = asked(proposal, key, args)
            return (yield from follow(gate.call(bound), report))

        return body()

    return generated if gate.generates else gated


def _async(
    gate: _Gate, client: AsyncAssent, workflow: str, timeout: float | None, rejected: Callable[[Rejected], Any] | None
) -> Callable[..., Any]:
    async def asked(proposal: ToolCall, key: str, args: tuple[Any, ...]) -> tuple[inspect.BoundArguments, Report]:
        opening = client.approvals.request(proposal, idempotency_key=key, workflow=workflow)
        if key:
            request = await opening
            outcome = await request.wait(timeout)
        else:
            async with await opened_or_withdrawn(opening) as request:
                outcome = await request.wait(timeout)
        report = areports_to(request)
        try:
            return gate.approved(outcome, request, args), report
        except (Rejected, UnfitOutcomeError) as error:
            await report.later(ReceiptStatus.NOT_APPLIED, str(error))
            raise

    @functools.wraps(gate.function)
    async def gated(*args: Any, **kwargs: Any) -> Any:
        try:
            bound, report = await asked(*gate.proposal(args, kwargs), args)
        except Rejected as error:
            if rejected is None:
                raise
            return rejected(error)
        return await acall(lambda: gate.call(bound), report)

    @functools.wraps(gate.function)
    def generated(*args: Any, **kwargs: Any) -> Any:
        proposal, key = gate.proposal(args, kwargs)

        async def body() -> AsyncGenerator[Any, Any]:
            bound, report = await asked(proposal, key, args)
            async with contextlib.aclosing(afollow(gate.call(bound), report)) as items:
                sent = None
                with contextlib.suppress(StopAsyncIteration):
                    while True:
                        sent = yield await items.asend(sent)

        return body()

    @functools.wraps(gate.function)
    def managed(*args: Any, **kwargs: Any) -> Any:
        proposal, key = gate.proposal(args, kwargs)

        @contextlib.asynccontextmanager
        async def body() -> AsyncGenerator[Any, None]:
            bound, report = await asked(proposal, key, args)
            async with followed(gate.call(bound), report) as item:
                yield item

        return body()

    return managed if gate.manages else generated if gate.generates else gated


def reports_to(request: Approval) -> Report:
    """Return reports for a call that was made. They never raise, because the caller would then repeat the call."""

    def now(status: ReceiptStatus, summary: str, detail: Any = None) -> None:
        try:
            request.report(status, summary, detail)
        except Exception:
            log.exception("The receipt of request %s could not be reported: %s.", request.id, status.value)

    async def later(status: ReceiptStatus, summary: str, detail: Any = None) -> None:
        await asyncio.to_thread(now, status, summary, detail)

    return Report(now, later)


def areports_to(request: AsyncApproval) -> Report:
    """As `reports_to`, with an async client."""
    loop = asyncio.get_running_loop()

    async def later(status: ReceiptStatus, summary: str, detail: Any = None) -> None:
        try:
            await request.report(status, summary, detail)
        except Exception:
            log.exception("The receipt of request %s could not be reported: %s.", request.id, status.value)

    def now(status: ReceiptStatus, summary: str, detail: Any = None) -> None:
        # A sync body that ends on the event loop, or in a thread, cannot wait for the report.
        asyncio.run_coroutine_threadsafe(later(status, summary, detail), loop)

    return Report(now, later)


class _Gate:
    """A gated function: turns its calls into proposals, and approved proposals into calls."""

    def __init__(
        self,
        function: Callable[..., Any],
        tool: str,
        title: str | Callable[..., str],
        summary: str | Callable[..., str],
        environment: str,
        risk_floor: RiskLevel,
        urgency: Urgency | Callable[..., Urgency],
        key: Callable[..., str] | None,
    ) -> None:
        if isinstance(function, type):
            raise TypeError(f"{function.__name__} is a class: give requires_approval a factory function.")
        if not callable(function) or isinstance(function, functools.partialmethod):
            raise TypeError(f"{type(function).__name__} is not callable: put requires_approval below it.")
        self.function = function
        # Arguments fixed by a partial function are part of what people approve.
        self._made, self._given, self._named = _flattened(function)
        self.name = str(getattr(self._made, "__name__", "") or type(self._made).__name__)
        self.tool = tool or self.name
        self._title, self._summary, self._key = title or self.tool, summary, key
        self._urgency = urgency
        self._fixed: dict[str, Any] = {"environment": environment, "risk_floor": risk_floor}
        self.is_async, self.generates = _kind(self._made)
        self.manages = getattr(self._made, "__code__", None) is _MANAGER_CODE
        try:
            self._signature = inspect.signature(self._made)
            hints = get_type_hints(_annotated(self._made), include_extras=True)
        except (ValueError, NameError) as error:
            raise TypeError(f"The arguments of {self.tool} cannot be determined: {error}.") from error
        parameters = self._signature.parameters
        for parameter in parameters.values():
            if parameter.kind not in _NAMED:
                message = f"{self.tool} takes *{parameter.name}: people approve arguments by name."
                raise TypeError(message)
        if not self.tool.isidentifier() and not tool:
            raise TypeError(f"{self.name} has no name: give requires_approval the name that people see, with tool=….")
        first = next(iter(parameters), "")
        self._receiver = first if first in _RECEIVERS and inspect.isfunction(self._made) else ""
        self._types: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(hints.get(name, Any)) for name in parameters if name != self._receiver
        }

    def call(self, bound: inspect.BoundArguments) -> Any:
        """Make the call."""
        return self._made(*bound.args, **bound.kwargs)

    def proposal(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ToolCall, str]:
        """Return the proposal and its idempotency key. Raises TypeError, pydantic.ValidationError."""
        self._refuse_unnamed_receiver(args)
        bound = self._signature.bind(*self._given, *args, **{**self._named, **kwargs})
        bound.apply_defaults()
        values = {name: self._types[name].validate_python(bound.arguments[name]) for name in self._types}
        given = self._call_of(values, bound.arguments.get(self._receiver))
        proposal = ToolCall(
            title=_said(self._title, *given)[:200], summary=_said(self._summary, *given), tool=self.tool,
            args={name: self._shown(name, value) for name, value in values.items()},
            args_schema=self._schema(), urgency=_said(self._urgency, *given), **self._fixed,
        )  # fmt: skip
        return proposal, _said(self._key, *given) if self._key else ""

    def _shown(self, name: str, value: Any) -> Any:
        """Return an argument as people see it."""
        try:
            return self._types[name].dump_python(value, mode="json")
        except PydanticSerializationError as error:
            kind = type(value).__name__
            raise TypeError(f"The argument {name!r} of {self.tool} is a {kind}, which is not JSON.") from error

    def _refuse_unnamed_receiver(self, args: tuple[Any, ...]) -> None:
        """Raise TypeError if an instance would be shown as an argument, or created from one."""
        if self._receiver or not args or not inspect.isfunction(self._made):
            return
        owner = args[0] if isinstance(args[0], type) else type(args[0])
        found: Any = inspect.getattr_static(owner, self.name, None)
        if isinstance(found, classmethod | FunctionType) and _inner(found) is _inner(self._made):
            raise TypeError(f"{self.tool} is a method: name its first parameter self, or cls.")

    def approved(
        self, outcome: Outcome, request: Approval | AsyncApproval, args: tuple[Any, ...] = ()
    ) -> inspect.BoundArguments:
        """Return the approved call; `args` are the arguments of the original call.

        Raises Rejected, UnfitOutcomeError, AlreadyDoneError.
        """
        if not outcome.approved:
            raise Rejected(outcome)
        done = request.receipt
        if done is not None and done.get("status") != ReceiptStatus.DELIVERED:
            raise AlreadyDoneError(request.id, done)
        try:
            payload = ToolCall.model_validate(outcome.payload)
        except ValidationError as error:
            raise UnfitOutcomeError(f"The approved proposal is not a tool call: {error}") from error
        if payload.tool != self.tool:
            raise UnfitOutcomeError(f"The approved call is of {payload.tool!r}, not of {self.tool!r}.")
        if payload.decision != CallDecision.APPROVE:
            raise Rejected(outcome)
        if set(payload.args) != set(self._types):
            raise UnfitOutcomeError(f"The approved arguments are not those that {self.tool} takes.")
        try:
            values = {name: self._types[name].validate_json(to_json(value)) for name, value in payload.args.items()}
        except ValidationError as error:
            raise UnfitOutcomeError(f"The approved arguments do not fit {self.tool}: {error}") from error
        positional, named = self._call_of(values, (*self._given, *args)[0] if self._receiver else None)
        return self._signature.bind(*positional, **named)

    def _call_of(self, values: dict[str, Any], receiver: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        every = {**values, self._receiver: receiver}
        bound = inspect.BoundArguments(self._signature, {name: every[name] for name in self._signature.parameters})
        return bound.args, bound.kwargs

    def _schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments, from which the form for changes is generated."""
        inputs = [(name, "validation", adapter) for name, adapter in self._types.items()]
        by_name, shared = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: by_name[name, "validation"] for name in self._types},
            "required": list(self._types),
            "additionalProperties": False,
        }
        return schema | ({"$defs": shared["$defs"]} if "$defs" in shared else {})


def _said(what: Text | Callable[..., Text], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Text:
    return what if isinstance(what, str) else what(*args, **kwargs)


def _flattened(function: Callable[..., Any]) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """Return the function behind partial functions, with the arguments that these fix."""
    given: tuple[Any, ...] = ()
    named: dict[str, Any] = {}
    while isinstance(function, functools.partial):
        given, named = (*function.args, *given), {**function.keywords, **named}
        function = function.func
    return function, given, named


def _annotated(function: Callable[..., Any]) -> Any:
    """Return the object that has the annotations: a function, a method, or the `__call__` of an object."""
    return function if inspect.isroutine(function) else type(function).__call__


def _kind(function: Callable[..., Any]) -> tuple[bool, bool]:
    """Return whether it is async, and whether it is a generator function."""
    called = _annotated(function)
    inner = inspect.unwrap(called)
    is_async = inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)
    # A function made from a generator, such as a context manager, is called like any other function.
    return is_async, inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(called)


def _inner(function: Any) -> Any:
    """Return the function inside decorators that use `functools.wraps`."""
    return inspect.unwrap(function)
