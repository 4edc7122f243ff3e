"""Which of several bridges opens the requests of a thread: claims in its metadata, and signs of life in the store.

The server's API has no compare-and-set, so a claim is made in two steps. Each bridge writes only its own key, and reads
all of them after that: of two that claim a thread at the same time, at least one sees the other. The one with the
smaller id goes on, unless the other one holds the thread already.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import httpx
from langgraph_sdk.client import LangGraphClient
from langgraph_sdk.errors import LangGraphError, NotFoundError

from assent.langgraph_server.threads import Thread

logger = logging.getLogger("assent.langgraph_server")
CLAIM = "assent_bridge_"
"""Beginning of a key in a thread's metadata: the claim of the bridge whose id follows."""
ASKED = "assent_asked"
"""Key in a thread's metadata: true as long as requests about it may be open."""
WANTS, HOLDS = "wants", "holds"
BEAT_SECONDS = 30.0
LEASE_SECONDS = 180.0
"""How long a bridge may show no sign of life before others take over its threads."""
_SETTLE_SECONDS = 0.05
_STORE = ("assent_bridges",)


def claims_in(metadata: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the claims in a thread's metadata, by the id of the bridge."""
    found = {name.removeprefix(CLAIM): claim for name, claim in metadata.items() if name.startswith(CLAIM)}
    return {bridge: claim for bridge, claim in found.items() if isinstance(claim, dict) and claim.get("state")}


class Bridges:
    """The bridges of a server, as one of them sees the others.

    They do not compare clocks: a bridge is alive as long as its sign of life has changed recently.

    Args:
        me: id of this bridge, which is the same after a restart.
    """

    def __init__(self, server: LangGraphClient, me: str) -> None:
        self.me = me
        self._server = server
        self._seen: dict[str, tuple[str, float]] = {}
        self._beaten = -BEAT_SECONDS
        self._failing = False

    async def beat(self) -> None:
        """Show a sign of life, and look for those of others, unless that was done recently."""
        now = time.monotonic()
        if now - self._beaten < BEAT_SECONDS:
            return
        self._beaten = now
        try:
            await self._server.store.put_item(_STORE, self.me, {"beat": uuid.uuid4().hex}, index=False)
            found = (await self._server.store.search_items(_STORE, limit=100))["items"]
            self._failing = False
        except (httpx.HTTPError, LangGraphError) as error:
            if not self._failing:
                logger.warning("the server's store cannot be used, so other bridges cannot be noticed: %s", error)
            self._failing = True
            return
        for item in found:
            beat = str(item["value"].get("beat"))
            if self._seen.get(item["key"], ("", 0.0))[0] != beat:
                self._seen[item["key"]] = beat, now

    def alive(self, bridge: str) -> bool:
        """True if the bridge has shown a sign of life recently, or was not known before."""
        _, since = self._seen.setdefault(bridge, ("", time.monotonic()))
        return time.monotonic() - since < LEASE_SECONDS

    def others_in(self, metadata: Mapping[str, Any]) -> dict[str, str]:
        """Return the states of claims of other bridges that are alive."""
        found = claims_in(metadata)
        return {bridge: found[bridge]["state"] for bridge in found if bridge != self.me and self.alive(bridge)}

    def keep_out(self, metadata: Mapping[str, Any]) -> bool:
        """True if another bridge asks about this thread, and this one must not.

        Two hold a thread if one showed no sign of life for a while, and was alive. The one with the smaller id stays.
        """
        holds = claims_in(metadata).get(self.me, {}).get("state") == HOLDS
        holders = [bridge for bridge, state in self.others_in(metadata).items() if state == HOLDS]
        return any(bridge < self.me for bridge in holders) if holds else bool(holders)


class Claim:
    """The claim of this bridge on one thread.

    Attributes:
        requests: ids of the requests that are open, by what the thread asks; also those of an earlier process.
        written: when the claim last changed the thread, as the server lists it.
    """

    def __init__(self, thread: Thread, bridges: Bridges) -> None:
        self._thread = thread
        self._bridges = bridges
        self._key = CLAIM + bridges.me
        self.requests: dict[str, str] = {}
        self.written = ""

    async def take(self) -> bool:
        """Claim the thread. Returns False if another bridge asks about it; `requests` then have to be withdrawn."""
        metadata = (await self._thread.document())["metadata"]
        own = claims_in(metadata).get(self._bridges.me, {})
        noted = own.get("requests")
        self.requests = {str(name): str(found) for name, found in noted.items()} if isinstance(noted, dict) else {}
        if self._bridges.keep_out(metadata):
            if own:
                await self._note(None)
            return False
        if own.get("state") == HOLDS:
            return True
        await self._write(WANTS)
        while True:
            others = self._bridges.others_in((await self._thread.document())["metadata"])
            if HOLDS in others.values() or any(bridge < self._bridges.me for bridge in others):
                await self._note(None)
                return False
            if not others:
                break
            await asyncio.sleep(_SETTLE_SECONDS)  # it has seen this claim and gives way, or has not and holds it
        await self._write(HOLDS)
        return True

    async def note(self, requests: Mapping[str, str]) -> None:
        """Note which requests are open, for the next process. A thread that was deleted meanwhile has none."""
        if requests != self.requests:
            self.requests = dict(requests)
            # The next look finds that it asks nothing any more, and withdraws them.
            with suppress(NotFoundError):
                await self._write(HOLDS)

    async def release(self) -> None:
        """The thread waits for nothing more."""
        self.requests = {}
        with suppress(NotFoundError):  # it was deleted
            await self._note(None, {ASKED: False})

    async def _write(self, state: str) -> None:
        await self._note({"state": state, "requests": self.requests}, {ASKED: True} if self.requests else {})

    async def _note(self, claim: Mapping[str, Any] | None, more: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.written = await self._thread.note({self._key: claim, **more})
