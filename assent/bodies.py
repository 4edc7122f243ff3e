"""Functions whose body runs after the call has returned: generators, coroutines, context managers, futures.

Such a call has not done anything yet, so it must not be reported. Its result is wrapped here, so that the report is
made when the body actually ends.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from assent.contracts import ReceiptStatus

CLOSED = "The caller closed it before it was finished."
_LAZY = (map, filter, zip)
_Manager = contextlib._GeneratorContextManager
_AsyncManager = contextlib._AsyncGeneratorContextManager


@dataclass(frozen=True)
class Report:
    """How to report the result of a body: `now` from sync code, `later` from async code. Neither raises.

    Both take a status, a summary, and optionally details.
    """

    now: Callable[..., None]
    later: Callable[..., Awaitable[None]]


def is_lazy(result: Any) -> bool:
    """Return True if the body behind a call's result has not ended."""
    lazy = (concurrent.futures.Future, _Manager, _AsyncManager, *_LAZY)
    return inspect.isgenerator(result) or inspect.isasyncgen(result) or inspect.isawaitable(result) or (
        isinstance(result, lazy)
    )  # fmt: skip


def followed(result: Any, report: Report) -> Any:
    """Wrap a lazy result (see `is_lazy`), so that it reports how its body ended."""
    if isinstance(result, concurrent.futures.Future) or asyncio.isfuture(result):
        # The report must not delay the code that completes the future.
        result.add_done_callback(lambda done: threading.Thread(target=report.now, args=_of(done), daemon=True).start())
        return result
    if isinstance(result, _AsyncManager):
        return _FollowedAsyncManager(result, report)
    if isinstance(result, _Manager):
        return _FollowedManager(result, report)
    if inspect.isasyncgen(result):
        return afollow(result, report)
    if inspect.isawaitable(result):
        return acall(lambda: result, report)
    return follow(result if inspect.isgenerator(result) else _each(result), report)


def failure(error: BaseException) -> str:
    """Return the type and message of an exception."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return type(error).__name__


def follow(body: Generator[Any, Any, Any], report: Report) -> Generator[Any, Any, Any]:
    """Run a generator, and report how it ended."""
    try:
        result = yield from body
    except GeneratorExit:
        report.now(ReceiptStatus.PARTLY_APPLIED, CLOSED)
        raise
    except BaseException as error:
        report.now(ReceiptStatus.FAILED, failure(error))
        raise
    report.now(ReceiptStatus.APPLIED, "")
    return result


async def afollow(body: AsyncGenerator[Any, Any], report: Report) -> AsyncGenerator[Any, Any]:
    """Run an async generator, and report how it ended."""
    try:
        async with contextlib.aclosing(body):
            with contextlib.suppress(StopAsyncIteration):
                item = await body.__anext__()
                while True:
                    try:
                        sent = yield item
                    except GeneratorExit:
                        raise
                    except BaseException as thrown:
                        item = await body.athrow(thrown)
                    else:
                        item = await body.asend(sent)
    except GeneratorExit:
        await report.later(ReceiptStatus.PARTLY_APPLIED, CLOSED)
        raise
    except Exception as error:
        # A cancellation is not reported, because that would delay it: the result is unknown, so there is no receipt.
        await report.later(ReceiptStatus.FAILED, failure(error))
        raise
    await report.later(ReceiptStatus.APPLIED, "")


async def acall(call: Callable[[], Any], report: Report) -> Any:
    """Make a call, async or not, and report how its body ended; a lazy result reports that later."""
    try:
        result = call()
        if inspect.isawaitable(result):
            result = await result
    except Exception as error:
        # A cancellation is not reported, because that would delay it: the result is unknown, so there is no receipt.
        await report.later(ReceiptStatus.FAILED, failure(error))
        raise
    if is_lazy(result):
        return followed(result, report)
    await report.later(ReceiptStatus.APPLIED, "")
    return result


def _each(items: Any) -> Generator[Any, Any, None]:
    yield from items


def _of(future: Any) -> tuple[ReceiptStatus, str]:
    if future.cancelled():
        return ReceiptStatus.FAILED, "It was canceled."
    error = future.exception()
    return (ReceiptStatus.APPLIED, "") if error is None else (ReceiptStatus.FAILED, failure(error))


class _FollowedManager(contextlib.AbstractContextManager[Any]):
    """A context manager made from a generator, which reports how its block and its own body ended."""

    def __init__(self, manager: contextlib.AbstractContextManager[Any], report: Report) -> None:
        self._manager = manager
        self._report = report

    def __enter__(self) -> Any:
        try:
            return self._manager.__enter__()
        except BaseException as error:
            self._report.now(ReceiptStatus.FAILED, failure(error))
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            handled = self._manager.__exit__(kind, error, trace)
        except BaseException as raised:
            self._report.now(ReceiptStatus.FAILED, failure(raised))
            raise
        self._report.now(*_of_block(error, handled))
        return handled


class _FollowedAsyncManager(contextlib.AbstractAsyncContextManager[Any]):
    """An async context manager made from a generator, which reports as `_FollowedManager` does."""

    def __init__(self, manager: contextlib.AbstractAsyncContextManager[Any], report: Report) -> None:
        self._manager = manager
        self._report = report

    async def __aenter__(self) -> Any:
        try:
            return await self._manager.__aenter__()
        except Exception as error:
            await self._report.later(ReceiptStatus.FAILED, failure(error))
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        try:
            handled = await self._manager.__aexit__(kind, error, trace)
        except Exception as raised:
            await self._report.later(ReceiptStatus.FAILED, failure(raised))
            raise
        if not isinstance(error, asyncio.CancelledError):
            await self._report.later(*_of_block(error, handled))
        return handled


def _of_block(error: BaseException | None, handled: bool | None) -> tuple[ReceiptStatus, str]:
    if error is None or handled:
        return ReceiptStatus.APPLIED, ""
    return ReceiptStatus.FAILED, failure(error)
