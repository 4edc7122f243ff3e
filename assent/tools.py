"""A gate around a plain function: it runs with the arguments that people approved, and with no others."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from assent.client import Approval, Assent, AsyncApproval, AsyncAssent
from assent.contracts import CallDecision, Outcome, ReceiptStatus, RiskLevel, ToolCall
from assent.errors import AlreadyDoneError, AssentError, Rejected, UnfitOutcomeError

Function = TypeVar("Function", bound=Callable[..., Any])
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
    idempotency_key: Callable[..., str] | None = None,
    timeout: float | None = None,
) -> Callable[[Function], Function]:
    """Have people approve each call of a function before it is made.

    A call opens a request with its arguments, waits, makes the call with the arguments that were approved (which
    people may have changed), and reports what became of it. The arguments have to be JSON, or of types that pydantic
    reads from JSON; they are checked before people are asked, and again before the function runs.

    Args:
        client: an `Assent` for a plain function, an `AsyncAssent` for an async one.
        title: in one line; or a function of the same arguments that makes it. Empty: the name of the function.
        summary: why, in Markdown; or a function of the same arguments.
        tool: what people and policies know the function by. Empty: its name.
        environment: where it acts, such as production.
        workflow: what its requests are filed under.
        risk_floor: the assessment never goes below this.
        idempotency_key: a function of the same arguments that names this very action, such as by an order's number. A
            program that was killed and makes the same call again then gets the outcome of the first request. None:
            each call asks anew.
        timeout: seconds after which to give up waiting; None: never.

    The decorated function raises:
        Rejected: people did not approve; nothing was run.
        UnfitOutcomeError: what was approved does not fit the function; nothing was run.
        AlreadyDoneError: the call of this idempotency key was reported as made, or as failed; nothing was run.
        WaitTimeoutError, EndedError, ApiError, UnreachableError: as `Approvals.request` and `Approval.wait`.
        pydantic.ValidationError, TypeError: these are no arguments of the function; nobody was asked.
    """

    def decorate(function: Function) -> Function:
        gate = _Gate(function, tool, title, summary, environment, risk_floor, idempotency_key)
        if inspect.iscoroutinefunction(function):
            if not isinstance(client, AsyncAssent):
                raise TypeError(f"{gate.tool} is async: give requires_approval an AsyncAssent.")
            return cast(Function, _async(gate, client, workflow, timeout))
        if not isinstance(client, Assent):
            raise TypeError(f"{gate.tool} is not async: give requires_approval an Assent.")
        return cast(Function, _sync(gate, client, workflow, timeout))

    return decorate


def _sync(gate: _Gate, client: Assent, workflow: str, timeout: float | None) -> Callable[..., Any]:
    @functools.wraps(gate.function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        proposal, key = gate.proposal(args, kwargs)
        request = client.approvals.request(proposal, idempotency_key=key, workflow=workflow)
        outcome = request.wait(timeout)
        try:
            bound = gate.approved(outcome, request)
        except (Rejected, UnfitOutcomeError) as error:
            request.report(*_not_run(error))
            raise
        try:
            result = gate.function(*bound.args, **bound.kwargs)
        except BaseException as error:
            request.report(ReceiptStatus.FAILED, _failure(error))
            raise
        request.report(ReceiptStatus.APPLIED)
        return result

    return gated


def _async(gate: _Gate, client: AsyncAssent, workflow: str, timeout: float | None) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(gate.function)
    async def gated(*args: Any, **kwargs: Any) -> Any:
        proposal, key = gate.proposal(args, kwargs)
        request = await client.approvals.request(proposal, idempotency_key=key, workflow=workflow)
        outcome = await request.wait(timeout)
        try:
            bound = gate.approved(outcome, request)
        except (Rejected, UnfitOutcomeError) as error:
            await request.report(*_not_run(error))
            raise
        try:
            result = await gate.function(*bound.args, **bound.kwargs)
        except Exception as error:
            # Not of a cancellation, which must not be held up: nobody knows then what was done, and no receipt says it.
            await request.report(ReceiptStatus.FAILED, _failure(error))
            raise
        await request.report(ReceiptStatus.APPLIED)
        return result

    return gated


class _Gate:
    """What is known of a function: how its calls are proposed, and how what was approved becomes a call."""

    def __init__(
        self,
        function: Callable[..., Any],
        tool: str,
        title: str | Callable[..., str],
        summary: str | Callable[..., str],
        environment: str,
        risk_floor: RiskLevel,
        key: Callable[..., str] | None,
    ) -> None:
        self.function = function
        self.tool = tool or function.__name__
        self._title, self._summary, self._key = title or self.tool, summary, key
        self._fixed: dict[str, Any] = {"environment": environment, "risk_floor": risk_floor}
        self._signature = inspect.signature(function)
        hints = get_type_hints(function, include_extras=True)
        for each in self._signature.parameters.values():
            if each.kind not in _NAMED:
                raise TypeError(f"{self.tool} takes *{each.name}: what people approve needs a name for each argument.")
        self._types: dict[str, TypeAdapter[Any]] = {
            name: TypeAdapter(hints.get(name, Any)) for name in self._signature.parameters
        }

    def proposal(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[ToolCall, str]:
        """What people are asked, and under which idempotency key. Raises TypeError, pydantic.ValidationError."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        values = {name: self._types[name].validate_python(value) for name, value in bound.arguments.items()}
        given = self._call_of(values)
        proposal = ToolCall(
            title=_said(self._title, *given)[:200], summary=_said(self._summary, *given), tool=self.tool,
            args={name: self._types[name].dump_python(value, mode="json") for name, value in values.items()},
            args_schema=self._schema(), **self._fixed,
        )  # fmt: skip
        return proposal, _said(self._key, *given) if self._key else ""

    def approved(self, outcome: Outcome, request: Approval | AsyncApproval) -> inspect.BoundArguments:
        """The call to make. Raises Rejected, UnfitOutcomeError, AlreadyDoneError."""
        if not outcome.approved:
            raise Rejected(outcome)
        done = request.receipt
        if done is not None and done.get("status") != ReceiptStatus.DELIVERED:
            raise AlreadyDoneError(request.id, done)
        try:
            payload = ToolCall.model_validate(outcome.payload)
        except ValidationError as error:
            raise UnfitOutcomeError(f"What was approved is no call of a tool: {error}") from error
        if payload.tool != self.tool:
            raise UnfitOutcomeError(f"What was approved is a call of {payload.tool!r}, not of {self.tool!r}.")
        if payload.decision != CallDecision.APPROVE:
            raise Rejected(outcome)
        if set(payload.args) != set(self._types):
            raise UnfitOutcomeError(f"What was approved has other arguments than {self.tool} takes.")
        try:
            values = {name: self._types[name].validate_json(to_json(value)) for name, value in payload.args.items()}
        except ValidationError as error:
            raise UnfitOutcomeError(f"What was approved does not fit {self.tool}: {error}") from error
        args, kwargs = self._call_of(values)
        return self._signature.bind(*args, **kwargs)

    def _call_of(self, values: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        bound = inspect.BoundArguments(
            self._signature, {name: values[name] for name in self._signature.parameters}
        )
        return bound.args, bound.kwargs

    def _schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments, from which the form for changes is made."""
        inputs = [(name, "validation", adapter) for name, adapter in self._types.items()]
        by_name, shared = TypeAdapter.json_schemas(inputs, ref_template="#/$defs/{model}")  # type: ignore[arg-type]
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {name: by_name[name, "validation"] for name in self._types},
            "required": list(self._types),
            "additionalProperties": False,
        }
        return schema | ({"$defs": shared["$defs"]} if "$defs" in shared else {})


def _said(what: str | Callable[..., str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    return what if isinstance(what, str) else what(*args, **kwargs)


def _not_run(error: AssentError) -> tuple[ReceiptStatus, str]:
    return ReceiptStatus.NOT_APPLIED, str(error)[:2000]


def _failure(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:2000]
