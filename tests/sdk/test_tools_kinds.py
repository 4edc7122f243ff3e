"""The gate around everything that can be called: methods, partial functions, generators, context managers, futures."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from assent import AlreadyDoneError, Assent, AsyncAssent, Rejected, requires_approval
from tests.sdk.conftest import Portal, Running
from tests.webprocess import SOON

pytestmark = pytest.mark.processes


class Bench:
    """Gated things, each of which notes what it does."""

    def __init__(self, portal: Portal, client: Assent) -> None:
        self.portal = portal
        self.client = client
        self.title = str(uuid.uuid4())
        self.done: list[Any] = []

    def gate(self, **options: Any) -> Callable[[Any], Any]:
        """The decorator."""
        return requires_approval(self.client, title=self.title, **options)

    def approved(self, call: Callable[[], Any], **change: Any) -> tuple[Any, dict[str, Any]]:
        """Make the call, have it approved (changed), and give its result and the request as it was opened."""
        running = Running(call)
        request = self.portal.asked(self.title)
        verdict = ("modify", {"change": {"args": change}}) if change else ("approve", {})
        self.portal.decide(request["id"], verdict[0], **verdict[1])
        return running.get(), request

    def receipt(self, request: dict[str, Any]) -> str:
        """What was reported of it."""
        return str((self.portal.request(request["id"])["receipt"] or {}).get("status"))


@pytest.fixture
def bench(portal: Portal, client: Assent) -> Bench:
    return Bench(portal, client)


class Mailer:
    """A class whose methods are gated, whatever the order of decorators."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.sender = "ops"


def mailer(bench: Bench) -> Any:
    """A mailer with every kind of method."""
    gate = bench.gate

    class Gated(Mailer):
        @gate()
        def plain(self, to: str) -> str:
            bench.done.append((type(self), to))
            return f"{self.sender} to {to}"

        @gate()
        @classmethod
        def of_class(cls, to: str) -> str:
            bench.done.append((cls, to))
            return f"class to {to}"

        @classmethod
        @gate()
        def of_class_inside(cls, to: str) -> str:
            bench.done.append((cls, to))
            return f"class to {to}"

        @gate()
        @staticmethod
        def static(to: str) -> str:
            bench.done.append((None, to))
            return f"static to {to}"

        @staticmethod
        @gate()
        def static_inside(to: str) -> str:
            bench.done.append((None, to))
            return f"static to {to}"

        def later(self, to: str) -> str:
            return f"later to {to}"

        def __call__(self, to: str) -> str:
            return f"called to {to}"

    return Gated(bench)


@pytest.mark.parametrize("name", ["plain", "of_class", "of_class_inside", "static", "static_inside"])
def test_methods_run_with_the_arguments_that_were_approved(bench: Bench, name: str) -> None:
    made = mailer(bench)
    result, request = bench.approved(lambda: getattr(made, name)(to="a@example.org"), to="b@example.org")
    assert request["payload"]["args"] == {"to": "a@example.org"} and request["payload"]["tool"] == name
    assert list(request["payload"]["args_schema"]["properties"]) == ["to"]
    assert result.endswith("to b@example.org") and len(bench.done) == 1
    assert bench.done[0][0] in (type(made), None) and bench.receipt(request) == "applied"


def test_a_bound_method_an_object_and_a_lambda(bench: Bench) -> None:
    made = mailer(bench)
    result, request = bench.approved(lambda: bench.gate()(made.later)("a"))
    assert (result, request["payload"]["tool"]) == ("later to a", "later")
    result, request = bench.approved(lambda: bench.gate()(made)("a"))
    assert (result, request["payload"]["tool"]) == ("called to a", "Gated")
    result, request = bench.approved(lambda: bench.gate(tool="notify")(lambda to: f"lambda to {to}")("a"))
    assert (result, request["payload"]["tool"]) == ("lambda to a", "notify")


def test_what_a_partial_function_fixes_is_part_of_what_people_approve(bench: Bench) -> None:
    def copy(source: str, target: str, mode: str = "fast") -> str:
        return f"{source} to {target}, {mode}"

    fixed = functools.partial(functools.partial(copy, "production"), mode="slow")
    result, request = bench.approved(lambda: bench.gate()(fixed)("backup"))
    assert request["payload"]["args"] == {"source": "production", "target": "backup", "mode": "slow"}
    assert request["payload"]["tool"] == "copy" and result == "production to backup, slow"


def test_a_method_asked_again_after_a_kill_is_the_same_request(bench: Bench) -> None:
    """Another object in another place of memory, as in another process."""
    order = str(uuid.uuid4())

    def call(sender: str) -> tuple[Any, dict[str, Any]]:
        class Orders:
            def __init__(self, sender: str) -> None:
                self.sender = sender

            @bench.gate(idempotency_key=lambda self, number: f"{self.sender}-{number}")
            def cancel(self, number: str) -> str:
                return f"{self.sender} cancelled {number}"

        return Orders(sender), Orders(sender)

    first, second = call("ops")
    running = [Running(lambda made=made: made.cancel(order)) for made in (first, second)]
    request = bench.portal.asked(bench.title)
    assert "0x" not in str(request["payload"])
    bench.portal.decide(request["id"])
    for task in running:
        # Whichever comes second may hear that it was carried out already.
        with contextlib.suppress(AlreadyDoneError):
            assert task.get() == f"ops cancelled {order}"
    assert bench.title not in [request["title"] for request in bench.portal.pending()]


def test_what_cannot_be_gated_is_refused_when_it_is_decorated(bench: Bench) -> None:
    refused: dict[str, Any] = {
        "a class": Mailer,
        "is not callable": functools.partialmethod(mailer, "a"),
        "no name": lambda to: to,
        "cannot be determined": getattr,
        r"\*rest": lambda *rest: None,
        "is not callable: ": property(lambda self: None),
    }
    for words, thing in refused.items():
        with pytest.raises(TypeError, match=words):
            bench.gate()(thing)


def test_what_cannot_be_shown_is_refused_before_anybody_is_asked(bench: Bench) -> None:
    class Odd:
        @bench.gate()
        def send(this, to: str) -> None:  # noqa: N805 - that is the point
            """Not to be called."""

    with pytest.raises(TypeError, match="name its first parameter self"):
        Odd().send("a")

    @bench.gate()
    def send(to: Any) -> None:
        """Not to be called."""

    with pytest.raises(TypeError, match="'to' of send is a object"):
        send(object())
    assert bench.title not in [request["title"] for request in bench.portal.pending()]


# Bodies that run after the call


def test_a_generator_is_applied_only_when_it_has_come_to_its_end(bench: Bench) -> None:
    @bench.gate()
    def rows(count: int) -> Any:
        for number in range(count):
            bench.done.append(number)
            got = yield number
            if got:
                bench.done.append(got)
        return "all"

    body = rows(3)
    assert bench.title not in [request["title"] for request in bench.portal.pending()], "nobody has begun it"
    first, request = bench.approved(lambda: next(body))
    assert (first, bench.done) == (0, [0]) and bench.receipt(request) == "delivered"
    assert body.send("hello") == 1 and next(body) == 2 and bench.done == [0, "hello", 1, 2]
    assert bench.receipt(request) == "delivered"
    with pytest.raises(StopIteration) as ended:
        next(body)
    assert ended.value.value == "all" and bench.receipt(request) == "applied"


def test_a_generator_that_fails_or_is_closed_says_so(bench: Bench) -> None:
    @bench.gate()
    def rows(count: int) -> Any:
        yield from range(count)
        raise RuntimeError("The table is gone.")

    body = rows(1)
    _, request = bench.approved(lambda: next(body))
    with pytest.raises(RuntimeError):
        next(body)
    assert bench.receipt(request) == "failed"
    body = rows(9)
    _, request = bench.approved(lambda: next(body))
    body.close()
    assert bench.receipt(request) == "partly_applied"
    body = rows(9)
    running = Running(lambda: next(body))
    request = bench.portal.asked(bench.title)
    bench.portal.decide(request["id"], "reject")
    with pytest.raises(Rejected):
        running.get()
    assert bench.receipt(request) == "not_applied"


def test_what_a_call_returns_to_be_run_later(bench: Bench) -> None:
    @contextlib.contextmanager
    def lock(name: str) -> Any:
        bench.done.append(f"{name} locked")
        yield name
        bench.done.append(f"{name} free")

    held, request = bench.approved(lambda: bench.gate()(lock)("orders"))
    assert bench.done == [] and bench.receipt(request) == "delivered"
    with held as name:
        assert name == "orders" and bench.receipt(request) == "delivered"
    assert bench.done == ["orders locked", "orders free"] and bench.receipt(request) == "applied"

    @bench.gate()
    def doubled(count: int) -> Any:
        return map(bench.done.append, range(count))

    items, request = bench.approved(lambda: doubled(2))
    assert bench.receipt(request) == "delivered" and list(items) == [None, None] and bench.receipt(request) == "applied"

    async def send(to: str) -> str:
        bench.done.append(to)
        return f"sent to {to}"

    @bench.gate()
    def sending(to: str) -> Any:
        return send(to)

    waiting, request = bench.approved(lambda: sending("a"))
    assert bench.receipt(request) == "delivered"
    assert asyncio.run(waiting) == "sent to a" and bench.receipt(request) == "applied"


def test_a_future_is_applied_when_it_is_done(bench: Bench) -> None:
    go = threading.Event()
    with ThreadPoolExecutor() as pool:

        @bench.gate()
        def submit(name: str) -> Any:
            return pool.submit(lambda: go.wait(SOON) and name)

        future, request = bench.approved(lambda: submit("a"))
        assert bench.receipt(request) == "delivered"
        go.set()
        assert future.result(SOON) == "a"
    bench.portal.reported(request["id"], "applied")


# Async


def loop(bench: Bench, work: Callable[[AsyncAssent, Callable[..., Any]], Any], verdict: str = "approve") -> Any:
    """Run async work with a client of its own, approve what it asks, and give its result and the request."""

    async def run() -> Any:
        async with AsyncAssent(bench.portal.web.url, bench.portal.token) as client:
            return await work(client, requires_approval(client, title=bench.title, tool="thing"))

    running = Running(lambda: asyncio.run(run()))
    request = bench.portal.asked(bench.title)
    bench.portal.decide(request["id"], verdict)
    return running.get(), request


def test_async_methods_objects_partials_and_lambdas(bench: Bench) -> None:
    class Sender:
        def __init__(self) -> None:
            self.name = "ops"

        async def __call__(self, to: str) -> str:
            return f"called {to}"

        async def send(self, to: str) -> str:
            return f"{self.name} {to}"

    async def method(client: AsyncAssent, gate: Any) -> str:
        class Gated(Sender):
            send = gate(Sender.send)

        return await Gated().send(to="a")

    async def class_method(client: AsyncAssent, gate: Any) -> str:
        class Gated(Sender):
            @gate
            @classmethod
            async def send_all(cls, to: str) -> str:
                return f"{cls.__name__} {to}"

        return await Gated.send_all("a")

    async def obj(client: AsyncAssent, gate: Any) -> str:
        return await gate(Sender())("a")

    async def partial(client: AsyncAssent, gate: Any) -> str:
        return await gate(functools.partial(Sender().send, to="a"))()

    async def anonymous(client: AsyncAssent, gate: Any) -> str:
        return await gate(lambda to: Sender().send(to))("a")

    for work, said in ((method, "ops a"), (class_method, "Gated a"), (obj, "called a"), (partial, "ops a"), (anonymous, "ops a")):  # fmt: skip  # noqa: E501
        result, request = loop(bench, work)
        assert result == said and request["payload"]["args"] == {"to": "a"} and bench.receipt(request) == "applied"


@pytest.mark.parametrize(("ends", "status"), [("all", "applied"), ("fails", "failed"), ("closed", "partly_applied")])
def test_an_async_generator_is_reported_when_it_has_ended(bench: Bench, ends: str, status: str) -> None:
    async def work(client: AsyncAssent, gate: Any) -> list[Any]:
        @gate
        async def rows(count: int) -> Any:
            for number in range(count):
                yield number
            if ends == "fails":
                raise RuntimeError("The table is gone.")

        got = []
        async with contextlib.aclosing(rows(3)) as items:
            with contextlib.suppress(RuntimeError):
                async for item in items:
                    assert bench.receipt(bench.last) == "delivered"
                    got.append(item)
                    if ends == "closed":
                        break
        return got

    bench.last = None  # type: ignore[attr-defined]
    asked = bench.portal.asked

    def remember(title: str) -> Any:
        bench.last = asked(title)  # type: ignore[attr-defined]
        return bench.last  # type: ignore[attr-defined]

    bench.portal.asked = remember  # type: ignore[method-assign]
    try:
        result, request = loop(bench, work)
    finally:
        bench.portal.asked = asked  # type: ignore[method-assign]
    assert result == ([0] if ends == "closed" else [0, 1, 2]) and bench.receipt(request) == status


def test_an_async_context_manager_is_applied_when_its_block_has_ended(bench: Bench) -> None:
    async def work(client: AsyncAssent, gate: Any) -> str:
        @gate
        @contextlib.asynccontextmanager
        async def lock(name: str) -> Any:
            bench.done.append("locked")
            yield name
            bench.done.append("free")

        async with lock("orders") as name:
            return str(name)

    result, request = loop(bench, work)
    assert (result, bench.done, bench.receipt(request)) == ("orders", ["locked", "free"], "applied")


# Reports that cannot be made


def test_a_report_that_fails_does_not_fail_a_call_that_was_made(bench: Bench) -> None:
    """Or the caller makes it again."""
    decided = threading.Event()
    with Assent(bench.portal.web.url, bench.portal.token, patience=0.5) as client:

        @requires_approval(client, title=bench.title)
        def act(name: str) -> str:
            bench.done.append(name)
            assert decided.wait(SOON)  # or the answer to the person who decides is cut off
            bench.portal.web.kill()
            return f"did {name}"

        try:
            running = Running(lambda: act("it"))
            request = bench.portal.asked(bench.title)
            bench.portal.decide(request["id"])
            decided.set()
            assert running.get() == "did it" and bench.done == ["it"]
        finally:
            bench.portal.web.start()
    assert bench.receipt(request) == "delivered", "not known"


def test_any_detail_can_be_reported(bench: Bench, client: Assent) -> None:
    request = client.approvals.request({"kind": "custom", "title": bench.title, "data": 1})
    bench.portal.decide(request.id)
    request.wait(SOON)
    detail = {"at": object(), "ids": {2, 1}, "half": "\ud83d", "none": float("nan")}
    request.report("applied", "x" * 3_000 + "\ud83d", detail)
    with pytest.raises(ValueError, match="done"):
        request.report("done")
    receipt = bench.portal.request(request.id)["receipt"]
    assert receipt["summary"].endswith("(cut)") and receipt["detail"]["ids"] == [1, 2]
