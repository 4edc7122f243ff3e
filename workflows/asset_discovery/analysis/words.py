"""The dependencies and the analysis as sections of a report, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from assent.markdown import escaped, table
from workflows.asset_discovery.analysis.analyze import Analysis
from workflows.asset_discovery.analysis.migration import WAYS, Way
from workflows.asset_discovery.analysis.support import SupportState
from workflows.asset_discovery.dependencies.model import Dependencies, EdgeKind

_MOST = 25
_GIB, _TIB = 1024, 1024  # in MiB, in GiB
_KINDS = {
    EdgeKind.DECLARED: "declared in a column",
    EdgeKind.HOSTED: "because one runs on the other",
    EdgeKind.MENTIONED: "named in another cell",
    EdgeKind.NETWORK: "by the only way out of a network",
}
_TITLES = {"location": "Location", "environment": "Environment", "asset_type": "Type", "cluster": "Cluster"}


def dependency_words(found: Dependencies) -> list[str]:
    """The section about dependencies."""
    lines = ["## Dependencies", ""]
    counted = dict(found.edges["kind"].value_counts().iter_rows())
    kinds = [f"{counted[kind.value]:,} {words}" for kind, words in _KINDS.items() if kind.value in counted]
    lines.append(f"{found.edges.height:,} dependencies were found{': ' + ', '.join(kinds) if kinds else ''}.")
    lines.append(f"{len(found.orphans):,} assets have none.")
    if found.cycles:
        lines += ["", f"**{len(found.cycles):,} circles:** assets that need each other.", ""]
        lines += [f"- {escaped(found.in_words(cycle))}" for cycle in found.cycles[:_MOST]]
        lines += _more(len(found.cycles))
    if found.unresolved.height:
        rows = found.unresolved.select("source_name", "target_name", "why").head(_MOST).iter_rows()
        lines += ["", f"{found.unresolved.height:,} names lead to no asset:", ""]
        lines += table(("Asset", "Needs", "Why not"), ([escaped(cell) for cell in row] for row in rows))
        lines += _more(found.unresolved.height)
    return lines


def analysis_words(found: Analysis, names: dict[int, str]) -> list[str]:
    """The sections about support, single points of failure, capacity, licenses, and migration.

    Args:
        names: The name of each asset, by number.
    """
    parts = (_support(found, names), _points(found, names), _capacity(found), _licenses(found), _migration(found))
    return [line for part in parts for line in (*part, "")]


def _support(found: Analysis, names: dict[int, str]) -> Iterator[str]:
    counted = dict(found.support["state"].value_counts().iter_rows())
    yield "## Support"
    yield ""
    yield f"On {found.as_of:%d %B %Y}, of {found.support.height:,} assets that are not retired:"
    yield ""
    yield from table(
        ("Support", "Assets"), ((state.value, f"{counted.get(state.value, 0):,}") for state in SupportState)
    )
    urgent = found.support.filter(pl.col("state").is_in([SupportState.ENDED.value, SupportState.SOON.value]))
    if urgent.height:
        rows = (
            (escaped(names[asset]), f"{ends:%d %b %Y}", escaped(what), escaped(reason))
            for asset, ends, what, _, reason in urgent.head(_MOST).iter_rows()
        )
        yield ""
        yield from table(("Asset", "Until", "What", "Known because"), rows)
        yield from _more(urgent.height)


def _points(found: Analysis, names: dict[int, str]) -> Iterator[str]:
    yield "## Single points of failure"
    yield ""
    if not found.single_points.height:
        yield "No asset is needed by three others without a second one in its cluster."
        return
    rows = (
        (escaped(names[asset]), escaped(reason))
        for asset, reason in found.single_points.select("asset", "reason").head(_MOST).iter_rows()
    )
    yield from table(("Asset", "Why"), rows)
    yield from _more(found.single_points.height)


def _capacity(found: Analysis) -> Iterator[str]:
    yield "## Capacity"
    for by, title in _TITLES.items():
        part = found.capacity.filter(pl.col("by") == by)
        if part["value"].drop_nulls().is_empty():
            continue
        rows = (
            (escaped(value or "(none)"), f"{count:,}", f"{cpus or 0:,.0f}", in_words((memory or 0) / _GIB),
             in_words(disk or 0), f"{unsized:,}")
            for value, count, cpus, memory, disk, unsized in part.drop("by").head(_MOST).iter_rows()
        )  # fmt: skip
        yield ""
        yield from table((title, "Assets", "CPUs", "Memory", "Disk", "Without figures"), rows)
        yield from _more(part.height)
    noted = found.hosts.filter(pl.col("note") != "")
    if noted.height:
        shown = noted.select("host", "guests", "note").head(_MOST).iter_rows()
        cells = [(escaped(host), f"{guests:,}", escaped(note)) for host, guests, note in shown]
        yield ""
        yield from table(("Virtual host", "Guests", "Note"), cells)
        yield from _more(noted.height)


def _licenses(found: Analysis) -> Iterator[str]:
    yield "## Licenses at a glance"
    yield ""
    if not found.licenses.height:
        yield "Nothing was found that is usually paid for."
        return
    rows = (
        (escaped(f"{product} {release}"), f"{count:,}", f"{cpus or 0:,}", f"{unsized:,}")
        for product, release, count, cpus, unsized in found.licenses.head(_MOST).iter_rows()
    )
    yield from table(("Product", "Assets", "CPUs", "CPUs unknown"), rows)
    yield from _more(found.licenses.height)
    yield ""
    yield "A figure to begin with: what has to be licensed is in the contracts."


def _migration(found: Analysis) -> Iterator[str]:
    counted = dict(found.migration["way"].value_counts().iter_rows())
    yield "## Migration view"
    yield ""
    rows = [(way.value.title(), words, f"{counted.get(way.value, 0):,}") for way, words in WAYS.items()]
    yield from table(("Way", "Which means", "Assets"), rows)
    if found.applications.height:
        shown = (
            (escaped(name), f"{count:,}", Way(way).value.title(), escaped(reason), escaped(others))
            for name, count, way, reason, others in found.applications.head(_MOST).iter_rows()
        )
        yield ""
        yield from table(("Application", "Assets", "Way", "Because", "Others of it"), shown)
        yield from _more(found.applications.height)


def in_words(gibibytes: float) -> str:
    """An amount in GiB, or in TiB where that is shorter."""
    return f"{gibibytes / _TIB:,.1f} TiB" if gibibytes >= 10 * _TIB else f"{gibibytes:,.0f} GiB"


def _more(number: int) -> list[str]:
    return ["", f"{number - _MOST:,} more are in the files of this run."] if number > _MOST else []
