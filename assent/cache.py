"""The cache for steps of a driven graph, which never contains anything that people decided.

LangGraph caches what a node writes under the node's input (`cache_policy`). If a node requests approval, that includes
the outcome: the next run with the same input would use it, without a new request. So a step that asks, directly or in a
nested graph, is neither cached nor replaced by a cached result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.cache.base import BaseCache, FullKey, Namespace

_ASKED = frozenset({"__resume__", "__interrupt__"})
"""Channels that a step writes to if it asks, or was answered."""
_OWN = ".assent"
"""Suffix of the keys of entries stored here; other entries may come from steps that asked."""

Pairs = Mapping[FullKey, tuple[Any, int | None]]


class DriveCache(BaseCache[Any]):
    """The graph's own cache, for one drive.

    A step that asks ends the drive, and a later drive finishes it. So the steps that may have asked are those that were
    in progress when the drive began, and all steps inside them.

    Args:
        find: returns the graph's own cache, or None if it has none.
        resuming: returns whether steps that were in progress when the drive began are still running.
    """

    def __init__(self, find: Callable[[], BaseCache[Any] | None], resuming: Callable[[], bool]) -> None:
        super().__init__()
        self._find = find
        self._resuming = resuming
        self._barred: set[FullKey] = set()

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        """Return what is stored; nothing for steps that may have asked."""
        cache = self._cache(keys)
        return _own(keys, cache.get(_stored(keys))) if cache is not None else {}

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        """As `get`."""
        cache = self._cache(keys)
        return _own(keys, await cache.aget(_stored(keys))) if cache is not None else {}

    def set(self, pairs: Pairs) -> None:
        """Store the results of steps that have not asked."""
        cache, storable = self._find(), self._storable(pairs)
        if cache is not None and storable:
            cache.set(storable)

    async def aset(self, pairs: Pairs) -> None:
        """As `set`."""
        cache, storable = self._find(), self._storable(pairs)
        if cache is not None and storable:
            await cache.aset(storable)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Delete stored results."""
        if (cache := self._find()) is not None:
            cache.clear(namespaces)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """As `clear`."""
        if (cache := self._find()) is not None:
            await cache.aclear(namespaces)

    def _cache(self, keys: Sequence[FullKey]) -> BaseCache[Any] | None:
        # LangGraph looks up every step before it runs it, so the keys of all steps that may have asked are seen here.
        if self._resuming():
            self._barred.update(keys)
            return None
        return self._find()

    def _storable(self, pairs: Pairs) -> Pairs:
        return {
            (namespace, key + _OWN): (writes, ttl)
            for (namespace, key), (writes, ttl) in pairs.items()
            if (namespace, key) not in self._barred and not any(channel in _ASKED for channel, _ in writes)
        }


def _stored(keys: Sequence[FullKey]) -> list[FullKey]:
    return [(namespace, key + _OWN) for namespace, key in keys]


def _own(keys: Sequence[FullKey], found: Mapping[FullKey, Any]) -> dict[FullKey, Any]:
    return {
        (namespace, key): found[namespace, key + _OWN] for namespace, key in keys if (namespace, key + _OWN) in found
    }


def cache_of(graph: Any) -> BaseCache[Any] | None:
    """Return the graph's cache, or else that of its first subgraph that has one."""
    inner = (found.cache for _, found in graph.get_subgraphs(recurse=True))
    return next((cache for cache in (graph.cache, *inner) if cache is not None), None)
