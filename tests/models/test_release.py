"""What models have loaded is freed when nothing has used it for some time, also where no text is ever routed."""

from __future__ import annotations

import asyncio

import pytest

from app.services.bundle import build_services
from app.services.routing.answers import RouterDesk
from app.store.engine import make_engine
from app.worker import routing
from assent import meaning
from assent.models.tokens import count_tokens
from assent.routing import classifier


def test_the_worker_frees_embeddings_that_only_models_have_used(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, "IDLE_SECONDS", 0.0)
    classifier.release()
    assert count_tokens("How many tokens?") > 2
    assert meaning.is_loaded()
    services = build_services(make_engine(database_url))

    async def freed() -> None:
        desk = RouterDesk(services.sessions, services.clock)
        work = asyncio.create_task(routing.keep_routing(desk, asyncio.Event()))
        while meaning.is_loaded():  # noqa: ASYNC110 - the worker announces nothing
            await asyncio.sleep(0.005)
        work.cancel()

    asyncio.run(freed())
    services.engine.dispose()
