"""What the steps of a driven graph may take from a cache, and leave in it: nothing that people have decided on.

LangGraph caches what a node writes under the node's input (`cache_policy`). If the node asks for approval, that is the
outcome: the next run with the same input would take it, and nobody would be asked. So a step that asks, or in which
something asks, is neither cached nor replaced by what is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langgraph.cache.base import BaseCache, FullKey, Namespace

_ASKED = frozenset({"__resume__", "__interrupt__"})
"""Channels to which a step writes that was answered, or asks."""
_OWN = ".assent"
"""Ends the keys of what was stored here: nobody knows whether other entries come from steps that asked."""

Pairs = Mapping[FullKey, tuple[Any, int | None]]


class DriveCache(BaseCache[Any]):
    """The graph's own cache, for one drive.

    A step that asks ends the drive, and is finished by a later one. So the steps that may have asked are those that
    were under way when the drive began, and all steps inside them.

    Args:
        find: gives the graph's own cache, or None if it has none.
        resuming: tells whether steps that were under way when the drive began are still running.
    """

    def __init__(self, find: Callable[[], BaseCache[Any] | None], resuming: Callable[[], bool]) -> None:
        super().__init__()
        self._find = find
        self._resuming = resuming
        self._barred: set[FullKey] = set()

    def get(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        """What is stored; nothing for steps that may have asked."""
        cache = self._cache(keys)
        return _own(keys, cache.get(_stored(keys))) if cache is not None else {}

    async def aget(self, keys: Sequence[FullKey]) -> dict[FullKey, Any]:
        """As `get`."""
        cache = self._cache(keys)
        return _own(keys, await cache.aget(_stored(keys))) if cache is not None else {}

    def set(self, pairs: Pairs) -> None:
        """Store what steps have written that have asked nothing."""
        cache, storable = self._find(), self._storable(pairs)
        if cache is not None and storable:
            cache.set(storable)

    async def aset(self, pairs: Pairs) -> None:
        """As `set`."""
        cache, storable = self._find(), self._storable(pairs)
        if cache is not None and storable:
            await cache.aset(storable)

    def clear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """Delete what is stored."""
        if (cache := self._find()) is not None:
            cache.clear(namespaces)

    async def aclear(self, namespaces: Sequence[Namespace] | None = None) -> None:
        """As `clear`."""
        if (cache := self._find()) is not None:
            await cache.aclear(namespaces)

    def _cache(self, keys: Sequence[FullKey]) -> BaseCache[Any] | None:
        # LangGraph looks up every step before it runs it: the keys of those that may have asked all come by here.
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
    """The graph's cache, or else that of the first of its subgraphs that has one."""
    inner = (found.cache for _, found in graph.get_subgraphs(recurse=True))
    return next((cache for cache in (graph.cache, *inner) if cache is not None), None)
